#!/usr/bin/env python3
"""Where the right edit stands among those that a repair could try, in several orders.

    tests/bench/repair_ranking.py quixbugs --corpus QUIXBUGS --work DIR [--engramd PATH] [--cpu-seconds 60]
    tests/bench/repair_ranking.py reorder --corpus QUIXBUGS --work DIR [--engramd PATH]
    tests/bench/repair_ranking.py mined --repos REPOS --runs DIR --work DIR [--part dev] [--variant model]
    tests/bench/repair_ranking.py coverage --repos REPOS --work DIR [--proposer PATH]
    tests/bench/repair_ranking.py report --work DIR

`quixbugs` runs `engramd fix --try-all` with the model on each program: the search does not end with
the first edit that passes, so which edits pass is known for (nearly) all of them, whatever order is
asked about afterwards. `reorder` asks another build for its order of the same candidates, in seconds
and without trials: what came of them is taken from the runs. `mined` reads the candidates that tests/bench/mined/run.py kept. Both write one
line per bug to WORK/SET.jsonl and go on where they ended; `report` prints Markdown.

Valid is what passes the tests. Right is, for QuixBugs, the corrected program's syntax tree or, for what
passes, agreement with it (quixbugs_oracle.py); for mined bugs the author's own edit (run.py compare).

    random    no order: the expectation
    cost      the template's cost alone; ties are random, here and below
    no model  cost, how many alike the line has and how suspicious it is: what `--no-model` tries first
    model     and the place that the shipped model gives the new line; what it fills in itself, too
    model alone  that place and nothing else (not asked about: last)
    belief    of what passes, in the order of confidence: what is emitted or shown first

One list holds for all orders of one bug, so differences are paired. +- is one standard error.
"""
import argparse
import difflib
import gzip
import json
import math
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "mined"))
import mined_common as common  # noqa: E402
import quixbugs  # noqa: E402
import quixbugs_oracle  # noqa: E402
import run as mined  # noqa: E402

UNIT = 1.386  # agent/repair/confidence.cpp
FILLED = "line proposed by the model"


def read_lines(path):
    opened = gzip.open(path, "rt") if str(path).endswith(".gz") else open(path, encoding="utf-8")
    with opened as lines:
        return [json.loads(line) for line in lines if line.strip()]


# --- orders ---------------------------------------------------------------------------------


def key_cost(c):
    return c["cost"]


def key_plain(c):
    return c["order"] - (0.5 if c["likelihood"] is None else c["likelihood"])


def key_model(c):
    return c["order"]


def key_model_alone(c):
    return 2 if c["likelihood"] is None else c["likelihood"]


ORDERS = {"random": lambda c: 0, "cost": key_cost, "no model": key_plain, "model": key_model,
          "model alone": key_model_alone}


def first_hit(items, key, is_hit):
    """(expected place, expected 1 / place) of the first hit when equal keys stand in random order."""
    groups = {}
    for item in items:
        group = groups.setdefault(round(key(item), 9), [0, 0])
        group[0] += 1
        group[1] += bool(is_hit(item))
    above = 0
    for value in sorted(groups):
        n, hits = groups[value]
        if hits == 0:
            above += n
            continue
        place = above + (n + 1) / (hits + 1)
        # Chance that the first of `hits` among n stands at k, from that at k - 1.
        chance, inverse = hits / n, 0.0
        for k in range(1, n - hits + 2):
            inverse += chance / (above + k)
            if n - k > 0:
                chance *= (n - k - hits + 1) / (n - k)
        return place, inverse
    return None


