#!/usr/bin/env python3
"""Holds docs/lsp-extensions.md and the code together.

  check_extensions.py --root DIR [--update]     check_extensions.py --self-test

Every private name that the code speaks (methods engramd/..., commands engramd..., URI schemes engramd-...)
is on the page, and every one on the page is in the code. And the page's SHA-256 stands in
lsp/extensions.sha256, so that nobody changes the page without looking at what it describes: --update
writes it, after the change of both.
"""
import argparse
import hashlib
import os
import re
import sys
import tempfile

IN_CODE = re.compile(r'"((?:engramd/[a-z][A-Za-z/]*|engramd\.[a-z]+|engramd-[a-z]+))"')
IN_PAGE = re.compile(r"`((?:engramd/[a-z][A-Za-z/]*|engramd\.[a-z]+|engramd-[a-z]+))`")
# Said by the code, and no matter of the wire: files, ids of registrations.
NOT_SPOKEN = {"engramd-files", "engramd-settings", "engramd.toml"}
PAGE, LOCK, FOLDERS = "docs/lsp-extensions.md", "lsp/extensions.sha256", ("lsp", "daemon/handlers", "daemon/session")


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def names_in_code(root):
    found = set()
    for top in FOLDERS:
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in names:
                if name.endswith((".cpp", ".h")):
                    found |= set(IN_CODE.findall(read(folder, name)))
    return found - NOT_SPOKEN


def problems_of(root):
    page = read(root, PAGE)
    spoken, written = names_in_code(root), set(IN_PAGE.findall(page)) - NOT_SPOKEN
    out = ["%s is spoken and not in %s" % (name, PAGE) for name in sorted(spoken - written)]
    out += ["%s is in %s and nowhere spoken" % (name, PAGE) for name in sorted(written - spoken)]
    if read(root, LOCK).strip() != hashlib.sha256(page.encode()).hexdigest():
        out.append("%s has changed: see that the code does what it says, then check_extensions.py --root . --update"
                   % PAGE)
    return out


def update(root):
    with open(os.path.join(root, LOCK), "w", encoding="utf-8") as file:
        file.write(hashlib.sha256(read(root, PAGE).encode()).hexdigest() + "\n")


def self_test():
    with tempfile.TemporaryDirectory() as root:
        for folder in ("docs", *FOLDERS):
            os.makedirs(os.path.join(root, folder), exist_ok=True)

        def write(path, text):
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        write(PAGE, "`engramd/one` and `engramd.two`\n")
        write("lsp/a.cpp", 'on("engramd/one"); run("engramd.two"); id("engramd-files");')
        update(root)
        assert problems_of(root) == [], problems_of(root)
        write(PAGE, "`engramd/one` and `engramd.two` and more\n")
        assert len(problems_of(root)) == 1
        update(root)
        write("lsp/a.cpp", 'on("engramd/one"); run("engramd.three");')
        assert len(problems_of(root)) == 2, problems_of(root)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    if arguments.update:
        update(arguments.root)
    problems = problems_of(arguments.root)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
