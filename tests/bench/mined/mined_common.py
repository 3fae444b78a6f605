"""What mine.py and run.py share: bare repositories, trees, environments, and runs of tests.

A repository is a bare git folder (or a checkout) below --repos, found by owner+name, owner/name or
name, with or without .git or repo at its end. A tree is a folder made of one commit's files with
the test files of another commit over them. Tests run under bubblewrap when it is there: no network,
the root read-only, an empty /tmp and home, and the tree as the only place that can be written.
"""
import fnmatch
import hashlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PATH = "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin"
MAX_OUTPUT = 8 << 20


def read_profiles(path=None):
    data = json.loads(pathlib.Path(path or HERE / "profiles.json").read_text())
    profiles = {}
    for profile in data["repositories"]:
        merged = dict(data["defaults"].get(profile["language"], {}))
        merged.update(profile)
        merged.setdefault("part", part_of(profile["repo"]))
        profiles[profile["repo"]] = merged
    return profiles


def part_of(repo):
    """Which part a repository's cases belong to: a coin that nobody can weigh afterwards."""
    return "test" if hashlib.sha256(repo.lower().encode()).digest()[0] & 1 else "dev"


def read_cases(files):
    cases = []
    for file in files:
        if pathlib.Path(file).exists():
            for line in pathlib.Path(file).read_text().splitlines():
                if line.strip():
                    cases.append(json.loads(line))
    return cases


def matches(path, patterns):
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


class Repository:
    def __init__(self, folders, name):
        owner, _, short = name.partition("/")
        self.git_dir = None
        for folder in folders:
            for stem in (f"{owner}+{short}", f"{owner}/{short}", f"{owner}__{short}", short):
                for end in ("repo", "repo/.git", ".git", ""):
                    at = pathlib.Path(folder) / stem / end
                    if (at / "HEAD").is_file() and (at / "objects").is_dir():
                        self.git_dir = self.git_dir or at.resolve()
                bare = pathlib.Path(folder) / (stem + ".git")
                if (bare / "HEAD").is_file():
                    self.git_dir = self.git_dir or bare.resolve()
        if self.git_dir is None:
            raise FileNotFoundError(f"no bare repository of {name} below {', '.join(map(str, folders))}")

    def git(self, *arguments, **options):
        return subprocess.run(
            ["git", "-c", "safe.directory=*", "-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null",
             "--git-dir", str(self.git_dir), *arguments],
            check=True, capture_output=True, **options).stdout

    def text(self, commit, path):
        return self.git("show", f"{commit}:{path}")

    def has(self, commit):
        try:
            self.git("cat-file", "-e", commit + "^{commit}")
            return True
        except subprocess.CalledProcessError:
            return False

    def changes(self, base, fix):
        """[(status letter, path)] between two commits, without guessing renames."""
        out = self.git("diff", "--no-renames", "--name-status", "-z", base, fix).decode(errors="replace")
        parts = out.split("\0")
        return [(parts[i], parts[i + 1]) for i in range(0, len(parts) - 1, 2)]

    def checkout(self, commit, folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle, index = tempfile.mkstemp(prefix="mined-index-")
        os.close(handle)
        os.unlink(index)
        try:
            env = dict(os.environ, GIT_INDEX_FILE=index)
            self.git("--work-tree", str(folder), "read-tree", commit, env=env, cwd=folder)
            self.git("--work-tree", str(folder), "checkout-index", "-a", "-q", env=env, cwd=folder)
        finally:
            if os.path.exists(index):
                os.unlink(index)


def lay_over(repository, folder, fix, changes):
    """The given (status, path) changes, as they are in `fix`, over a tree."""
    for status, path in changes:
        target = folder / path
        if status == "D":
            target.unlink(missing_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = repository.git("ls-tree", fix, "--", path).decode().split(" ", 1)[0]
        if mode not in ("100644", "100755"):
            continue
        if target.is_symlink():
            target.unlink()
        target.write_bytes(repository.text(fix, path))
        target.chmod(0o755 if mode == "100755" else 0o644)


def environment_folder(profile, envs):
    """node_modules of a profile, installed once by the ordinary client."""
    packages = profile.get("npm")
    if not packages:
        return None
    key = profile["repo"].replace("/", "+") + "-" + hashlib.sha256(
        json.dumps(packages, sort_keys=True).encode()).hexdigest()[:8]
    folder = pathlib.Path(envs) / key
    done = folder / ".installed"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(json.dumps(
            {"name": "env", "version": "1.0.0", "private": True, "dependencies": packages}))
        subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund",
                        "--legacy-peer-deps", "--loglevel=error"], cwd=folder, check=True, timeout=600,
                       env=dict(os.environ, PATH=PATH))
        done.write_text("")
    return folder