def measured(candidates):
    """What one bug says: places of the first right and of the first valid candidate, per order."""
    own = [c for c in candidates if c["kind"] != FILLED]
    valid = [c for c in own if c["trial"] == "passed"]
    out = {"n": len(own), "n_filled": len(candidates) - len(own), "n_valid": len(valid),
           "n_right": sum(c["right"] for c in own), "n_valid_right": sum(c["right"] for c in valid),
           "n_filled_valid": sum(c["kind"] == FILLED and c["trial"] == "passed" for c in candidates),
           "n_filled_right": sum(c["kind"] == FILLED and c["right"] for c in candidates),
           "complete": all(c["trial"] != "untried" for c in own), "all": {}, "valid": {}, "first_valid": {}}
    for name, key in ORDERS.items():
        everything = candidates if name == "model" else own
        out["all"][name] = first_hit(everything, key, lambda c: c["right"])
        out["first_valid"][name] = first_hit(everything, key, lambda c: c["trial"] == "passed")
        if valid:
            out["valid"][name] = first_hit(valid, key, lambda c: c["right"])
    if valid and all("confidence" in c for c in valid):
        out["valid"]["belief"] = first_hit(valid, lambda c: -c["confidence"], lambda c: c["right"])
    return out


# --- QuixBugs -------------------------------------------------------------------------------


def apply(text, candidate):
    """Ranges are of bytes."""
    return text[:candidate["begin"]] + candidate["text"].encode() + text[candidate["end"]:]


def judge_quixbugs(corpus, program, repo, folder, candidates):
    path = f"python_programs/{program}.py"
    base = (repo / path).read_bytes()
    correct = quixbugs_oracle.normal(corpus.read(f"correct_python_programs/{program}.py").decode())
    known = {}  # syntax tree -> right
    for candidate in candidates:
        candidate["right"] = False
        if candidate["path"] != path:
            continue
        text = apply(base, candidate)
        try:
            tree = quixbugs_oracle.normal(text.decode())
        except (SyntaxError, ValueError, RecursionError):
            continue
        if tree not in known:
            known[tree] = tree == correct
            if not known[tree] and candidate["trial"] == "passed":
                (repo / path).write_bytes(text)
                known[tree] = quixbugs.rightness(corpus, program, repo, folder) in ("equal", "agrees")
                (repo / path).write_bytes(base)
        candidate["right"] = known[tree]


def believe(candidates, judged):
    """Gives what passes the key that orders it by confidence (agent/repair/confidence.cpp)."""
    for signs in judged:
        candidates[signs["place"] - 1]["confidence"] = math.log(signs["trust"]) - UNIT * signs["order"]
    # What differs from a judged one in spaces and brackets only was not judged apart.
    for candidate in candidates:
        if candidate["trial"] == "passed":
            candidate.setdefault("confidence", -100)


def open_corpus(folder):
    folder = pathlib.Path(folder)
    for inside in (folder / "repo", folder / ".git"):
        if not (folder / "python_programs").is_dir() and (inside / "HEAD").exists():
            folder = inside
    return quixbugs.Corpus(folder)


def fix(arguments, corpus, program, place, options):
    """(report, candidates) of one run in a repository of its own below `place`."""
    repo, listed, report = place / program, place / "candidates", place / "report.json"
    repo.mkdir()
    quixbugs.prepare(corpus, program, repo)
    subprocess.run([*arguments.engramd.split(), "fix", "--repo", str(repo), "--strategy", "repair",
                    "--test", f"{arguments.pytest} python_testcases/test_{program}.py", "--min-confidence", "0",
                    "--candidates", str(listed), "--report", str(report), "--seconds", str(arguments.seconds),
                    *options], capture_output=True, timeout=3 * arguments.seconds + 300)
    candidates = read_lines(listed) if listed.exists() else []
    if not any(c["likelihood"] is not None for c in candidates):
        raise SystemExit(f"{program}: no candidate was ranked by a model; is the model file there?")
    return (json.loads(report.read_text()) if report.exists() else {}), candidates


