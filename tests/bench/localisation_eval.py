#!/usr/bin/env python3
"""How well `engramd locate` finds the files and functions of landed fixes.

  localisation_eval.py --cases CASES.jsonl --engramd BINARY owner/name=GITDIR ...

A case is one line of JSON: repo, base (commit), message, gold (files), gold_functions
({file: [names]}). Each base commit is unpacked into a temporary folder and asked for with the
fix's message. acc@k: all gold items are within the first k; hit@k: one is. Cases of repositories
that are not given are counted as skipped. Standard library only.
"""
import argparse
import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time


def unpack(git_folder, commit, folder):
    if os.path.isdir(folder):
        shutil.rmtree(folder)
    os.makedirs(folder)
    archive = subprocess.Popen(["git", "--git-dir=" + git_folder, "archive", commit],
                               stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", folder], stdin=archive.stdout, check=True)
    if archive.wait() != 0:
        raise RuntimeError("git archive %s failed" % commit)


def ask(engramd, folder, message, scratch):
    task = os.path.join(scratch, "task.txt")
    with open(task, "w", encoding="utf-8") as out:
        out.write(message)
    begin = time.time()
    done = subprocess.run([engramd, "locate", "--repo", folder, "--task", task, "-k", "200", "--json"],
                          stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout), time.time() - begin


def report(name, rows):
    if not rows:
        return
    line = "%-22s n=%-4d" % (name, len(rows))
    for k in (1, 3, 5, 10, 20):
        line += " acc@%d %.1f" % (k, 100 * sum(all(r < k for r in ranks) for ranks in rows) / len(rows))
    line += " hit@5 %.1f" % (100 * sum(any(r < 5 for r in ranks) for ranks in rows) / len(rows))
    line += " mrr %.1f" % (100 * sum(1 / (1 + min(ranks)) for ranks in rows) / len(rows))
    print(line, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", required=True)
    parser.add_argument("--engramd", required=True)
    parser.add_argument("repositories", nargs="*", metavar="owner/name=GITDIR")
    arguments = parser.parse_args()
    git_folders = dict(r.split("=", 1) for r in arguments.repositories)
    with open(arguments.cases, encoding="utf-8") as lines:
        cases = [json.loads(line) for line in lines]
    cases.sort(key=lambda case: (case["repo"], case["date"]))

    files, functions = collections.defaultdict(list), []
    skipped, seconds = 0, []
    with tempfile.TemporaryDirectory(prefix="engramd-localisation") as scratch:
        folder = os.path.join(scratch, "repository")
        for case in cases:
            if case["repo"] not in git_folders:
                skipped += 1
                continue
            unpack(git_folders[case["repo"]], case["base"], folder)
            if not all(os.path.exists(os.path.join(folder, path)) for path in case["gold"]):
                skipped += 1
                continue
            answer, took = ask(arguments.engramd, folder, case["message"], scratch)
            seconds.append(took)
            rank = {item["path"]: r for r, item in reversed(list(enumerate(answer["files"])))}
            ranks = [rank.get(path, 10**6) for path in case["gold"]]
            files[case["repo"]].append(ranks)
            rank = {(item["path"], item["name"]): r
                    for r, item in reversed(list(enumerate(answer["functions"])))}
            wanted = [(path, name) for path, names in case["gold_functions"].items() for name in names]
            if wanted:
                functions.append([rank.get(item, 10**6) for item in wanted])
    for repository in sorted(files):
        report(repository, files[repository])
    report("all files", [ranks for rows in files.values() for ranks in rows])
    report("all functions", functions)
    if seconds:
        print("seconds a case: median %.2f, most %.2f; skipped %d cases" %
              (sorted(seconds)[len(seconds) // 2], max(seconds), skipped))
    return 0 if seconds else 1


if __name__ == "__main__":
    sys.exit(main())
