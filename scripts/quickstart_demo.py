#!/usr/bin/env python3
"""Picks what scripts/quickstart shows: a name worth asking about, and a place to complete at.

  pick-symbol < symbols.json        prints the name of a function or class, the longest of the first
  pick-place REPO "PATH:LINE:COL: …"  prints FILE:LINE:COL inside that definition's body
"""
import json
import pathlib
import sys


def pick_symbol():
    kinds = ("function", "method")
    names = {}
    for symbol in json.load(sys.stdin):
        in_tests = "test" in symbol["path"].lower()
        if symbol["kind"] in kinds and len(symbol["name"]) > 5 and not in_tests:
            names.setdefault(symbol["name"], 0)
            names[symbol["name"]] += 1
    unique = [name for name, count in names.items() if count <= 2]
    print(max(unique or names or ["main"], key=len))


def pick_place(repo, answer):
    path, line, _ = answer.split("\n")[0].split(":", 2)
    lines = pathlib.Path(repo, path).read_text(errors="replace").split("\n")
    # The middle of the first line below the definition that has something to complete.
    for number in range(int(line), min(int(line) + 40, len(lines))):
        text = lines[number]
        stripped = text.strip()
        if len(stripped) > 20 and not stripped.startswith(("//", "#", "*", '"')):
            cut = len(text) - len(stripped) + len(stripped) // 2
            while cut > 0 and text[cut - 1].isalnum():
                cut -= 1
            print(f"{path}:{number + 1}:{len(text[:cut].encode()) + 1}")
            return
    print(f"{path}:{line}:1")


if sys.argv[1] == "pick-symbol":
    pick_symbol()
else:
    pick_place(sys.argv[2], sys.argv[3])
