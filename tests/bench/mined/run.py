#!/usr/bin/env python3
"""Runs `engramd fix --strategy repair` on the mined single-hunk fixes and says how many it finds.

    tests/bench/mined/run.py --repos REPOS --engramd build/release/engramd --part dev --work DIR
    tests/bench/mined/run.py --report --work DIR            only the table, from what is there

Each case is a fresh git repository of one commit: the fix's parent with the fix's test files over
it, no source of the fix, no later or earlier history. The program gets the tests' command and
nothing else. A patch it emits is applied to a second fresh tree, where the fix's own test files
run once more in a sandbox of ours, and is compared with the real fix:

    equal       the same tokens, comments and layout aside; for Python also the same syntax tree
    equivalent  the same bytecode (Python), or listed in equivalent.json with the reason why
    right       equal or equivalent, and passing. What nobody has looked at counts as wrong.

Emitted is what the program stands behind (state resolved). Passing patches that it only shows as
suggestions count as found, up to MAX_HELD of them, and never for the precision.

Every candidate and what came of it is kept in WORK/candidates, for tests/bench/repair_ranking.py.
Results are appended to WORK/results.jsonl as they come, one line per case and variant; a second
run goes on where the first ended. Shares carry 95 % Wilson intervals.
"""
import argparse
import ast
import collections
import concurrent.futures
import gzip
import hashlib
import io
import json
import math
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time
import tokenize

import mined_common as common