def run_quixbugs(arguments):
    corpus = open_corpus(arguments.corpus)
    out = pathlib.Path(arguments.work) / "quixbugs.jsonl"
    done = {row["id"] for row in read_lines(out)} if out.exists() else set()
    todo = [name for name in corpus.programs() if name not in done]
    if arguments.only:
        todo = [name for name in todo if name in arguments.only.split(",")]
    for program in todo[:arguments.limit or None]:
        place = pathlib.Path(tempfile.mkdtemp(prefix="repair-ranking-"))
        try:
            data, candidates = fix(arguments, corpus, program, place,
                                   ["--try-all", "--cpu-seconds", str(arguments.cpu_seconds)])
            judge_quixbugs(corpus, program, place / program, place, candidates)
            judged = [dict(data["signs"], confidence=data["confidence"])] if data.get("signs") else []
            judged += [dict(one["signs"], confidence=one["confidence"]) for one in data.get("suggestions", [])
                       if one.get("signs")]
            for signs in judged:
                candidate = candidates[signs["place"] - 1]
                signs.update(right=candidate["right"], kind=candidate["kind"])
            believe(candidates, judged)
            kept = out.parent / "candidates" / f"{program}.jsonl.gz"
            kept.parent.mkdir(exist_ok=True)
            with gzip.open(kept, "wt") as lines:
                lines.writelines(json.dumps(candidate) + "\n" for candidate in candidates)
            row = {"id": program, "set": "quixbugs", "state": data.get("state", "error"), "cpu_s": data.get("cpu_s"),
                   "wall_s": data.get("wall_s"), "tried": data.get("candidates", {}).get("tried"),
                   "judged": judged, **measured(candidates)}
        finally:
            shutil.rmtree(place, ignore_errors=True)
        append(out, row)
        say(row)
    return 0


def reorder_quixbugs(arguments):
    corpus = open_corpus(arguments.corpus)
    out = pathlib.Path(arguments.work) / "quixbugs-reordered.jsonl"
    done = {row["id"] for row in read_lines(out)} if out.exists() else set()
    rows = {row["id"]: row for row in read_lines(pathlib.Path(arguments.work) / "quixbugs.jsonl")}
    for program in corpus.programs():
        kept = pathlib.Path(arguments.work) / "candidates" / f"{program}.jsonl.gz"
        if program in done:
            continue
        place = pathlib.Path(tempfile.mkdtemp(prefix="repair-ranking-"))
        try:
            _, fresh = fix(arguments, corpus, program, place, ["--cpu-seconds", "0.001"])
            if not kept.exists():  # nothing is known of trials: only where the corrected program stands
                for candidate in fresh:
                    candidate["trial"] = "untried"
                judge_quixbugs(corpus, program, place / program, place, fresh)
        finally:
            shutil.rmtree(place, ignore_errors=True)
        identity = lambda c: (c["path"], c["begin"], c["end"], c["text"])  # noqa: E731
        listed = read_lines(kept) if kept.exists() else fresh
        known = {identity(c): c for c in listed if c["kind"] != FILLED}
        signs = ({identity(listed[one["place"] - 1]): one for one in rows[program]["judged"]}
                 if kept.exists() else {})
        candidates, judged = [], []
        for candidate in fresh:
            if identity(candidate) in known and candidate["kind"] != FILLED:
                old = known[identity(candidate)]
                candidate.update(trial=old["trial"], right=old["right"])
                candidates.append(candidate)
                if identity(candidate) in signs:
                    judged.append(dict(signs[identity(candidate)], order=candidate["order"], place=len(candidates)))
        believe(candidates, judged)
        row = {"id": program, "set": "quixbugs", "judged": judged, **measured(candidates)}
        append(out, row)
        say(row)
    return 0


# --- mined bugs -----------------------------------------------------------------------------


