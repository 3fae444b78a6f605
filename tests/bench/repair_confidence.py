#!/usr/bin/env python3
"""Fits the confidence of a repair: how often what passes, and looks like this, is right.

    tests/bench/repair_confidence.py --quixbugs WORK/quixbugs.jsonl --mined RUNS/results.jsonl [--strength 1]

Reads what tests/bench/repair_ranking.py and tests/bench/mined/run.py (the development part; never the
test part) wrote: the first choice of each bug with the signs of its confidence and whether it is
right. Of QuixBugs, where the search went on, only what an ordinary search would have met is used.

The fit is a logistic regression of two signs (two more, the place in the order of trial and the trust in
such edits, had weight 0: the share of belief has them) with weights that cannot be negative, so that
more evidence never lowers the confidence, held near 0 by --strength. It prints the weights
(agent/repair/confidence.cpp), the first choices by confidence, and for each threshold what would
have been emitted and how much of it is right: by the fit itself, and by fits that leave out the
bug's own repository (QuixBugs is left out whole).
"""
import argparse
import json
import math
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "mined"))
import run as mined  # noqa: E402

UNIT, UNKNOWN_ORDER, TRIALS_PER_RIVAL, LEAST_UNKNOWN = 1.386, 2.6, 150, 0.1  # agent/repair/confidence.cpp
MORE_CANDIDATES, MAX_PASSING = 150, 8  # agent/repair/search.h
MOST_JUDGES = 8
NAMES = ["share", "judges"]


def signs_to_x(signs):
    share = min(max(signs["share"], 0.001), 0.999)
    return [math.log(share / (1 - share)), math.log(min(max(0.75, signs["red"]) + signs["green"], MOST_JUDGES))]


def as_searched(judged):
    """The first choice and its signs, had the search stopped when it ordinarily does."""
    if not judged:
        return None
    reached = min(one["place"] for one in judged)
    last = reached - 1 + max(MORE_CANDIDATES, reached - 1)
    met = sorted((one for one in judged if one["place"] <= last + 1), key=lambda one: one["place"])[:MAX_PASSING]
    weights = [math.exp(-UNIT * one["order"]) * one["trust"] for one in met]
    best = max(range(len(met)), key=lambda i: weights[i])
    weakness = TRIALS_PER_RIVAL * len(met) / (last + 1 + TRIALS_PER_RIVAL)
    unknown = math.exp(-UNIT * UNKNOWN_ORDER) * max(LEAST_UNKNOWN, weakness)
    return dict(met[best], share=weights[best] / (sum(weights) + unknown), others=len(met) - 1)


def read(arguments):
    rows = []
    if arguments.quixbugs:
        for line in pathlib.Path(arguments.quixbugs).read_text().splitlines():
            row = json.loads(line)
            first = as_searched(row["judged"])
            if first:
                rows.append({"id": row["id"], "group": "quixbugs", "signs": first, "right": bool(first["right"]),
                             "kind": first["kind"]})
    equivalent = mined.read_equivalent(None)
    for path in arguments.mined:
        kept = mined.latest([json.loads(line) for line in pathlib.Path(path).read_text().splitlines() if line])
        for row in kept:
            if row["variant"] != arguments.variant:
                continue
            if row.get("emitted"):
                signs, right, kind = row["signs"], mined.is_right(row, equivalent), row["kind"]
            elif row.get("held"):
                first = row["held"][0]
                signs, right, kind = first["signs"], mined.is_correct(first, row["id"], equivalent), first["kind"]
            else:
                continue
            rows.append({"id": row["id"], "group": row["repo"], "signs": signs, "right": right, "kind": kind})
    for row in rows:
        row["x"] = signs_to_x(row["signs"])
        # So that forty programs of one kind do not drown what is known of real bugs.
        n = sum((other["group"] == "quixbugs") == (row["group"] == "quixbugs") for other in rows)
        real = arguments.real if row["group"] != "quixbugs" else 1 - arguments.real
        row["weight"] = real * len(rows) / n if arguments.real else 1
    return rows


def chance(model, x):
    z = model["bias"] + sum(w * v for w, v in zip(model["weights"], x))
    return 1 / (1 + math.exp(-min(max(z, -30), 30)))


def fit(rows, strength):
    """Projected gradient descent; a few dozen rows, so nothing faster is needed."""
    weights, bias = [0.0] * len(NAMES), 0.0
    total = sum(row["weight"] for row in rows)
    for step in range(20000):
        gradient, slope = [strength * w / total for w in weights], 0.0
        for row in rows:
            miss = row["weight"] * (chance({"weights": weights, "bias": bias}, row["x"]) - row["right"]) / total
            slope += miss
            for i, value in enumerate(row["x"]):
                gradient[i] += miss * value
        rate = 0.05
        weights = [max(0.0, w - rate * g) for w, g in zip(weights, gradient)]
        bias -= rate * slope
        if max(abs(slope), *(abs(g) for g, w in zip(gradient, weights) if w > 0 or g < 0), 0) < 1e-5:
            break
    return {"weights": weights, "bias": bias}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quixbugs", default="")
    parser.add_argument("--mined", action="append", default=[])
    parser.add_argument("--variant", default="model")
    parser.add_argument("--strength", type=float, default=1.0, help="of the pull of the weights to 0")
    parser.add_argument("--real", type=float, default=0.5, help="share of the mined bugs in all that counts; 0: as they come")
    arguments = parser.parse_args()
    rows = read(arguments)
    if not any(row["right"] for row in rows) or all(row["right"] for row in rows):
        print("repair_confidence: needs right and wrong first choices")
        return 1
    model = fit(rows, arguments.strength)
    print(f"{len(rows)} first choices, {sum(row['right'] for row in rows)} right; mined "
          f"{sum(row['group'] != 'quixbugs' for row in rows)}, "
          f"{sum(row['right'] and row['group'] != 'quixbugs' for row in rows)} right")
    print("bias %.2f, " % model["bias"] + ", ".join("%s %.2f" % pair for pair in zip(NAMES, model["weights"])))
    for group in {row["group"] for row in rows}:
        rest = [row for row in rows if row["group"] != group]
        outside = fit(rest, arguments.strength) if any(row["right"] for row in rest) else model
        for row in rows:
            if row["group"] == group:
                row["outside"] = chance(outside, row["x"])
    for row in rows:
        row["fitted"] = chance(model, row["x"])
    for row in sorted(rows, key=lambda row: -row["fitted"]):
        signs = row["signs"]
        print(f"{row['id']:30} {'right' if row['right'] else 'wrong'} {row['fitted']:.2f} outside {row['outside']:.2f}  "
              f"share {signs['share']:.2f} red {signs['red']} green {signs['green']} place {signs['place']} trust "
              f"{signs['trust']:.2f} others {signs['others']}  {row['kind']}")
    print("\n| threshold | emitted, right: all | mined | mined, its repository left out of the fit |\n|---|---|---|---|")
    real = [row for row in rows if row["group"] != "quixbugs"]
    for threshold in (0.2, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85):
        cells = []
        for group, field in ((rows, "fitted"), (real, "fitted"), (real, "outside")):
            emitted = [row for row in group if row[field] >= threshold]
            cells.append(f"{len(emitted)}, {sum(row['right'] for row in emitted)}")
        print(f"| {threshold:.2f} | " + " | ".join(cells) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
