#!/usr/bin/env python3
"""Picks what scripts/quickstart shows: a function worth asking about, and a place to complete at.

  quickstart_demo.py pick-symbol ENGRAMD REPO        prints the most called of some functions that are defined once
  quickstart_demo.py pick-place ENGRAMD REPO NAME    prints "FILE:LINE:COL N": of N places below that definition the one
                                                     where the model is surest
"""
import json
import pathlib
import subprocess
import sys

CANDIDATES = 24
PLACES = 12


def ask(engramd, *arguments):
    done = subprocess.run([engramd, *arguments, "--json"], text=True, capture_output=True)
    return json.loads(done.stdout) if done.returncode == 0 else []


def pick_symbol(engramd, repo):
    symbols = ask(engramd, "query", "symbols", "", "--repo", repo, "--limit", "20000")
    count = {}
    for symbol in symbols:
        count[symbol["name"]] = count.get(symbol["name"], 0) + 1
    names = sorted({s["name"] for s in symbols if s["kind"] in ("function", "method") and len(s["name"]) > 5
                    and count[s["name"]] == 1 and "test" not in s["path"].lower()})
    # Some from all over the alphabet: asking about every name of a large repository takes long.
    names = names[::max(1, len(names) // CANDIDATES)][:CANDIDATES]
    calls = {name: len(ask(engramd, "query", "calls", name, "--repo", repo, "--limit", "50")) for name in names}
    print(max(names, key=lambda name: (calls[name], len(name))) if names else symbols[0]["name"] if symbols else "main")


def pick_place(engramd, repo, name):
    definition = ask(engramd, "query", "def", name, "--repo", repo, "--limit", "1")
    if not definition:
        raise SystemExit(f"no definition of {name}")
    path, first = definition[0]["path"], definition[0]["line"]
    lines = pathlib.Path(repo, path).read_text(errors="replace").split("\n")
    places = []
    # The middle of lines that have something to complete, below the definition and around to its file's top.
    order = list(range(first, len(lines))) + list(range(0, first))
    for number in order:
        text = lines[number]
        stripped = text.strip()
        if len(stripped) < 24 or stripped.startswith(("//", "#", "*", '"')):
            continue
        cut = len(text) - len(stripped) + len(stripped) // 2
        while cut > 0 and text[cut - 1].isalnum():
            cut -= 1
        places.append(f"{path}:{number + 1}:{len(text[:cut].encode()) + 1}")
        if len(places) == PLACES:
            break
    best, surest = places[0] if places else f"{path}:{first}:1", -1.0
    for place in places:
        answer = ask(engramd, "complete", "--repo", repo, "--at", place)
        if answer and len(answer.get("text", "").strip()) > 3 and answer["confidence"] > surest:
            best, surest = place, answer["confidence"]
    print(best, max(len(places), 1))


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[1] not in ("pick-symbol", "pick-place"):
        raise SystemExit(__doc__)
    {"pick-symbol": pick_symbol, "pick-place": pick_place}[sys.argv[1]](*sys.argv[2:])