MAX_HELD = 3
VARIANTS = {"model": [], "no-model": ["--no-model"]}
COMMENTS = re.compile(r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|//[^\n]*|/\*.*?\*/""", re.S)
TOKENS = re.compile(r"""\w+|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[^\w\s]""")


def tokens_of(text, language):
    if language == "python":
        try:
            return [(t.type, t.string) for t in tokenize.generate_tokens(io.StringIO(text).readline)
                    if t.type not in (tokenize.COMMENT, tokenize.NL)
                    and not (t.type in (tokenize.INDENT, tokenize.NEWLINE))]
        except (tokenize.TokenError, SyntaxError):
            return None
    tokens = TOKENS.findall(COMMENTS.sub(lambda m: m[1] or " ", text))
    return without_braces(tokens)


def without_braces(tokens):
    """`if (x) { return; }` is `if (x) return;`: no braces around one simple statement."""
    out, i = [], 0
    while i < len(tokens):
        if tokens[i] == "{" and out and out[-1] in (")", "else"):
            end = next((k for k in range(i + 1, len(tokens)) if tokens[k] in "{};"), len(tokens))
            body = tokens[i + 1:end + 1]
            if tokens[end:end + 2] == [";", "}"] and body[0] not in ("if", "for", "while", "do", "switch"):
                out += body
                i = end + 2
                continue
        out.append(tokens[i])
        i += 1
    return out


def bytecode_of(text):
    def flat(code):
        return (code.co_code, code.co_names, code.co_varnames, code.co_argcount,
                tuple(flat(c) if hasattr(c, "co_code") else (type(c).__name__, repr(c)) for c in code.co_consts))
    return flat(compile(text, "f", "exec", dont_inherit=True, optimize=2))


def compare(ours, real, language):
    """'equal', 'equivalent' or 'different'."""
    if ours == real:
        return "equal"
    a, b = tokens_of(ours, language), tokens_of(real, language)
    if a is not None and a == b:
        return "equal"
    if language == "python":
        try:
            if ast.dump(ast.parse(ours)) == ast.dump(ast.parse(real)):
                return "equal"
            if bytecode_of(ours) == bytecode_of(real):
                return "equivalent"
        except (SyntaxError, ValueError):
            pass
    return "different"


def patch_key(patch):
    """Of the changed lines only, so that the same edit has the same key in every run."""
    lines = [re.sub(r"\s+", " ", row) for row in patch.splitlines()
             if row[:1] in "+-" and row[:3] not in ("+++", "---")]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


class Runner:
    def __init__(self, arguments):
        self.arguments = arguments
        self.work = pathlib.Path(arguments.work)
        self.profiles = common.read_profiles(arguments.profiles)
        self.results = self.work / "results.jsonl"
        self.lock = threading.Lock()
        self.equivalent = read_equivalent(arguments.equivalent)

    def run(self, case, variant):
        folder = self.work / "trees" / f"{case['id']}-{variant}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        row = {"id": case["id"], "variant": variant, "repo": case["repo"], "language": case["language"],
               "seconds": self.arguments.seconds, "binary": self.arguments.binary_name, "at": int(time.time()),
               "load": round(os.getloadavg()[0], 1)}
        try:
            self.solve(case, variant, folder, row)
        except Exception as problem:  # one broken case is a row that says so, never the end of the run
            row.update(state="harness", problem=f"{type(problem).__name__}: {problem}"[:500])
        finally:
            if not self.arguments.keep:
                shutil.rmtree(folder, ignore_errors=True)
        with self.lock, open(self.results, "a") as out:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
        return row

    def tree(self, case, folder):
        repository = common.Repository(self.arguments.repos, case["repo"])
        if not repository.has(case["fix"]) or not repository.has(case["base"]):
            raise RuntimeError("the repository has not both commits of this case")
        letters = dict((path, letter) for letter, path in repository.changes(case["base"], case["fix"]))
        common.prepare_tree(repository, self.profiles[case["repo"]], case["base"], case["fix"],
                            [(letters[path], path) for path in case["tests"]], folder, self.arguments.envs)
        return repository

    def solve(self, case, variant, folder, row):
        repo = folder / "tree"
        repository = self.tree(case, repo)
        common.start_history(repo)
        patch, report = folder / "patch.diff", folder / "report.json"
        command = [*self.arguments.engramd.split(), "fix", "--repo", str(repo), "--strategy", "repair",
                   "--test", case["command"], "--out", str(patch), "--report", str(report),
                   "--candidates", str(folder / "candidates"), "--seconds", str(self.arguments.seconds),
                   *VARIANTS[variant], *self.arguments.extra]
        env = {name: value for name, value in os.environ.items()
               if name in ("HOME", "TMPDIR", "LANG", "LC_ALL") or name.startswith("ENGRAMD_")}
        env.update(PATH=common.PATH, TZ="UTC", XDG_STATE_HOME=str(folder / "state"),
                   XDG_CACHE_HOME=str(folder / "cache"), **self.profiles[case["repo"]].get("env", {}))
        # As the miner does it; without modules to fetch, go needs to be told so.
        if case["framework"] == "go":
            env.update(GOFLAGS="-mod=mod", GOPROXY="off")
        started = time.monotonic()
        with open(folder / "stderr", "w+") as stderr:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=stderr, env=env, start_new_session=True)
            deadline = started + self.arguments.seconds * 3 + 120
            while True:
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                if pid:
                    break
                if time.monotonic() > deadline:
                    os.killpg(process.pid, 9)
                    pid, status, usage = os.wait4(process.pid, 0)
                    row["overrun"] = True
                    break
                time.sleep(0.05)
            process.returncode = os.waitstatus_to_exitcode(status)
            stderr.seek(0)
            said = stderr.read()[-500:]
        row.update(exit=process.returncode, wall_s=round(time.monotonic() - started, 1),
                   cpu_s=round(usage.ru_utime + usage.ru_stime, 1), state="error")
        if report.exists():
            data = json.loads(report.read_text(errors="replace"))
            candidates = data.get("candidates", {})
            row.update(state=data.get("state") or data.get("outcome"), problem=data.get("problem", ""),
                       tried=candidates.get("tried", 0), proposed=candidates.get("proposed", 0),
                       confidence=data.get("confidence"), accepted_at=candidates.get("accepted_at", data.get("accepted_at", 0)),
                       kind=data.get("edit_kind", ""), notes=data.get("notes", []),
                       cpu_s=round(max(row["cpu_s"], data.get("cpu_s") or 0), 1), patch=data.get("patch", ""),
                       files=data.get("files_considered", [])[:12], signs=data.get("signs"),
                       n_red=data.get("before", {}).get("red", 0))
        else:
            row["problem"] = said
        if (folder / "candidates").exists():
            kept = self.work / "candidates" / f"{case['id']}-{variant}.jsonl.gz"
            kept.parent.mkdir(exist_ok=True)
            kept.write_bytes(gzip.compress((folder / "candidates").read_bytes(), 3))
        if patch.exists() and patch.stat().st_size:
            row["patch"] = patch.read_bytes().decode(errors="replace")  # its line ends are the file's
        if subprocess.run(["git", "-C", str(repo), "status", "--porcelain"], capture_output=True,
                          check=True).stdout.strip():
            row["touched_the_tree"] = True
        # Only a patch that the program stands behind is emitted; what it keeps as unverified or
        # shows as a suggestion is not.
        row["emitted"] = bool(row.get("patch")) and row["state"] == "resolved"
        if row["emitted"]:
            row.update(self.check(case, folder, repository, row["patch"]))
        held = data.get("suggestions", []) if report.exists() else []
        row["n_held"] = len(held)
        row["held"] = [{"kind": one.get("edit_kind", ""), "confidence": one.get("confidence"), "patch": one["patch"],
                        "signs": one.get("signs"),
                        **self.check(case, folder, repository, one["patch"])} for one in held[:MAX_HELD]]

    def check(self, case, folder, repository, patch):
        """A patch on a fresh tree: does it apply, do the fix's own test files pass, is it the fix?"""
        fresh = folder / "check"
        shutil.rmtree(fresh, ignore_errors=True)
        self.tree(case, fresh)
        (folder / "emitted.diff").write_bytes(patch.encode())
        applied = subprocess.run(["git", "apply", "--whitespace=nowarn", str(folder / "emitted.diff")], cwd=fresh,
                                 capture_output=True, text=True,
                                 env=dict(os.environ, GIT_CEILING_DIRECTORIES=str(folder)))
        found = {"applies": applied.returncode == 0, "passes": False, "verdict": "different", "key": patch_key(patch)}
        if not found["applies"]:
            found["apply_problem"] = applied.stderr[-300:]
            return found
        # The tests are the fix's: what a patch did to them is undone before they judge.
        letters = dict((path, letter) for letter, path in repository.changes(case["base"], case["fix"]))
        common.lay_over(repository, fresh, case["fix"], [(letters[path], path) for path in case["tests"]])
        ran = common.run_in_sandbox(fresh, case["command"], 180,
                                    {**common.test_environment(case["framework"]),
                                     **self.profiles[case["repo"]].get("env", {})})
        states = common.test_results(case["framework"], ran["output"])
        named = [states.get(name, "missing") for name in case["f2p"] if len(name) < 200]
        found["passes"] = ran["exit"] == 0 and all(state == "pass" for state in named)
        changed = re.findall(r"^\+\+\+ (?:b/)?(.*?)\s*$", patch, re.M)
        found["right_file"] = changed == [case["file"]]
        if found["right_file"]:
            ours = (fresh / case["file"]).read_text(errors="replace")
            real = repository.text(case["fix"], case["file"]).decode(errors="replace")
            found["verdict"] = compare(ours, real, case["language"])
        return found