def bones(ours, real, language):
    """Of the lines that differ, what is left without layout, comments, quotes and brackets."""
    a, b = ours.split("\n"), real.split("\n")
    head = 0
    while head < min(len(a), len(b)) and a[head] == b[head]:
        head += 1
    tail = 0
    while tail < min(len(a), len(b)) - head and a[-1 - tail] == b[-1 - tail]:
        tail += 1
    comment = r"#.*" if language == "python" else r"//.*|/\*[\s\S]*?\*/"
    return [re.sub(r"[^\w.+*/%<>=!&|^~?:$-]", "", re.sub(comment, "", "\n".join(side[head:len(side) - tail])))
            for side in (a, b)]


def judge_mined(case, repository, candidates):
    """Only what lies within two lines of the author's change can be it, and of that what has its bones."""
    base = repository.text(case["base"], case["file"])
    fixed = repository.text(case["fix"], case["file"])
    real = fixed.decode(errors="replace")
    head = len(os.path.commonprefix([base, fixed]))
    tail = min(len(os.path.commonprefix([base[::-1], fixed[::-1]])), min(len(base), len(fixed)) - head)
    low, high = head, len(base) - tail
    for _ in range(3):
        low, high = base.rfind(b"\n", 0, max(0, low)), base.find(b"\n", high + 1)
        high = len(base) if high < 0 else high
    known = {key for one, key in mined.read_equivalent(None) if one == case["id"]}
    for candidate in candidates:
        candidate["right"] = False
        if candidate["path"] != case["file"] or candidate["begin"] < low or candidate["end"] > high:
            continue
        ours = apply(base, candidate).decode(errors="replace")
        a, b = bones(ours, real, case["language"])
        candidate["right"] = a == b and mined.compare(ours, real, case["language"]) != "different"
        if known and not candidate["right"]:
            patch = "\n".join(difflib.unified_diff(base.decode(errors="replace").split("\n"), ours.split("\n"), n=0, lineterm=""))
            candidate["right"] = mined.patch_key(patch) in known


def run_mined(arguments):
    out = pathlib.Path(arguments.work) / f"mined-{arguments.part}.jsonl"
    done = {row["id"] for row in read_lines(out)} if out.exists() else set()
    cases = common.read_cases([common.HERE / f"cases-{arguments.part}.jsonl"])
    for case in cases:
        kept = pathlib.Path(arguments.runs) / "candidates" / f"{case['id']}-{arguments.variant}.jsonl.gz"
        if case["id"] in done or not kept.exists():
            continue
        candidates = read_lines(kept)
        judge_mined(case, common.Repository(arguments.repos, case["repo"]), candidates)
        row = {"id": case["id"], "set": f"mined-{arguments.part}", "language": case["language"],
               **measured(candidates)}
        append(out, row)
        say(row)
    return 0


# --- whether the templates make the author's edit --------------------------------------------


def faulty_lines(repository, case):
    """The lines (from 1) that the author changed; beside an insertion, the two around it."""
    diff = repository.git("diff", "-U0", "--no-color", case["base"], case["fix"], "--", case["file"]).decode(errors="replace")
    lines = set()
    for start, count in re.findall(r"^@@ -(\d+)(?:,(\d+))? ", diff, re.M):
        start, count = int(start), int(count or 1)
        lines |= set(range(start, start + count)) if count else {max(1, start), start + 1}
    return sorted(lines)


