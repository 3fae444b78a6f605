#!/usr/bin/env python3
"""CPU time of one candidate in the warm pytest runner, for a small and a large module.

    tests/bench/warm_pytest_bench.py [DRIVER.py ...]

Serves a few hundred candidates, a quarter of which compile to what an earlier one did, to each
driver (by default the one of this tree) and prints milliseconds of processor time a candidate: of
the loaded process with its forks. No sandbox, no model: what is measured is the runner alone.
"""
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

TARGET = """def target(a, b):
    total = 0
    for x in range(a):
        total = total + x * b - 1
    return total

"""
OTHER = """def other_{0}(a, b):
    if a > {0} and b:
        return [x for x in range(a) if x % {0}]
    return {{"a": a, "b": {0}}}

"""


def candidates(text):
    for n in range(300):
        if n % 4 == 3:
            yield text.replace("x * b - 1", "x * b -  1")
        else:
            yield text.replace("x * b - 1", f"x * b - {n + 2}")


def measure(driver, n_functions):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        text = "".join(OTHER.format(i + 2) for i in range(n_functions)) + TARGET
        (root / "module.py").write_text(text)
        (root / "test_module.py").write_text(
            "from module import target\n\n\ndef test_target():\n    assert target(3, 2) == 1000\n")
        ours, theirs = socket.socketpair()
        setup = {"args": [], "add_cwd": True, "files": ["test_module.py"], "first": [],
                 "program": "pytest"}
        process = subprocess.Popen([sys.executable, driver, str(theirs.fileno()), json.dumps(setup)],
                                   cwd=folder, pass_fds=[theirs.fileno()],
                                   env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
        theirs.close()
        reader = ours.makefile("rb")
        assert json.loads(reader.readline())["hello"] == "hot"
        first = last = None
        outcomes = {}
        for n, candidate in enumerate(candidates(text)):
            request = {"mode": "hot", "path": str(root / "module.py"), "text": candidate,
                       "cpu_s": 1, "wall_s": 20}
            ours.sendall((json.dumps(request) + "\n").encode())
            answer = json.loads(reader.readline())
            outcomes[answer["outcome"]] = outcomes.get(answer["outcome"], 0) + 1
            last = answer["cpu_hot_s"]
            first = last if first is None else first
        reader.close()  # it keeps the socket open, too
        ours.close()
        process.wait()
        return 1000 * (last - first) / n, outcomes


def main():
    here = pathlib.Path(__file__).resolve().parents[2]
    for driver in [os.path.abspath(d) for d in sys.argv[1:]] or [str(here / "agent/tests/helpers/engramd_warm.py")]:
        for n_functions in (2, 400):
            ms, outcomes = measure(driver, n_functions)
            print(f"{driver}: module of {5 * n_functions + 6} lines: {ms:.2f} ms a candidate, "
                  f"{1000 / ms:.0f} a second and core; {outcomes}")


if __name__ == "__main__":
    main()