def read_equivalent(path):
    path = pathlib.Path(path or common.HERE / "equivalent.json")
    if not path.exists():
        return {}
    return {(entry["id"], entry["key"]): entry["reason"] for entry in json.loads(path.read_text())}


def wilson(hits, n):
    if n == 0:
        return 0.0, 0.0, 1.0
    z, p = 1.959964, hits / n
    middle, spread = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return p, max(0.0, (middle - spread) / (1 + z * z / n)), min(1.0, (middle + spread) / (1 + z * z / n))


def share(hits, n):
    p, low, high = wilson(hits, n)
    return f"{hits}/{n} = {100 * p:.0f} % [{100 * low:.0f}, {100 * high:.0f}]" if n else "-"


def is_correct(found, case_id, equivalent):
    return bool(found.get("passes")) and (
        found.get("verdict") in ("equal", "equivalent") or (case_id, found.get("key")) in equivalent)


def is_right(row, equivalent):
    return bool(row.get("emitted")) and is_correct(row, row["id"], equivalent)


def passes_any(row):
    return bool(row.get("emitted") and row.get("passes")) or any(one["passes"] for one in row.get("held", []))


def right_any(row, equivalent):
    return is_right(row, equivalent) or any(is_correct(one, row["id"], equivalent) for one in row.get("held", []))


def sign_test(a, b):
    """Two-sided exact probability of a split as uneven as a : b."""
    n = a + b
    if n == 0:
        return 1.0
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(0, min(a, b) + 1)) / 2 ** n)


