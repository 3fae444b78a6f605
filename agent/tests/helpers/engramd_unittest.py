"""engramd inside unittest: ``python -m engramd_unittest …`` is ``python -m unittest …`` with an
exact report beside what the tests print: one JSON line per test in ENGRAMD_REPORT, {"done": …} at
the end. ENGRAMD_TEST_SECONDS stops a single test that takes longer.
"""
import json
import os
import re
import signal
import sys
import time
import traceback
import unittest

_file = os.environ.pop("ENGRAMD_REPORT", None)
_seconds = float(os.environ.pop("ENGRAMD_TEST_SECONDS", "0"))
_out = open(_file, "a", encoding="utf-8", errors="replace") if _file else None
_dumps = json.dumps


class TestTooSlow(Exception):
    pass


def _too_slow(_signal, _frame):
    raise TestTooSlow("engramd: the test took longer than its limit")


def _write(record):
    if _out:
        _out.write(_dumps(record) + "\n")
        _out.flush()


def _id(test):
    name = test.id()
    if name.startswith("unittest.loader._FailedTest."):
        return name[len("unittest.loader._FailedTest."):]
    # "setUpClass (tests.test_shapes.BadSetup)"
    held = re.match(r"(setUp|tearDown)(Class|Module) \((.*)\)$", name)
    return held.group(3) + "." + held.group(1) + held.group(2) if held else name


class Result(unittest.TextTestResult):
    def _note(self, test, outcome, err=None):
        message, frames = "", []
        if err is not None:
            message = self._exc_info_to_string(err, test)[-4000:]
            root = os.getcwd() + os.sep
            for entry in traceback.extract_tb(err[2]):
                path = os.path.realpath(entry.filename)
                if path.startswith(root):
                    frames.append([path[len(root):], entry.lineno])
            if err[0] is TestTooSlow:
                outcome = "timed_out"
        seconds = time.monotonic() - getattr(test, "_engramd_start", time.monotonic())
        _write({"id": _id(test), "outcome": outcome, "seconds": seconds, "message": message,
                "frames": frames[-40:]})

    def startTest(self, test):
        super().startTest(test)
        _write({"start": _id(test)})
        try:
            test._engramd_start = time.monotonic()
        except AttributeError:
            pass
        if _seconds and hasattr(signal, "setitimer"):
            try:
                signal.signal(signal.SIGALRM, _too_slow)
                signal.setitimer(signal.ITIMER_REAL, _seconds)
            except ValueError:
                pass

    def stopTest(self, test):
        if _seconds and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        _write({"stop": _id(test)})
        super().stopTest(test)

    def addSuccess(self, test):
        super().addSuccess(test)
        self._note(test, "passed")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._note(test, "failed", err)

    def addError(self, test, err):
        super().addError(test, err)
        self._note(test, "error", err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._note(test, "skipped")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self._note(test, "xfailed")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._note(test, "failed")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:  # of the test as a whole: subtests cannot be run alone
            failed = issubclass(err[0], test.failureException)
            self._note(test, "failed" if failed else "error", err)


class Runner(unittest.TextTestRunner):
    resultclass = Result

    def run(self, test):
        result = super().run(test)
        _write({"done": 0 if result.wasSuccessful() else 1, "tests": result.testsRun})
        return result


if __name__ == "__main__":
    # Everything between us and `python -m unittest` is undone: names in the output, import paths.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.insert(0, os.getcwd())
    sys.argv[0] = "python -m unittest"
    unittest.main(module=None, testRunner=Runner)