def prepare_tree(repository, profile, base, fix, test_changes, folder, envs):
    repository.checkout(base, folder)
    lay_over(repository, folder, fix, test_changes)
    environment = environment_folder(profile, envs)
    if environment is not None:
        target = folder / "node_modules"
        if target.exists():
            shutil.rmtree(target)
        subprocess.run(["cp", "-al", str(environment / "node_modules"), str(target)], check=True)
    for name, text in profile.get("files", {}).items():  # what the environment needs, not the project
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    if profile.get("prepare"):
        ran = run_in_sandbox(folder, profile["prepare"], 300)
        if ran["exit"] != 0:
            raise RuntimeError("prepare failed: " + ran["output"][-400:])


def start_history(folder):
    """A repository of one commit around a tree: nothing before or after it can be reached."""
    def git(*arguments):
        subprocess.run(["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c",
                        "init.defaultBranch=main", "-c", "core.hooksPath=/dev/null", "-c",
                        "core.autocrlf=false", "-C", str(folder), *arguments],
                       check=True, capture_output=True,
                       env=dict(os.environ, GIT_AUTHOR_DATE="2000-01-01T00:00:00Z",
                                GIT_COMMITTER_DATE="2000-01-01T00:00:00Z"))
    git("init", "-q")
    with open(folder / ".git/info/exclude", "a") as exclude:
        exclude.write("node_modules\n__pycache__\n")
    git("add", "-A")
    git("commit", "-q", "-m", "base", "--no-verify")


def run_in_sandbox(folder, command, seconds, env=None):
    """{'exit', 'output', 'timed_out', 'wall_s'}; the process tree is gone afterwards."""
    variables = {"PATH": PATH, "HOME": "/tmp", "LANG": "C.UTF-8", "TZ": "UTC", "TERM": "dumb",
                 "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": "/tmp"}
    variables.update(env or {})
    inner = ["/bin/sh", "-c", command]
    if shutil.which("bwrap"):
        argv = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
                "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp",
                "--bind", str(folder), str(folder), "--chdir", str(folder), "--clearenv"]
        for name, value in variables.items():
            argv += ["--setenv", name, value]
        argv += inner
    else:
        argv = inner

    def limits():
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) * 4, int(seconds) * 4 + 5))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))

    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, start_new_session=True, env=variables,
                                   preexec_fn=limits)
        timed_out = False
        try:
            while True:
                pid, status = os.waitpid(process.pid, os.WNOHANG)
                if pid:
                    break
                if time.monotonic() - started > seconds:
                    timed_out = True
                    os.killpg(process.pid, signal.SIGKILL)
                    pid, status = os.waitpid(process.pid, 0)
                    break
                time.sleep(0.02)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            os.waitpid(process.pid, 0)
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read(MAX_OUTPUT).decode(errors="replace")
    return {"exit": process.returncode, "output": text, "timed_out": timed_out,
            "wall_s": time.monotonic() - started}


PYTEST_LINE = re.compile(r"^(PASSED|FAILED|ERROR|XFAIL|XPASS|SKIPPED) (\S+::.+?|\S+)(?: - .*)?$")
TAP_LINE = re.compile(r"^\s*(not ok|ok) \d+(?: -)? ?(.*?)(?: # (SKIP|TODO).*| # time=.*)?$", re.I)
JEST_LINE = re.compile(r"^\s*([✓✕○]) (.*?)(?: \(\d+(?:\.\d+)? m?s\))?$")
GO_LINE = re.compile(r"^\s*--- (PASS|FAIL|SKIP): (\S+)")


def test_results(framework, output):
    """{test id: 'pass' | 'fail' | 'skip'}; of two with one name the worse counts."""
    results = {}

    def note(name, state):
        if results.get(name) != "fail":
            results[name] = state

    for line in output.splitlines():
        if framework == "pytest":
            found = PYTEST_LINE.match(line)
            if found and "[" not in found[1]:
                note(found[2], {"PASSED": "pass", "XFAIL": "pass", "XPASS": "pass",
                                "SKIPPED": "skip"}.get(found[1], "fail"))
        elif framework == "tap":
            found = TAP_LINE.match(line)
            if found:
                note(found[2].strip(), "skip" if found[3] else
                     "pass" if found[1].lower() == "ok" else "fail")
        elif framework == "jest":
            found = JEST_LINE.match(line)
            if found:
                note(found[2], {"✓": "pass", "✕": "fail"}.get(found[1], "skip"))
        elif framework == "go":
            found = GO_LINE.match(line)
            if found:
                note(found[2], {"PASS": "pass", "FAIL": "fail"}.get(found[1], "skip"))
    return results


def test_environment(framework):
    if framework == "pytest":
        return {"PYTEST_ADDOPTS": "-rA -p no:cacheprovider"}
    if framework == "go":
        return {"GOFLAGS": "-mod=mod", "GOPROXY": "off"}
    return {}
