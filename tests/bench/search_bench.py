#!/usr/bin/env python3
"""Text search against ripgrep: the same files, the same patterns, CPU seconds of the same minute.

    search_bench.py SEARCH_BENCH FOLDER [--runs 5]

SEARCH_BENCH is build/release/tests/bench/search_bench (-DENGRAMD_BUILD_BENCH=ON), FOLDER a git
checkout. Both print every match with its place. Ripgrep's time holds its walk of the folders, the
index has made that walk before. The exit status is 1 when a pattern takes over 1.3 times
ripgrep's CPU time, or when the numbers of matches are further apart than one in a hundred
(ripgrep's \\w knows other alphabets, RE2's does not).
"""
import argparse
import re
import resource
import statistics
import subprocess
import sys

# (pattern, what it is): arguments for both follow from the second.
PATTERNS = [
    ("ColumnDataCollection", ""),
    ("return NULL;", ""),
    ("zzqqxx_nothing", ""),
    ("static_cast", ""),
    ("columndatacollection", "-i"),
    ("Vector", "-w"),
    (r"ColumnData\w+::Scan", "-e"),
    (r"[A-Z]+_ERROR\b", "-e"),
    (r"\bfoo\d+", "-e"),
    (r"(TODO|FIXME|XXX)", "-e"),
    (r"\w+\(\w+,\s*\w+\)", "-e"),
]


def ripgrep(folder, pattern, kind):
    command = ["rg", "--hidden", "--vimgrep", "-g", "!.git"]
    if kind != "-e":
        command.append("-F")
    if kind in ("-i", "-w"):
        command.append(kind)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(command + ["-e", pattern, "."], cwd=folder, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, run.stdout.count(b"\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("search_bench")
    parser.add_argument("folder")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    bad = 0
    print(f"{'pattern':26} {'':3} {'hits':>8} {'rg hits':>8} {'cpu s':>7} {'rg':>7} {'ratio':>6}")
    for pattern, kind in PATTERNS:
        command = [arguments.search_bench, arguments.folder, pattern, "-n", str(arguments.runs)]
        run = subprocess.run(command + ([kind] if kind else []), capture_output=True, text=True,
                             check=True)
        match = re.search(r"hits (\d+) cpu ([\d.]+)", run.stdout)
        hits, ours = int(match[1]), float(match[2])
        theirs = [ripgrep(arguments.folder, pattern, kind) for _ in range(arguments.runs)]
        cpu, rg_hits = statistics.median(t[0] for t in theirs), theirs[0][1]
        ratio = ours / cpu
        bad += ratio > 1.3 or abs(hits - rg_hits) > max(hits, rg_hits) / 100
        print(f"{pattern:26} {kind:3} {hits:8} {rg_hits:8} {ours:7.3f} {cpu:7.3f} {ratio:6.2f}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