def run_coverage(arguments):
    work = pathlib.Path(arguments.work).resolve() / "coverage"
    profiles = common.read_profiles()
    said = work / "failures.jsonl"
    failures = {row["id"]: row["failure"] for row in read_lines(said)} if said.exists() else {}
    rows = []
    out = work / "coverage.jsonl"
    work.mkdir(parents=True, exist_ok=True)
    out.unlink(missing_ok=True)
    for case in common.read_cases([common.HERE / f"cases-{arguments.part}.jsonl"]):
        if arguments.only and case["id"] not in arguments.only.split(","):
            continue
        repository = common.Repository(arguments.repos, case["repo"])
        tree = work / "trees" / case["id"]
        if not tree.exists():
            letters = {path: letter for letter, path in repository.changes(case["base"], case["fix"])}
            common.prepare_tree(repository, profiles[case["repo"]], case["base"], case["fix"],
                                [(letters[path], path) for path in case["tests"]], tree, arguments.envs or work / "envs")
            common.start_history(tree)
        asked = {"id": case["id"], "root": str(tree), "path": case["file"], "lines": faulty_lines(repository, case),
                 "command": case["command"], "failure": failures.get(case["id"], "")}
        (work / "asked.jsonl").write_text(json.dumps(asked) + "\n")
        env = dict(os.environ, PATH=common.PATH, TZ="UTC", XDG_STATE_HOME=str(work / "state"),
                   XDG_CACHE_HOME=str(work / "cache"), **profiles[case["repo"]].get("env", {}))
        if case["framework"] == "go":
            env.update(GOFLAGS="-mod=mod", GOPROXY="off")
        subprocess.run([arguments.proposer, str(work / "asked.jsonl"), str(work / "answer.jsonl")], check=True, env=env)
        answer = read_lines(work / "answer.jsonl")[0]
        row = {"id": case["id"], "language": case["language"], "n": len(answer.get("candidates", [])), "place": None,
               "kind": None, "problem": answer.get("problem", "")}
        if answer.get("failure") and case["id"] not in failures:
            append(said, {"id": case["id"], "failure": answer["failure"]})
        candidates = answer.get("candidates", [])
        judge_mined(case, repository, candidates)
        kept = work / "candidates" / f"{case['id']}.jsonl.gz"
        kept.parent.mkdir(exist_ok=True)
        with gzip.open(kept, "wt") as lines:
            lines.writelines(json.dumps(candidate) + "\n" for candidate in candidates)
        found = first_hit(candidates, key_plain, lambda c: c["right"])
        if found:
            first = min((c for c in candidates if c["right"]), key=key_plain)
            row.update(place=found[0], kind=first["kind"], cost=first["cost"])
        rows.append(row)
        append(out, row)
        print(f"{row['id']:30} {row['n']:6} candidates  {row['problem'] or row['kind'] or '-'}"
              + (f" at {row['place']:.0f}, cost {row['cost']:.2f}" if found else ""), flush=True)
    print("\n| cases | the templates make the real edit | median place | candidates, median |\n|---|---|---|---|")
    for language in ["all"] + sorted({row["language"] for row in rows}):
        group = [row for row in rows if language in ("all", row["language"])]
        places = [row["place"] for row in group if row["place"]]
        print(f"| {language} | {len(places)}/{len(group)} | {statistics.median(places) if places else 0:.0f} | "
              f"{statistics.median([row['n'] for row in group]):.0f} |")
    return 0


# --- the table ------------------------------------------------------------------------------


def append(path, row):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as out:
        out.write(json.dumps(row) + "\n")


def say(row):
    place = {name: f"{found[0]:.0f}" for name, found in row["all"].items() if found}
    print(f"{row['id']:30} {row['n']:6} candidates, {row['n_valid']:3} valid, {row['n_valid_right']:3} of them right; "
          f"first right at {place or '-'}{'' if row['complete'] else '; not all tried'}", flush=True)


def mean(values):
    if not values:
        return "-"
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0
    return f"{statistics.mean(values):.3f} +- {error:.3f}"


