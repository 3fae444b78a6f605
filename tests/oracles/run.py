#!/usr/bin/env python3
"""Writes the oracle fixtures, or checks that the committed ones are what the oracles compute.

  python3 tests/oracles/run.py                  write all fixtures
  python3 tests/oracles/run.py --check          compute again and compare (1e-6 relative; files byte for byte
                                                where they hold no computed floating-point numbers)
  python3 tests/oracles/run.py [--check] NAME   only the modules whose name starts with NAME

A module of this folder takes part when it has a function fixtures() that yields common.Fixture objects, and
self_test() if it can check itself against published constants.
"""
import argparse
import importlib
import os
import sys
import time

try:
    import numpy  # noqa: F401
except ImportError:
    print("no numpy for this interpreter (Debian: python3-numpy): nothing checked")
    sys.exit(77)

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
HELPERS = {"common", "run", "mistakes_v4"}


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--check", action="store_true")
    a.add_argument("names", nargs="*")
    options = a.parse_args()
    here, problems = os.path.dirname(os.path.abspath(__file__)), []
    for file in sorted(os.listdir(here)):
        name = file[:-3]
        if not file.endswith(".py") or name in HELPERS or name.startswith("_"):
            continue
        if options.names and not any(name.startswith(n) for n in options.names):
            continue
        module = importlib.import_module(name)
        if hasattr(module, "self_test"):
            problems += module.self_test()
        for fixture in module.fixtures() if hasattr(module, "fixtures") else []:
            start = time.time()
            if options.check:
                found = fixture.check()
                problems += found
                state = "differs" if found else "equal"
            else:
                fixture.write()
                state = "written, %d KB" % (sum(len(d) for d in fixture.files.values()) / 1024)
            print("%-24s %s (%.1f s)" % (fixture.name, state, time.time() - start), flush=True)
    for p in problems:
        print("PROBLEM: " + p)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
