#!/usr/bin/env python3
"""clang-format, only on the lines that changed: since a commit, or in the work tree.

  format_changed.py [--base REV] [--fix] [--clang-format NAME]

Compares the work tree (committed, staged, unstaged and untracked C++ files) with the merge base of REV and
HEAD. REV defaults to the first of origin/main, HEAD~1 and the empty tree that exists. Exit 0 when clean, 1 with
a diff when not, 3 when git or clang-format is missing. --fix rewrites the lines.
  format_changed.py --self-test    plants badly formatted lines and expects them (and only them) to be found
"""
import argparse
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SUFFIXES = (".h", ".hpp", ".cpp", ".cc", ".cu", ".cuh")
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@")


def git(root, *arguments, check=True):
    done = subprocess.run(["git", "-C", str(root), "-c", "core.quotePath=false", *arguments], text=True, capture_output=True)
    if check and done.returncode != 0:
        raise SystemExit(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout if done.returncode == 0 else None


def choose_base(root, wanted):
    for revision in [wanted] if wanted else ["origin/main", "HEAD~1"]:
        if git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", check=False):
            return (git(root, "merge-base", revision, "HEAD", check=False) or revision).strip()
    if wanted:
        raise SystemExit(f"no commit named {wanted}")
    return EMPTY_TREE


def changed_lines(root, base):
    """Path -> list of (first, last) line ranges, 1-based, in the work tree's numbering."""
    changes, path = {}, None
    for line in git(root, "diff", "--unified=0", "--no-color", "--no-ext-diff", "--diff-filter=d", base).splitlines():
        if line.startswith("+++ "):
            path = line[6:].rstrip("\t") if line.startswith("+++ b/") else None
        elif path and path.endswith(SUFFIXES) and (match := HUNK.match(line)):
            first, count = int(match.group(1)), int(match.group(2) or 1)
            if count:
                changes.setdefault(path, []).append((first, first + count - 1))
    for path in git(root, "ls-files", "--others", "--exclude-standard").splitlines():
        if path.endswith(SUFFIXES):
            changes[path] = [(1, max(1, len((root / path).read_bytes().splitlines())))]
    return changes


def run(root, base, fix, formatter):
    changes = changed_lines(root, base)
    wrong = 0
    for path, ranges in sorted(changes.items()):
        text = (root / path).read_text()
        command = [formatter, f"--assume-filename={root / path}", "--style=file", "--fallback-style=none"]
        command += [f"--lines={first}:{last}" for first, last in ranges]
        done = subprocess.run(command, input=text, text=True, capture_output=True)
        if done.returncode != 0:
            raise SystemExit(f"{formatter} on {path}: {done.stderr.strip()}")
        if done.stdout == text:
            continue
        wrong += 1
        if fix:
            (root / path).write_text(done.stdout)
        else:
            sys.stdout.writelines(difflib.unified_diff(
                text.splitlines(True), done.stdout.splitlines(True), f"a/{path}", f"b/{path}", n=1))
    lines = sum(last - first + 1 for ranges in changes.values() for first, last in ranges)
    print(f"format: {len(changes)} files, {lines} changed lines since {base[:12]}, "
          f"{wrong} files {'rewritten' if fix else 'not formatted'}")
    return 1 if wrong and not fix else 0


def self_test(formatter):
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        os.environ.update(GIT_AUTHOR_NAME="t", GIT_AUTHOR_EMAIL="t@localhost", GIT_COMMITTER_NAME="t",
                          GIT_COMMITTER_EMAIL="t@localhost", GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_SYSTEM=os.devnull)
        (root / ".clang-format").write_text("BasedOnStyle: Google\n")
        old_sin = "int   old_sin( int a ){return a;}\n\n// One.\n// Two.\n\n"
        (root / "a.cpp").write_text(old_sin + "int fine() { return 1; }\n")
        git(root, "init", "-q")
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", "first")

        def expect(what, status, **options):
            if run(root, choose_base(root, "HEAD"), options.get("fix", False), formatter) != status:
                wrong.append(what)

        expect("unchanged sins were reported", 0)
        (root / "a.cpp").write_text(old_sin + "int   fine( ){ return 2; }\n")
        expect("a badly formatted changed line passed", 1)
        expect("--fix did not succeed", 0, fix=True)
        if (root / "a.cpp").read_text() != old_sin + "int fine() { return 2; }\n":
            wrong.append("--fix touched other lines or did not format the changed one")
        (root / "new.h").write_text("int  untracked( );\n")
        expect("a badly formatted untracked file passed", 1)
    for what in wrong:
        print(what, file=sys.stderr)
    print(f"format self-test: 5 expectations, {len(wrong)} wrong")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--base")
    parser.add_argument("--fix", action="store_true")
    parser.add_argument("--clang-format", default=os.environ.get("CLANG_FORMAT", "clang-format"))
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    for tool in ["git", arguments.clang_format]:
        if not shutil.which(tool):
            print(f"{tool} is not on PATH; on Debian: apt-get install git clang-format", file=sys.stderr)
            return 3
    if arguments.self_test:
        return self_test(arguments.clang_format)
    return run(arguments.root, choose_base(arguments.root, arguments.base), arguments.fix, arguments.clang_format)


if __name__ == "__main__":
    sys.exit(main())