def table(rows, equivalent):
    """Markdown: per variant one line for all, then languages, then repositories, then the pairs."""
    out = []
    variants = sorted({row["variant"] for row in rows})
    out += ["| variant | of | cases | found: a patch that passes | found: equal or equivalent | emitted | emitted and equal | "
            "emitted and right | precision of emitted patches | tried, median | wall s, median | CPU s, median |",
            "|---|---|---|---|---|---|---|---|---|---|---|---|"]
    for variant in variants:
        mine = [row for row in rows if row["variant"] == variant]
        groups = [("all", mine)]
        for key in ("language", "repo"):
            names = sorted({row[key] for row in mine})
            groups += [(name, [row for row in mine if row[key] == name]) for name in names]
        for name, group in groups:
            n = len(group)
            emitted = [row for row in group if row.get("emitted")]
            right = sum(is_right(row, equivalent) for row in group)
            equal = sum(row.get("verdict") == "equal" and bool(row.get("passes")) for row in emitted)

            def median(field):
                values = [row[field] for row in group if row.get(field) is not None]
                return f"{statistics.median(values):.0f}" if values else "-"

            out.append(f"| {variant} | {name} | {n} | {share(sum(map(passes_any, group)), n)} | "
                       f"{share(sum(right_any(row, equivalent) for row in group), n)} | {len(emitted)} | {equal} | {right} | "
                       f"{share(right, len(emitted))} | {median('tried')} | {median('wall_s')} | {median('cpu_s')} |")
    states = collections.Counter((row["variant"], row.get("state")) for row in rows)
    out += ["", "Outcomes: " + "; ".join(
        f"{variant}: " + ", ".join(f"{state} {n}" for (v, state), n in sorted(states.items(), key=str) if v == variant)
        for variant in variants) + "."]
    lies = [row["id"] for row in rows if row.get("emitted") and not row.get("passes")]
    out += ["", f"Emitted patches that do not pass when applied to a fresh tree: {len(lies)}"
            + (" (" + ", ".join(lies) + ")" if lies else "") + "."]
    if len(variants) == 2:
        by = {variant: {row["id"]: row for row in rows if row["variant"] == variant} for variant in variants}
        both = sorted(set(by[variants[0]]) & set(by[variants[1]]))
        for what, test in (("found right", lambda row: right_any(row, equivalent)), ("found passing", passes_any)):
            pairs = collections.Counter((test(by[variants[0]][i]), test(by[variants[1]][i])) for i in both)
            out += ["", f"Paired, {what}, {len(both)} cases: both {pairs[True, True]}, only {variants[0]} "
                    f"{pairs[True, False]}, only {variants[1]} {pairs[False, True]}, neither {pairs[False, False]}; "
                    f"exact sign test p = {sign_test(pairs[True, False], pairs[False, True]):.2f}."]
    return "\n".join(out)


def counts(cases):
    """Markdown: where the cases come from."""
    out = ["| part | language | repository | cases | years | one line changed, added or removed |", "|---|---|---|---|---|---|"]
    groups = collections.defaultdict(list)
    for case in cases:
        groups[(common.part_of(case["repo"]), case["language"], case["repo"])].append(case)
    for (part, language, repo), group in sorted(groups.items()):
        years = sorted({case["date"][:4] for case in group})
        small = sum(max(case["hunk"]["removed"], case["hunk"]["added"]) <= 1 for case in group)
        out.append(f"| {part} | {language} | {repo} | {len(group)} | {years[0]}-{years[-1]} | {small} |")
    parts = collections.Counter(key[0] for key, group in groups.items() for _ in group)
    out += ["", f"{len(cases)} cases of {len(groups)} repositories: " +
            ", ".join(f"{n} {part}" for part, n in sorted(parts.items())) + "."]
    return "\n".join(out)


