#!/usr/bin/env python3
"""Real edits for tests/bench/draft_eval: what a model would have to write for a commit.

    tests/bench/draft_edits.py [--commits N] BARE_REPOSITORY... >EDITS.jsonl

For each repository the tree before its newest fitting commits (the oldest of those trees, once),
then for each commit the files it changes as they were (what a conversation has read), and of each
hunk the lines it replaces and those it puts there. Merges, and commits with files over 48 KB or of
over 200 added lines are left out.
"""
import argparse
import json
import re
import subprocess
import sys

SOURCE = re.compile(r"\.(py|c|h|cc|cpp|hpp|js|mjs|ts|tsx|go|rs|java)$")
MAX_TREE = 14 << 20  # bytes: about 4 M tokens


def git(repository, *arguments):
    return subprocess.run(["git", "-C", repository, *arguments], capture_output=True, check=True).stdout


def text_of(repository, name):
    return git(repository, "cat-file", "blob", name).decode(errors="replace")


def hunks_of(repository, commit):
    """[(path, old lines, new lines)] with one line of context."""
    out, path, old, new = [], None, [], []

    def close():
        nonlocal old, new
        if path and old != new:
            out.append((path, "".join(old), "".join(new)))
        old, new = [], []

    for line in git(repository, "show", "-U1", "--format=", "--no-renames", commit).decode(errors="replace").splitlines(True):
        if line.startswith("diff --git"):
            close()
            path = None
        elif line.startswith("--- "):
            path = line[6:].strip() if line.startswith("--- a/") else None
        elif line.startswith("+++ "):
            pass
        elif line.startswith("@@"):
            close()
        elif path and line[0] in " -+":
            if line[0] in " -":
                old.append(line[1:])
            if line[0] in " +":
                new.append(line[1:])
    close()
    return [h for h in out if SOURCE.search(h[0])]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--commits", type=int, default=40)
    parser.add_argument("repositories", nargs="+")
    arguments = parser.parse_args()
    for repository in arguments.repositories:
        edits, last = [], None
        for commit in git(repository, "log", "--no-merges", "--format=%H", "-n", "1500").decode().split():
            if len(edits) == arguments.commits:
                break
            try:
                hunks = hunks_of(repository, commit)
                if not hunks or sum(h[2].count("\n") for h in hunks) > 200:
                    continue
                read = {path: text_of(repository, f"{commit}~:{path}") for path in {h[0] for h in hunks}}
            except subprocess.CalledProcessError:
                continue
            if any(len(text) > 48 << 10 for text in read.values()) or sum(map(len, read.values())) > 128 << 10:
                continue
            message = git(repository, "show", "-s", "--format=%B", commit).decode(errors="replace")
            edits.append((message + "".join(read.values()), hunks))
            last = commit
        if last is None:
            continue
        documents, size = [], 0
        for line in git(repository, "ls-tree", "-r", "-l", f"{last}~").decode(errors="replace").splitlines():
            head, path = line.split("\t", 1)
            kind, _, n = head.split()[1:4]
            if kind != "blob" or not SOURCE.search(path) or int(n) > 512 << 10 or size > MAX_TREE:
                continue
            documents.append((path, text_of(repository, head.split()[2])))
            size += int(n)
        print(json.dumps({"repository": repository.rsplit("/", 1)[-1], "documents": documents}))
        for context, hunks in edits:
            for _, old, new in hunks:
                print(json.dumps({"context": context, "old": old, "new": new}))
                context += old + new
        print(f"{repository}: {len(edits)} commits, {len(documents)} files", file=sys.stderr)


if __name__ == "__main__":
    main()
