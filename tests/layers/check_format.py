#!/usr/bin/env python3
"""clang-format over the whole tree, so that no change has to argue about layout.

  check_format.py [--root ROOT] [--fix] [--clang-format NAME]
  check_format.py --self-test    plants a badly formatted file and expects it (and only it) to be found

Fixtures are data and stay as they are; a folder whose .clang-format says DisableFormat (the language
tables) is laid out by hand. Exit 0 when clean, 1 with the lines when not, 3 without clang-format.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MODULES = ("base", "repoindex", "engine", "lsp", "agent", "daemon", "tests")
SUFFIXES = {".h", ".cpp", ".cu", ".cuh"}


def sources(root):
    for module in MODULES:
        for path in sorted((root / module).rglob("*")):
            if path.suffix in SUFFIXES and "fixtures" not in path.parts:
                yield str(path)


def run(root, fix, formatter):
    files = list(sources(root))
    if not files:
        print("format: no source files below", root, file=sys.stderr)
        return 1
    mode = ["-i"] if fix else ["--dry-run", "--Werror"]
    done = subprocess.run([formatter, "--style=file", "--fallback-style=none", *mode, *files],
                          text=True, capture_output=True)
    sys.stdout.write(done.stderr)
    print(f"format: {len(files)} files, {'formatted' if fix else 'clean' if done.returncode == 0 else 'NOT clean'}")
    return 1 if done.returncode else 0


def self_test(formatter):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / ".clang-format").write_text("BasedOnStyle: Google\n")
        (root / "base/fixtures").mkdir(parents=True)
        (root / "base/fine.cpp").write_text("int fine() { return 1; }\n")
        (root / "base/fixtures/data.cpp").write_text("int   data( );\n")
        seen = [run(root, False, formatter)]
        (root / "base/bad.h").write_text("int   bad( );\n")
        seen += [run(root, False, formatter), run(root, True, formatter), run(root, False, formatter)]
        kept = (root / "base/fixtures/data.cpp").read_text() == "int   data( );\n"
    wrong = seen != [0, 1, 0, 0] or not kept
    print("format self-test:", "WRONG" if wrong else "right", seen)
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--fix", action="store_true")
    parser.add_argument("--clang-format", default=os.environ.get("CLANG_FORMAT", "clang-format"))
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if not shutil.which(arguments.clang_format):
        print(f"{arguments.clang_format} is not on PATH; on Debian: apt-get install clang-format", file=sys.stderr)
        return 3
    if arguments.self_test:
        return self_test(arguments.clang_format)
    return run(arguments.root, arguments.fix, arguments.clang_format)


if __name__ == "__main__":
    sys.exit(main())