def places_table(rows, where, names):
    """Rows that have a place in every order, so that all lines are of the same bugs."""
    names = [name for name in names if any(row[where].get(name) for row in rows)]
    rows = [row for row in rows if all(row[where].get(name) for name in names)]
    if not rows:
        return ["nothing to say: no bug has one in its list"], rows
    out = ["| order | mean 1 / place | median place | geometric mean | first |", "|---|---|---|---|---|"]
    for name in names:
        places = [row[where][name][0] for row in rows]
        out.append(f"| {name} | {mean([row[where][name][1] for row in rows])} | {statistics.median(places):.1f} | "
                   f"{statistics.geometric_mean(places):.1f} | {sum(place < 1.01 for place in places)} of {len(rows)} |")
    for a, b in (("no model", "random"), ("no model", "cost"), ("model", "random"), ("model", "cost"),
                 ("model", "no model"), ("belief", "no model"), ("belief", "model")):
        if a in names and b in names:
            gain = [row[where][a][1] - row[where][b][1] for row in rows]
            ratio = [math.log(row[where][a][0] / row[where][b][0]) for row in rows]
            better = sum(row[where][a][0] < row[where][b][0] - 1e-9 for row in rows)
            worse = sum(row[where][a][0] > row[where][b][0] + 1e-9 for row in rows)
            out.append(f"\nPaired, {a} over {b}: 1 / place {mean(gain)}; ln of the places' ratio {mean(ratio)}; earlier in {better}, later in {worse}, "
                       f"sign test p = {mined.sign_test(better, worse):.2g}.")
    return out, rows


def report(rows):
    names = list(ORDERS)
    choice = [row for row in rows if row["n_valid_right"] and row["n_valid"] > row["n_valid_right"]]
    out = [f"{len(rows)} bugs; {sum(row['n_right'] > 0 for row in rows)} have the right edit in their list, "
           f"{sum(row['n_valid'] > 0 for row in rows)} a valid one, {sum(row['n_valid_right'] > 0 for row in rows)} a "
           f"valid and right one; of {sum(row['complete'] for row in rows)} every candidate was tried. "
           f"{sum(row['n_filled'] for row in rows)} lines were filled in by the model, "
           f"{sum(row['n_filled_valid'] for row in rows)} valid, {sum(row['n_filled_right'] for row in rows)} right.", ""]
    found, used = places_table(choice, "valid", names + ["belief"])
    out += [f"#### The right one among the valid ones ({len(used)} bugs that have a right and a wrong valid edit, median "
            f"{statistics.median([row['n_valid'] for row in used]) if used else 0:.0f} valid)", "", *found, ""]
    found, used = places_table([row for row in rows if row["n_right"]], "all", names)
    out += [f"#### Trials until the right one ({len(used)} bugs, median "
            f"{statistics.median([row['n'] for row in used]) if used else 0:.0f} candidates)", "", *found, ""]
    found, used = places_table([row for row in rows if row["n_valid"]], "first_valid", names)
    out += [f"#### Trials until the first valid one ({len(used)} bugs)", "", *found, ""]
    return "\n".join(out)


def main():
    here = pathlib.Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["quixbugs", "reorder", "mined", "coverage", "report"])
    parser.add_argument("--work", required=True, help="where the lines are kept")
    parser.add_argument("--engramd", default=str(here / "build/release/engramd"))
    parser.add_argument("--corpus", default="")
    parser.add_argument("--only", default="", help="QuixBugs programs or mined cases, comma separated")
    parser.add_argument("--limit", type=int, default=0, help="at most so many programs in this call")
    parser.add_argument("--pytest", default="pytest")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--cpu-seconds", type=float, default=60)
    parser.add_argument("--repos", action="append", default=[])
    parser.add_argument("--runs", default="", help="the --work of tests/bench/mined/run.py")
    parser.add_argument("--part", choices=["dev", "test"], default="dev")
    parser.add_argument("--variant", default="model")
    parser.add_argument("--proposer", default=str(here / "build/release/tests/bench/repair_coverage"))
    parser.add_argument("--envs", default="", help="installed packages of mined cases (default: WORK/envs)")
    arguments = parser.parse_args()
    if arguments.what == "quixbugs":
        return run_quixbugs(arguments)
    if arguments.what == "reorder":
        return reorder_quixbugs(arguments)
    if arguments.what == "mined":
        return run_mined(arguments)
    if arguments.what == "coverage":
        return run_coverage(arguments)
    for path in sorted(pathlib.Path(arguments.work).glob("*.jsonl")):
        print(f"### {path.stem}\n\n{report(read_lines(path))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
