#!/usr/bin/env python3
"""Finds single-hunk fixes in the history of real repositories and checks each by running its tests.

    tests/bench/mined/mine.py --repos REPOS pytoolz/toolz npm/node-semver
    tests/bench/mined/mine.py --repos REPOS --cap 12 --out DIR $(names)

A fix is a commit that changes exactly one hunk of at most --max-lines lines (removed plus added) in
exactly one source file, and at least one test file; documentation may change with it, nothing else.
Its message must say that it mends something (see mends). It becomes a case when, with the test files of the fix in place, the touched tests fail on the base
source and pass once the hunk is there, both two times. Profiles (which paths are sources, how tests
run, what is installed for them) are in profiles.json. A repository's cases go to cases-dev.jsonl or
cases-test.jsonl, never to both; see mined_common.part_of. What was looked at and why it was left
out is appended to rejected.jsonl in --work; a commit judged once is not judged again.
"""
import argparse
import collections
import concurrent.futures
import json
import pathlib
import re
import shutil
import subprocess
import sys
import threading

import mined_common as common

DOCUMENTS = ["*.md", "*.rst", "*.txt", "*.adoc", "docs/*", "doc/*", "documentation/*", "CHANGE*", "HISTORY*",
             "AUTHORS*", "NEWS*", "Changes*", "ChangeLog*", ".github/*", "*.html", "changelog.d/*", "news/*",
             "changelog/*", ".mailmap", "CONTRIBUTORS*", "*.mdx", "*.ipynb"]


def candidate_commits(repository, profile, limit):
    """(base, fix, date) newest first, by a cheap look at the sizes only."""
    arguments = ["log", "--no-merges", "--no-renames", "--numstat", "--format=%x01%H %P %cs", "HEAD"]
    if profile.get("since"):
        arguments.insert(1, "--since=" + profile["since"])
    if profile.get("until"):
        arguments.insert(1, "--until=" + profile["until"])
    out = repository.git(*arguments, errors="replace", encoding="utf-8")
    kept = judge_log(out, profile, limit)
    if profile.get("merges"):
        arguments[arguments.index("--no-merges")] = "--first-parent"
        arguments[1:1] = ["-m", "--merges"]
        kept += judge_log(repository.git(*arguments, errors="replace", encoding="utf-8"), profile, limit)
    return kept


def judge_log(out, profile, limit):
    kept = []
    for block in out.split("\x01")[1:]:
        head, _, body = block.partition("\n")
        words = head.split()
        if len(words) < 3:
            continue  # a root commit
        sources, tests, other = 0, 0, 0
        lines = 0
        for row in body.splitlines():
            columns = row.split("\t")
            if len(columns) != 3:
                continue
            added, removed, path = columns
            kind = kind_of(path, profile)
            if kind == "source":
                sources += 1
                lines += int(added) + int(removed) if added.isdigit() and removed.isdigit() else 10 ** 6
            elif kind == "test":
                tests += 1
            elif kind == "other":
                other += 1
        if sources == 1 and tests >= 1 and other == 0 and 0 < lines <= limit:
            kept.append({"fix": words[0], "base": words[1], "date": words[-1], "lines": lines})
    return kept


def kind_of(path, profile):
    if common.matches(path, profile.get("ignore", [])):
        return "document"
    if common.matches(path, profile["tests"]):
        return "test"
    if common.matches(path, profile["source"]):
        return "source"
    if common.matches(path, DOCUMENTS):
        return "document"
    return "other"


# Whether a commit says that it mends something; a feature with its test has the same shape.
MENDS = re.compile(r"\b(fix\w*|bug\w*|issue|crash\w*|regress\w*|(in)?correct\w*|wrong\w*|broken|error\w*|fail\w*|handl\w*"
                   r"|avoid|prevent\w*|don'?t|do not|disallow\w*|reject\w*|ensure\w*|proper\w*|missing|invalid|should"
                   r"|raises?|overflow|wraparound|infinite|only|never|always)\b", re.I)
CLOSES = re.compile(r"\b(fix(e[sd])?|close[sd]?|resolve[sd]?):? +(\w+/\w+)?(#|issue|https?://)", re.I)
ADDS = re.compile(r"^\W*(feat|new|add|implement|support|merge|rename|update|bump)", re.I)


def mends(message):
    subject = message.strip().split("\n")[0]
    if ADDS.match(subject) and not re.search(r"\b(bug|fix|crash)", subject, re.I):
        return False
    return bool(MENDS.search(subject) or CLOSES.search(message))


HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def hunk_of(repository, base, fix, path):
    """The only hunk: {'line', 'removed', 'added'} counted in changed lines; None when there are more."""
    out = repository.git("diff", "--no-renames", base, fix, "--", path).decode(errors="replace")
    hunks = [line for line in out.splitlines() if HUNK.match(line)]
    if len(hunks) != 1:
        return None
    line, first, removed, added, changed = int(HUNK.match(hunks[0])[1]), None, 0, 0, []
    for row in out[out.index(hunks[0]):].splitlines()[1:]:
        if row.startswith("-"):
            removed += 1
        elif row.startswith("+"):
            added += 1
        if row[:1] in "-+":
            first = line if first is None else first
            changed.append(row[1:].strip())
        if not row.startswith("+"):
            line += 1
    if not any(changed):
        return None
    return {"line": first, "removed": removed, "added": added}


class Miner:
    def __init__(self, arguments):
        self.arguments = arguments
        self.work = pathlib.Path(arguments.work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.lock = threading.Lock()
        self.log = self.work / "rejected.jsonl"
        self.judged = {(row["repo"], row["fix"]) for row in common.read_cases([self.log])}
        out = pathlib.Path(arguments.out)
        self.files = {part: out / f"cases-{part}.jsonl" for part in ("dev", "test")}
        self.cases = common.read_cases(self.files.values())
        self.judged |= {(row["repo"], row["fix"]) for row in self.cases}

    def reject(self, profile, commit, reason):
        with self.lock, open(self.log, "a") as log:
            log.write(json.dumps({"repo": profile["repo"], "fix": commit["fix"], "reason": reason}) + "\n")

    def mine(self, profile):
        repository = common.Repository(self.arguments.repos, profile["repo"])
        found = sum(case["repo"] == profile["repo"] for case in self.cases)
        commits = candidate_commits(repository, profile, self.arguments.max_lines)
        # Small hunks first: they are what a repair by single edits is about; the newest of a size first.
        commits.sort(key=lambda commit: (commit["lines"] > 3, ))
        tried = 0
        print(f"{profile['repo']}: {len(commits)} commits of the right shape", flush=True)
        failures_in_a_row = 0
        for commit in commits:
            if found >= self.arguments.cap or tried >= self.arguments.tries:
                break
            if (profile["repo"], commit["fix"]) in self.judged:
                continue
            tried += 1
            try:
                case, reason = self.judge(repository, profile, commit)
            except Exception as problem:  # one odd commit must not end the walk
                case, reason = None, f"{type(problem).__name__}: {problem}"
            if case is None:
                self.reject(profile, commit, reason)
                # A hunk too many is known without a run and says nothing about the environment.
                failures_in_a_row += reason.startswith(("red", "too slow", "tests could", "Called"))
                if failures_in_a_row >= self.arguments.patience:
                    print(f"{profile['repo']}: {failures_in_a_row} in a row left out, last: {reason[-300:]}", flush=True)
                    break
                continue
            failures_in_a_row = 0
            found += 1
            with self.lock, open(self.files[profile["part"]], "a") as out:
                out.write(json.dumps(case, ensure_ascii=False) + "\n")
            print(f"  {case['id']} {case['file']}:{case['hunk']['line']} {len(case['f2p'])} tests", flush=True)
        print(f"{profile['repo']}: {found} cases, {tried} commits run", flush=True)

    def judge(self, repository, profile, commit):
        base, fix = commit["base"], commit["fix"]
        if not mends(repository.git("log", "-1", "--format=%B", fix).decode(errors="replace")):
            return None, "not said to be a fix"
        changes = repository.changes(base, fix)
        sources = [path for status, path in changes if kind_of(path, profile) == "source"]
        tests = [(status, path) for status, path in changes if kind_of(path, profile) == "test"]
        if len(sources) != 1 or dict((p, s) for s, p in changes)[sources[0]] != "M":
            return None, "not one modified source file"
        hunk = hunk_of(repository, base, fix, sources[0])
        if hunk is None:
            return None, "not one hunk"
        runnable = [path for status, path in tests
                    if status != "D" and common.matches(path, profile.get("runnable", ["*"]))]
        if not runnable and not profile.get("command_all"):
            return None, "no touched test file that can be run by itself"
        command = self.command(profile, runnable)
        folder = self.work / "trees" / (profile["repo"].replace("/", "+") + "-" + fix[:10])
        shutil.rmtree(folder, ignore_errors=True)
        try:
            common.prepare_tree(repository, profile, base, fix, tests, folder, self.arguments.envs)
            source = folder / sources[0]
            before, after = source.read_bytes(), repository.text(fix, sources[0])
            return self.run_both(profile, commit, folder, source, before, after, command, runnable,
                                 {"file": sources[0], "hunk": hunk, "tests": [path for _, path in tests]})
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def command(profile, runnable):
        if not runnable:
            return profile["command_all"]
        stems = {"{tests}": " ".join(runnable),
                 "{folders}": " ".join(sorted({"./" + str(pathlib.PurePath(p).parent) for p in runnable})),
                 "{stems}": " ".join(sorted({pathlib.PurePath(p).stem for p in runnable}))}
        command = profile["command"]
        for name, value in stems.items():
            command = command.replace(name, value)
        return command

    def run_both(self, profile, commit, folder, source, before, after, command, runnable, record):
        framework = profile["framework"]
        seconds = self.arguments.seconds

        def run(text):
            # A build that compares times must see a change.
            source.write_bytes(text)
            ran = common.run_in_sandbox(folder, command, seconds,
                                        {**common.test_environment(framework), **profile.get("env", {})})
            return ran, common.test_results(framework, ran["output"])

        fixed, fixed_tests = run(after)
        if fixed["timed_out"]:
            return None, "too slow"
        broken, broken_tests = run(before)
        if fixed["exit"] != 0:
            # Tests that are red with and without the fix are of another time: leave them out by name.
            red = [name for name, state in fixed_tests.items() if state == "fail"]
            if framework != "pytest" or not 0 < len(red) <= 6 or any("::" not in name for name in red):
                return None, "red with the fix: " + fixed["output"][-600:]
            quoted = " ".join("--deselect '" + name.replace("'", "'\\''") + "'" for name in red)
            command = command + " " + quoted
            record["deselected"] = red
            fixed, fixed_tests = run(after)
            if fixed["exit"] != 0:
                return None, "red with the fix: " + fixed["output"][-600:]
            broken, broken_tests = run(before)
        if broken["exit"] == 0:
            return None, "green without the fix"
        if framework == "pytest" and broken["exit"] not in (1, 2):
            return None, "tests could not run on the base"
        f2p = sorted(name for name, state in fixed_tests.items()
                     if state == "pass" and broken_tests.get(name) != "pass")
        if framework != "exit" and not f2p:
            return None, "no test by name that turns from red to green"
        for text, first in ((before, broken_tests), (after, fixed_tests)):
            again, again_tests = run(text)
            if (again["exit"] == 0) != (text is after) or again_tests != first:
                return None, "two runs differ"
        short = profile["repo"].split("/")[1]
        case = {"id": f"{short}-{commit['fix'][:8]}", "repo": profile["repo"], "language": profile["language"],
                "base": commit["base"], "fix": commit["fix"], "date": commit["date"], **record,
                "run": runnable, "command": command, "framework": framework,
                "f2p": [name[:200] for name in f2p[:40]], "n_f2p": len(f2p),
                "n_pass": sum(state == "pass" for state in fixed_tests.values()),
                "timed_out_before": broken["timed_out"],
                "wall_s": round(fixed["wall_s"], 2)}
        return case, None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", help="owner/name; every profile when none is given")
    parser.add_argument("--repos", action="append", required=True, help="folder of bare repositories")
    parser.add_argument("--profiles", default=None)
    parser.add_argument("--out", default=str(common.HERE), help="folder of cases-{dev,test}.jsonl")
    parser.add_argument("--work", default="mined-work", help="trees, environments and the log")
    parser.add_argument("--envs", default=None, help="installed packages (default: WORK/envs)")
    parser.add_argument("--cap", type=int, default=12, help="cases of one repository")
    parser.add_argument("--tries", type=int, default=80, help="commits of one repository that are run")
    parser.add_argument("--patience", type=int, default=15, help="stop after so many left out in a row")
    parser.add_argument("--max-lines", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=60, help="for one test run")
    parser.add_argument("--jobs", type=int, default=1, help="repositories at the same time")
    parser.add_argument("--list", action="store_true", help="only count commits of the right shape")
    arguments = parser.parse_args()
    arguments.envs = arguments.envs or str(pathlib.Path(arguments.work) / "envs")
    profiles = common.read_profiles(arguments.profiles)
    unknown = [name for name in arguments.names if name not in profiles]
    if unknown:
        print(f"mine: no profile of {', '.join(unknown)}", file=sys.stderr)
        return 2
    chosen = [profiles[name] for name in arguments.names] or list(profiles.values())
    if arguments.list:
        for profile in chosen:
            try:
                repository = common.Repository(arguments.repos, profile["repo"])
            except FileNotFoundError as problem:
                print(problem)
                continue
            try:
                commits = candidate_commits(repository, profile, arguments.max_lines)
            except subprocess.CalledProcessError as problem:
                print(f"{profile['repo']}: {problem.stderr[-200:]}")
                continue
            years = collections.Counter(commit["date"][:4] for commit in commits)
            print(f"{profile['part']:4} {profile['language']:10} {profile['repo']:32} {len(commits):4} "
                  f"{sum(c['lines'] <= 3 for c in commits):4} {dict(years)}", flush=True)
        return 0
    miner = Miner(arguments)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for future in [pool.submit(miner.mine, profile) for profile in chosen]:
            try:
                future.result()
            except (FileNotFoundError, RuntimeError, subprocess.SubprocessError) as problem:
                print(f"mine: {problem}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
