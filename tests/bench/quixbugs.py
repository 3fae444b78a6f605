#!/usr/bin/env python3
"""Runs `engramd fix` on the QuixBugs Python programs and prints a table.

    tests/bench/quixbugs.py --engramd build/release/engramd --corpus $ENGRAMD_CORPUS/QuixBugs
    tests/bench/quixbugs.py --corpus path/to/repo.git --only gcd,sieve --budget 60

The corpus is a checkout or a bare git folder of github.com/jkoppel/QuixBugs; nothing of it is kept
in this repository. Each instance is a fresh git repository with one commit that holds one buggy
program, its test, the test helpers and its data. The corrected programs never leave the corpus.
Every patch is checked once more here: `git apply`, then the tests, then quixbugs_oracle.py, which
says whether it is right. A patch that was held back as a suggestion is counted as turning the tests
green, and apart. Last lines: how many turned green, how many patches were emitted and how many of
those are right. Exit status 0 when at least --expect turned green; 77 when there is no corpus (a
skip, which is said).
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HELPERS = ["conftest.py", "python_testcases/load_testdata.py", "python_testcases/node.py",
           "python_programs/node.py"]


class Corpus:
    def __init__(self, folder):
        self.folder = folder
        self.bare = (folder / "HEAD").exists() and (folder / "objects").is_dir()
        self.names = None

    def read(self, name):
        if not self.bare:
            return (self.folder / name).read_bytes()
        return subprocess.run(["git", "--git-dir", str(self.folder), "show", "HEAD:" + name],
                              check=True, capture_output=True).stdout

    def files(self):
        if self.names is None:
            if self.bare:
                out = subprocess.run(["git", "--git-dir", str(self.folder), "ls-tree", "-r",
                                      "--name-only", "HEAD"], check=True, capture_output=True)
                self.names = out.stdout.decode().split("\n")
            else:
                self.names = [str(p.relative_to(self.folder)) for p in self.folder.rglob("*")
                              if p.is_file()]
        return self.names

    def programs(self):
        tests = {name for name in self.files() if name.startswith("python_testcases/test_")}
        found = []
        for name in self.files():
            stem = pathlib.PurePath(name).stem
            if name.startswith("python_programs/") and f"python_testcases/test_{stem}.py" in tests:
                found.append(stem)
        return sorted(found)


def git(folder, *arguments):
    return subprocess.run(
        ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c",
         "init.defaultBranch=main", "-C", str(folder), *arguments], check=True, capture_output=True)


def prepare(corpus, program, folder):
    wanted = [f"python_programs/{program}.py", f"python_testcases/test_{program}.py",
              f"json_testcases/{program}.json"] + HELPERS
    present = set(corpus.files())
    test_text = corpus.read(f"python_testcases/test_{program}.py").decode()
    for name in wanted:
        if name not in present or (name.endswith("node.py") and "node import" not in test_text):
            continue
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(corpus.read(name))
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", program)


def tests_pass(folder, program, pytest):
    run = subprocess.run([*pytest.split(), "-q", "-p", "no:cacheprovider",
                          f"python_testcases/test_{program}.py"], cwd=folder, capture_output=True,
                         timeout=120, env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
    return run.returncode == 0


def rightness(corpus, program, repo, folder):
    """equal, agrees, differs or unchecked; in a process of its own, since programs may hang."""
    correct, cases = folder / "correct.py", folder / "cases.json"
    correct.write_bytes(corpus.read(f"correct_python_programs/{program}.py"))
    if f"json_testcases/{program}.json" in corpus.files():
        cases.write_bytes(corpus.read(f"json_testcases/{program}.json"))
    (folder / "node.py").write_bytes(corpus.read("python_programs/node.py"))
    try:
        run = subprocess.run([sys.executable, str(pathlib.Path(__file__).parent / "quixbugs_oracle.py"),
                              program, str(repo / f"python_programs/{program}.py"), str(correct),
                              str(cases), str(folder)], capture_output=True, timeout=600,
                             env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
    except subprocess.TimeoutExpired:
        return "unchecked"
    return run.stdout.decode().strip() or "unchecked"


def run_one(corpus, program, arguments):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="quixbugs-"))
    try:
        repo = folder / program
        repo.mkdir()
        prepare(corpus, program, repo)
        patch, report = folder / "patch.diff", folder / "report.json"
        started = time.monotonic()
        command = [*arguments.engramd.split(), "fix", "--repo", str(repo), "--test",
                   f"{arguments.pytest} python_testcases/test_{program}.py",
                   "--out", str(patch), "--report", str(report), "--seconds", str(arguments.budget),
                   *arguments.options.split()]
        if arguments.cpu_seconds:
            command += ["--cpu-seconds", str(arguments.cpu_seconds)]
        run = subprocess.run(command, capture_output=True, timeout=arguments.budget * 3 + 300)
        wall = time.monotonic() - started
        row = {"program": program, "wall_s": wall, "state": "error", "exit": run.returncode}
        if report.exists():
            data = json.loads(report.read_text())
            row.update(state=data["state"], tried=data["candidates"]["tried"],
                       proposed=data["candidates"]["proposed"], kind=data["edit_kind"],
                       cpu_s=data["cpu_s"], notes=data["notes"], problem=data["problem"],
                       patch=data["patch"], engine_wall_s=data["wall_s"],
                       accepted_at=data["candidates"]["accepted_at"],
                       confidence=data.get("confidence", 0), reasons=data.get("reasons", []),
                       suggestions=data.get("suggestions", []))
        else:
            row["problem"] = run.stderr.decode(errors="replace")[-300:]
        clean = git(repo, "status", "--porcelain").stdout.decode().strip()
        if clean:
            row["state"] = "touched the work tree"
        row["emitted"] = row["state"] == "resolved"
        tried = [row.get("patch")] if row["emitted"] else []
        tried += [s["patch"] for s in row.get("suggestions", [])]
        row["verdicts"] = []
        for place, text in enumerate(tried):
            if place > 0 and not arguments.all:
                break
            patch.write_text(text)
            git(repo, "apply", str(patch))
            if place == 0 and not tests_pass(repo, program, arguments.pytest):
                row["state"] = "patch does not hold"
            row["verdicts"].append(rightness(corpus, program, repo, folder))
            git(repo, "checkout", "-q", ".")
        row["green"] = bool(row["verdicts"]) and row["state"] != "patch does not hold"
        row["right"] = row["verdicts"][0] if row["verdicts"] else ""
        return row
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    here = pathlib.Path(__file__).resolve().parents[2]
    corpus_root = os.environ.get("ENGRAMD_CORPUS")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--engramd", default=str(here / "build/release/engramd"))
    parser.add_argument("--corpus", default=str(pathlib.Path(corpus_root) / "QuixBugs") if corpus_root else "")
    parser.add_argument("--only", default="", help="names, comma separated")
    parser.add_argument("--budget", type=float, default=60)
    parser.add_argument("--jobs", type=int, default=1, help="instances at the same time")
    parser.add_argument("--expect", type=int, default=22)
    parser.add_argument("--pytest", default="pytest")
    parser.add_argument("--cpu-seconds", type=float, default=0,
                        help="processor time of the trials, for a loaded machine")
    parser.add_argument("--options", default="", help="more options of engramd fix")
    parser.add_argument("--all", action="store_true", help="judge the suggestions, too")
    parser.add_argument("--json", default="", help="write all rows to this file")
    arguments = parser.parse_args()
    folder = pathlib.Path(arguments.corpus) if arguments.corpus else None
    if folder is None or not folder.exists():
        print("quixbugs: skipped, no corpus (set ENGRAMD_CORPUS or give --corpus)")
        return 77
    if not (folder / "python_programs").is_dir() and not (folder / "HEAD").exists():
        for inside in (folder / "repo", folder / ".git"):
            if (inside / "HEAD").exists():
                folder = inside
    corpus = Corpus(folder)
    programs = corpus.programs()
    if arguments.only:
        programs = [name for name in programs if name in arguments.only.split(",")]
    rows = []
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for row in pool.map(lambda name: run_one(corpus, name, arguments), programs):
            rows.append(row)
            print(f"{row['program']:28} {row['state']:12} {row['wall_s']:6.1f} s  "
                  f"cpu {row.get('cpu_s', 0):6.1f} s  tried {row.get('tried', 0):5}/"
                  f"{row.get('proposed', 0):<6} {row.get('confidence', 0):.2f} {row['right']:9} "
                  f"{row.get('kind') or row.get('problem') or ''}",
                  flush=True)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(rows, indent=1))
    green = sum(row["green"] for row in rows)
    right = sum(row["right"] in ("equal", "agrees") for row in rows)
    emitted = [row for row in rows if row["emitted"]]
    emitted_right = sum(row["right"] in ("equal", "agrees") for row in emitted)
    wall = sum(row["wall_s"] for row in rows)
    print(f"quixbugs: {green} of {len(rows)} turned green within {arguments.budget:.0f} s each, "
          f"{wall:.0f} s in all, load {os.getloadavg()[0]:.1f}")
    print(f"quixbugs: {right} first choices are right; {len(emitted)} patches emitted, "
          f"{emitted_right} of them right")
    return 0 if green >= min(arguments.expect, len(rows)) else 1


if __name__ == "__main__":
    sys.exit(main())