def latest(rows):
    kept = {}
    for row in rows:
        kept[(row["id"], row["variant"])] = row
    return list(kept.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--engramd", default=str(common.HERE.parents[2] / "build/release/engramd"))
    parser.add_argument("--repos", action="append", default=[], help="folder of bare repositories; may be repeated")
    parser.add_argument("--part", choices=["dev", "test", "all"], default="dev")
    parser.add_argument("--cases", default=None, help="another file of cases")
    parser.add_argument("--profiles", default=None)
    parser.add_argument("--equivalent", default=None)
    parser.add_argument("--work", required=True, help="results, trees and installed packages")
    parser.add_argument("--envs", default=None, help="installed packages (default: WORK/envs)")
    parser.add_argument("--seconds", type=float, default=60, help="for one case")
    parser.add_argument("--variants", default="no-model", help="comma separated: " + ", ".join(VARIANTS))
    parser.add_argument("--filter", default="", help="regular expression on id, repository or language")
    parser.add_argument("--shard", default="0/1", help="i/n: every n-th case from the i-th")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--limit", type=int, default=0, help="at most so many cases")
    parser.add_argument("--stop-after", type=float, default=0, help="begin no further case after so many seconds")
    parser.add_argument("--redo", action="store_true", help="run what is in the results again")
    parser.add_argument("--keep", action="store_true", help="keep the trees")
    parser.add_argument("--extra", nargs=argparse.REMAINDER, default=[], help="further arguments of `engramd fix`")
    parser.add_argument("--binary-name", default="", help="noted in the results (a commit)")
    parser.add_argument("--list", action="store_true", help="count the cases by repository and stop")
    parser.add_argument("--report", action="store_true", help="print the table and stop")
    arguments = parser.parse_args()
    arguments.work = os.path.abspath(arguments.work)
    arguments.envs = os.path.abspath(arguments.envs or os.path.join(arguments.work, "envs"))
    pathlib.Path(arguments.work).mkdir(parents=True, exist_ok=True)
    results = pathlib.Path(arguments.work) / "results.jsonl"
    parts = ["dev", "test"] if arguments.part == "all" else [arguments.part]
    files = [arguments.cases] if arguments.cases else [common.HERE / f"cases-{part}.jsonl" for part in parts]
    cases = common.read_cases(files)
    if arguments.filter:
        pattern = re.compile(arguments.filter)
        cases = [c for c in cases if any(pattern.search(c[key]) for key in ("id", "repo", "language"))]
    try:
        index, count = (int(word) for word in arguments.shard.split("/"))
        if not 0 <= index < count:
            raise ValueError
    except ValueError:
        print(f"run: --shard is i/n with 0 <= i < n, not {arguments.shard}", file=sys.stderr)
        return 2
    # An order that mixes the repositories: a run that is cut short is still a fair sample.
    cases.sort(key=lambda case: hashlib.sha256(case["id"].encode()).digest())
    cases = cases[index::count]
    if arguments.limit:
        cases = cases[:arguments.limit]
    if arguments.list:
        print(counts(cases))
        return 0
    known = {case["id"] for case in cases}
    runner = Runner(arguments)
    if not arguments.report:
        if not arguments.repos:
            print("run: give --repos, a folder of bare repositories", file=sys.stderr)
            return 2
        variants = arguments.variants.split(",")
        if unknown := [name for name in variants if name not in VARIANTS]:
            print(f"run: no variant {', '.join(unknown)}; there are {', '.join(VARIANTS)}", file=sys.stderr)
            return 2
        done = set() if arguments.redo else {(row["id"], row["variant"]) for row in common.read_cases([results])}
        todo = [(case, variant) for case in cases for variant in variants if (case["id"], variant) not in done]
        for case in {case["repo"]: case for case, _ in todo}.values():
            common.environment_folder(runner.profiles[case["repo"]], arguments.envs)
        with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
            late = time.monotonic() + (arguments.stop_after or math.inf)
            for row in pool.map(lambda pair: runner.run(*pair) if time.monotonic() < late else None, todo):
                if row is None:
                    continue
                verdict = ("right" if is_right(row, runner.equivalent) else "passes" if row.get("passes")
                           else "does not hold") if row.get("emitted") else (
                               "held, right" if right_any(row, runner.equivalent) else "held") if row.get("held") else ""
                print(f"{row['id']:34} {row['variant']:9} {row.get('state') or '':12} {verdict:14} "
                      f"{row.get('wall_s', 0):6.1f} s  cpu {row.get('cpu_s', 0):6.1f} s  tried "
                      f"{row.get('tried', 0):5}/{row.get('proposed', 0):<6} "
                      f"{row.get('kind') or (row.get('problem') or '')[:90]}", flush=True)
    rows = [row for row in latest(common.read_cases([results])) if row["id"] in known]
    if rows:
        print(table(rows, runner.equivalent))
    return 0


if __name__ == "__main__":
    sys.exit(main())
