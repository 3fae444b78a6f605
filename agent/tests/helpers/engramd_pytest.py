"""engramd inside pytest: an exact report of one run, beside what the tests print.

``-p engramd_pytest`` with ENGRAMD_REPORT=FILE adds one JSON line per test to that file, and the
line {"done": STATUS} at the end: a report without it says that the process went away. Also:
  ENGRAMD_TEST_SECONDS  a single test is stopped after this long, so that one endless loop does not
                        hide the others
  ENGRAMD_RUN_SECONDS   once a test has hung, no new test is begun after this long
  ENGRAMD_ONLY          ids, one a line: everything else is deselected
The variables are taken out of the environment: programs that tests start do not report here.
"""
import json
import os
import signal
import time

import pytest

_file = os.environ.pop("ENGRAMD_REPORT", None)
_test_seconds = float(os.environ.pop("ENGRAMD_TEST_SECONDS", "0"))
_run_seconds = float(os.environ.pop("ENGRAMD_RUN_SECONDS", "1e9"))
_only = os.environ.pop("ENGRAMD_ONLY", "")


class TestTooSlow(BaseException):
    """Not an Exception: code under test that catches those must not swallow it."""

    __test__ = False


def _too_slow(_signal, _frame):
    raise TestTooSlow("engramd: the test took longer than its limit")


def _frames_of(excinfo):
    found = []
    root = os.getcwd() + os.sep
    try:
        for entry in excinfo.traceback:
            path = os.path.realpath(str(entry.path))
            if path.startswith(root):
                found.append([path[len(root):], entry.lineno + 1])
    except Exception:  # a traceback that cannot be walked is no reason to lose the report
        pass
    return found[:20] + found[20:][-20:]


def _wanted(nodeid, only):
    """The id itself, or one that stands for it: its file, its class, its function."""
    if nodeid in only:
        return True
    parts = nodeid.split("::")
    if any("::".join(parts[:n]) in only for n in range(1, len(parts))):
        return True
    return nodeid.split("[", 1)[0] in only


class _Reporter:
    def __init__(self):
        self.out = open(_file, "a", encoding="utf-8", errors="replace")
        self.limit = _test_seconds
        self.stop_at = time.monotonic() + _run_seconds
        self.only = set(_only.split("\n")) if _only else None
        self.hung = 0
        self.slowest = 0.0
        self.records = {}  # by id: with xdist the phases of several tests come mixed
        self.armed = False
        self.dumps = json.dumps  # tests may replace what they find in a module

    def write(self, record):
        self.out.write(self.dumps(record) + "\n")
        self.out.flush()

    def arm(self, config):
        if not self.limit or not hasattr(signal, "setitimer"):
            return
        try:
            if config.getvalue("timeout"):  # pytest-timeout is at work and uses the same signal
                return
        except (ValueError, KeyError):
            pass
        # After a test has hung the next ones get less: all of them may hang.
        limit = self.limit
        if self.hung >= 3:
            limit = max(0.5, 4 * self.slowest)
        elif self.hung >= 1:
            limit = max(1.0, 6 * self.slowest)
        try:
            signal.signal(signal.SIGALRM, _too_slow)
            signal.setitimer(signal.ITIMER_REAL, min(limit, self.limit))
            self.armed = True
        except ValueError:  # not the main thread
            pass

    def disarm(self):
        if self.armed:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self.armed = False

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config, items):
        if self.only is None:
            return
        left_out = [item for item in items if not _wanted(item.nodeid, self.only)]
        if left_out:
            items[:] = [item for item in items if _wanted(item.nodeid, self.only)]
            config.hook.pytest_deselected(items=left_out)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_setup(self, item):
        self.arm(item.config)
        yield
        self.disarm()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item):
        self.arm(item.config)
        yield
        self.disarm()

    def pytest_runtest_logstart(self, nodeid, location):
        self.records.pop(nodeid, None)
        self.write({"start": nodeid})

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        outcome = yield
        if call.excinfo is not None:
            report = outcome.get_result()
            report.engramd_frames = _frames_of(call.excinfo)
            report.engramd_slow = call.excinfo.type is TestTooSlow

    def pytest_runtest_logreport(self, report):
        record = self.records.get(report.nodeid)
        if record is None or report.when == "setup":
            record = {"id": report.nodeid, "outcome": "passed", "seconds": 0.0}
            self.records[report.nodeid] = record
        record["seconds"] += getattr(report, "duration", 0.0)
        if report.outcome == "rerun":  # by a plugin: what counts comes later
            return
        if report.outcome != "passed" and record["outcome"] in ("passed", "skipped", "xfailed"):
            if getattr(report, "engramd_slow", False):
                record["outcome"] = "timed_out"
                self.hung += 1
            elif report.outcome == "skipped":
                if record["outcome"] == "passed":
                    record["outcome"] = "xfailed" if hasattr(report, "wasxfail") else "skipped"
            else:
                record["outcome"] = "failed" if report.when == "call" else "error"
            if report.outcome == "failed":
                record["message"] = str(report.longreprtext)[-4000:]
                record["frames"] = getattr(report, "engramd_frames", [])
        if report.when == "teardown":
            if record["outcome"] == "passed":
                self.slowest = max(self.slowest, record["seconds"])
            self.write(self.records.pop(report.nodeid))

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self, item, nextitem):
        if self.hung and time.monotonic() > self.stop_at:
            item.session.shouldstop = "engramd: enough tests have hung"

    def pytest_collectreport(self, report):
        if report.outcome == "failed":
            self.write({"id": report.nodeid, "outcome": "error", "seconds": 0.0,
                        "message": str(report.longreprtext)[-4000:], "frames": []})

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session, exitstatus):
        self.write({"done": int(exitstatus)})


def pytest_configure(config):
    # A worker of pytest-xdist has no file: the process that started it reports.
    if _file and not config.pluginmanager.has_plugin("engramd_reporter"):
        config.pluginmanager.register(_Reporter(), "engramd_reporter")
