#!/usr/bin/env python3
"""How well the ranker finds the files, functions and lines of landed fixes.

  localisation_eval.py --measured OUT.jsonl [--ablate] [--fit]
  localisation_eval.py --cases CASES.jsonl --engramd BINARY owner/name=GITDIR ...

The first form reads what tests/bench/localisation_eval (the program beside this script) measured:
ranks by the weights it was built with, the share of the gold lines in windows, and every signal of
the candidate files. --fit chooses weights, then with each project left out in turn, to see how they
travel; --ablate takes signals away (numpy is needed for both).

The second form asks the command line instead: each base commit is unpacked into a temporary
folder and asked for with the fix's message. A case is one line of JSON: repo, base (commit),
message, gold (files), gold_functions ({file: [names]}).

acc@k: all gold items are within the first k; hit@k: one is; several@k: acc@k over the cases with
more than one gold file.
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

FAR = 10**6
# In the order of repoindex/rank/signals.h.
SIGNALS = "text functions path defined symbol mention history churn together".split()
# repoindex/rank/weights.h.
WEIGHTS = dict(text=0.5, functions=0.5, path=0.4, defined=0.15, symbol=0.2, mention=0.5, history=0.1,
               churn=0.15, together=0.1)
START = 0.3  # of every signal, when weights are fitted
TRIED = (0, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1)
# Projects with a handful of cases are left out together.
SMALL = 10


def share(rows, test):
    return 100 * sum(1 for row in rows if test(row)) / max(1, len(rows))


def report(name, rows):
    """rows: the ranks of the gold items of each case, from 0."""
    if not rows:
        return
    line = "%-30s n=%-4d" % (name, len(rows))
    for k in (1, 3, 5, 10, 20):
        line += " acc@%d %.1f" % (k, share(rows, lambda r: all(x < k for x in r)))
    line += " hit@5 %.1f" % share(rows, lambda r: any(x < 5 for x in r))
    line += " mrr %.1f" % (100 * sum(1 / (1 + min(r)) for r in rows) / len(rows))
    several = [r for r in rows if len(r) > 1]
    if several:
        line += " | several (n=%d)" % len(several)
        for k in (5, 10, 20):
            line += " @%d %.1f" % (k, share(several, lambda r: all(x < k for x in r)))
    print(line, flush=True)


def first_ranks(items):
    return {item: rank for rank, item in reversed(list(enumerate(items)))}


# --- the command line ----------------------------------------------------------------------


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


def by_command_line(arguments):
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
            rank = first_ranks([item["path"] for item in answer["files"]])
            files[case["repo"]].append([rank.get(path, FAR) for path in case["gold"]])
            rank = first_ranks([(item["path"], item["name"]) for item in answer["functions"]])
            wanted = [(path, name) for path, names in case["gold_functions"].items() for name in names]
            if wanted:
                functions.append([rank.get(item, FAR) for item in wanted])
    for repository in sorted(files):
        report(repository, files[repository])
    report("all files", [ranks for rows in files.values() for ranks in rows])
    report("all functions", functions)
    if seconds:
        print("seconds a case: median %.2f, most %.2f; skipped %d cases" %
              (sorted(seconds)[len(seconds) // 2], max(seconds), skipped))
    return 0 if seconds else 1


# --- what was measured ---------------------------------------------------------------------


def read_measured(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def tables(cases):
    files = collections.defaultdict(list)
    functions, windows = [], collections.defaultdict(list)
    for case in cases:
        rank = first_ranks(case["ranked"])
        files[case["repo"]].append([rank.get(path, FAR) for path in case["gold"]])
        rank = first_ranks([(f[0], f[1]) for f in case["functions"]])
        wanted = [(path, name) for path, names in case["gold_functions"].items() for name in names]
        if wanted:
            functions.append([rank.get(item, FAR) for item in wanted])
        for budget, shown in case["windows"].items():
            windows[int(budget)].append(shown)
    for repository in sorted(files):
        report(repository, files[repository])
    report("all files", [ranks for rows in files.values() for ranks in rows])
    report("all functions", functions)
    for budget in sorted(windows):
        shown = windows[budget]
        print("window of %d tokens: %.1f %% of the gold lines a case, all of them in %.1f %%, some in"
              " %.1f %%; %d tokens used" %
              (budget, 100 * sum(w["lines"] for w in shown) / len(shown),
               share(shown, lambda w: w["lines"] > 0.999), share(shown, lambda w: w["lines"] > 0),
               sum(w["tokens"] for w in shown) / len(shown)))


class Fitter:
    """Chooses weights one at a time from a short list: few choices, few chances to over-fit."""

    def __init__(self, cases):
        import numpy
        self.np = np = numpy
        rows = []
        for case in cases:
            paths = [c[0] for c in case["candidates"]]
            gold = [paths.index(path) for path in case["gold"] if path in paths]
            if len(gold) == len(case["gold"]):
                rows.append((case["repo"], np.array([c[1] for c in case["candidates"]], float), gold))
        self.repositories = [row[0] for row in rows]
        most = max(len(values) for _, values, _ in rows)
        self.values = np.zeros((len(rows), most, len(SIGNALS)))
        self.real = np.zeros((len(rows), most), bool)
        self.gold = np.full((len(rows), max(len(gold) for _, _, gold in rows)), -1)
        for i, (_, values, gold) in enumerate(rows):
            self.values[i, :len(values)] = values
            self.real[i, :len(values)] = True
            self.gold[i, :len(gold)] = gold
        self.all = np.arange(len(rows))

    def ranks(self, which, weights):
        np = self.np
        score = np.where(self.real[which], self.values[which] @ weights, -1.0)
        out = np.full(self.gold[which].shape, -1)
        for k in range(out.shape[1]):
            at = self.gold[which, k]
            mine = score[np.arange(len(which)), np.maximum(at, 0)]
            rank = np.where(mine > 0, (score > mine[:, None]).sum(1), FAR)
            out[:, k] = np.where(at >= 0, rank, -1)
        return out

    def rows(self, ranks):
        return [[int(r) for r in row if r >= 0] for row in ranks]

    def worth(self, ranks):
        np = self.np
        worst, best = ranks.max(1), np.where(ranks >= 0, ranks, FAR).min(1)
        return ((1 / (1 + best)).mean() + (1 / (1 + worst)).mean() + (worst < 5).mean() +
                0.5 * (worst < 1).mean() + 0.3 * (worst < 10).mean())

    def fit(self, which, used):
        weights = self.np.array([START if s in used else 0 for s in SIGNALS])
        best = self.worth(self.ranks(which, weights))
        for _ in range(3):
            for i, signal in enumerate(SIGNALS):
                for value in TRIED if signal in used else ():
                    other = weights.copy()
                    other[i] = value
                    worth = self.worth(self.ranks(which, other))
                    if worth > best + 1e-9:
                        best, weights = worth, other
        return weights

    def left_out(self, used):
        """The ranks of every case by weights that were fitted without its project."""
        np = self.np
        group = np.array([r if self.repositories.count(r) >= SMALL else "small"
                          for r in self.repositories])
        out = np.zeros(self.gold.shape, int)
        for name in sorted(set(group)):
            here = self.all[group == name]
            out[here] = self.ranks(here, self.fit(self.all[group != name], used))
        return out


def fit(cases):
    fitter = Fitter(cases)
    weights = fitter.fit(fitter.all, SIGNALS)
    print("weights: " + ", ".join("%s %g" % (s, w) for s, w in zip(SIGNALS, weights)))
    report("fitted on all", fitter.rows(fitter.ranks(fitter.all, weights)))
    report("fitted on the other projects", fitter.rows(fitter.left_out(SIGNALS)))


def ablate(cases):
    fitter = Fitter(cases)

    def at(weights):
        row = fitter.np.array([weights.get(s, 0) for s in SIGNALS])
        return fitter.rows(fitter.ranks(fitter.all, row))

    print("with the weights as they are:")
    report("all signals", at(WEIGHTS))
    for signal in SIGNALS:
        if WEIGHTS[signal] > 0:
            report("without " + signal, at({**WEIGHTS, signal: 0}))
        else:
            report("with 0.1 " + signal, at({**WEIGHTS, signal: 0.1}))
    print("fitted on the other projects, without the signal:")
    for signal in [None] + SIGNALS:
        used = [s for s in SIGNALS if s != signal]
        report("without %s" % signal if signal else "all signals", fitter.rows(fitter.left_out(used)))
    print("alone:")
    for signal in SIGNALS:
        report(signal, at({signal: 1}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases")
    parser.add_argument("--engramd")
    parser.add_argument("--measured")
    parser.add_argument("--ablate", action="store_true")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("repositories", nargs="*", metavar="owner/name=GITDIR")
    arguments = parser.parse_args()
    if arguments.measured:
        cases = read_measured(arguments.measured)
        tables(cases)
        if arguments.fit:
            fit(cases)
        if arguments.ablate:
            ablate(cases)
        return 0
    if not arguments.cases or not arguments.engramd:
        parser.error("give --measured FILE, or --cases and --engramd")
    return by_command_line(arguments)


if __name__ == "__main__":
    sys.exit(main())
