"""engramd's witness of a graded test run, inside pytest.

The code under test runs in the same process and may lie: it may print PASSED, end the process, patch
pytest or the tests. So nothing it prints counts, and this plugin, which is loaded before any of it,

* writes one record for each phase of each test, each under a one-time token that is read once and
  removed before the first line of the project runs: a record without the right token is a forgery;
* takes the verdict from the exception itself, not from the report that hooks hand on;
* notes the runner's own functions before the project is loaded and compares them after each test;
* checks that a test's function is the one in the test's file;
* finally runs tests that must fail (a generated file): when one of them passes, the runner lies.

ENGRAMD_GRADE names the report; NAME.tokens and NAME.json (what the patch changed, the file of tests
that must fail) lie beside it.
"""
import os

_report = os.environ.pop("ENGRAMD_GRADE", None)
# Processes that the tests start are none of ours.
_addopts = os.environ.pop("ENGRAMD_ADDOPTS", None)
if _report is not None and "PYTEST_ADDOPTS" in os.environ:
    del os.environ["PYTEST_ADDOPTS"]
    if _addopts:
        os.environ["PYTEST_ADDOPTS"] = _addopts

if _report is not None:
    import ast
    import builtins
    import json
    import sys
    import types
    import unittest

    import pytest


def _open_report(path):
    """A function that appends a record under the next token. Nothing else holds the tokens."""
    with open(path + ".tokens", encoding="ascii") as file:
        tokens = iter(file.read().split())
    os.unlink(path + ".tokens")
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    encode = json.JSONEncoder(ensure_ascii=True).encode
    put, own, current = os.write, os.getpid(), os.getpid

    def write(**record):
        if current() != own:
            return
        token = next(tokens, None)
        if token is not None:
            put(descriptor, (token + " " + encode(record) + "\n").encode("ascii"))

    return write


def _unwrapped(function):
    for _ in range(20):
        function = getattr(function, "__func__", function)
        inner = getattr(function, "__wrapped__", None)
        if inner is None:
            return function
        function = inner
    return function


def _file_of(function):
    code = getattr(_unwrapped(function), "__code__", None)
    return os.path.realpath(code.co_filename) if code is not None else None


class _Seal:
    """The functions that decide what a test's result is, as they were before the project came."""

    def __init__(self, patched):
        self.patched = patched
        self.known = []
        from _pytest import outcomes, python, reports, runner, skipping
        from _pytest import unittest as unittest_plugin

        for module in (outcomes, runner, skipping, reports, python, unittest_plugin):
            self._module(module)
        for name in ("_pytest.raises", "_pytest.python_api", "pluggy._callers", "pluggy.callers",
                     "pluggy._hooks", "pluggy.hooks", "pluggy._manager", "pluggy.manager",
                     "pluggy._result", "unittest.case"):
            if name in sys.modules:
                self._module(sys.modules[name])
        self._members(pytest, ("raises", "fail", "skip", "xfail", "exit"))
        self._members(builtins, [name for name in dir(builtins)
                                 if callable(getattr(builtins, name)) and name != "_"])
        self._members(unittest, ("TestCase", "skip", "skipIf", "SkipTest"))

    def _module(self, module):
        names = [name for name, value in vars(module).items()
                 if getattr(value, "__module__", None) == module.__name__]
        self._members(module, names)
        for name in names:
            value = vars(module)[name]
            if isinstance(value, type):
                self._members(value, [n for n, v in vars(value).items()
                                      if callable(v) or isinstance(v, (classmethod, staticmethod))])

    def _members(self, owner, names):
        for name in names:
            value = vars(owner).get(name)
            if value is not None:
                function = getattr(value, "__func__", value)
                self.known.append((owner, name, value, getattr(function, "__code__", None),
                                   function))

    def broken(self):
        """The first thing that is not what it was, unless what replaced it is none of the patch's."""
        for owner, name, value, code, function in self.known:
            now = vars(owner).get(name)
            if now is value:
                if code is not None and function.__code__ is not code:
                    return "%s.%s has other code" % (owner.__name__, name)
                continue
            file = _file_of(now) if now is not None else None
            if file is None or file in self.patched or not os.path.exists(file):
                return "%s.%s was replaced" % (owner.__name__, name)
        return None


def _plain_functions(path):
    """(class or "", name) -> line of the undecorated test functions that a file defines."""
    found = {}
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return found
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    for node in tree.body:
        if isinstance(node, kinds):
            if not node.decorator_list:
                found[("", node.name)] = node.lineno
        elif isinstance(node, ast.ClassDef) and not node.decorator_list:
            for inner in node.body:
                if isinstance(inner, kinds) and not inner.decorator_list:
                    found[(node.name, inner.name)] = inner.lineno
    return found


class _Witness:
    def __init__(self, path):
        with open(path + ".json", encoding="utf-8") as file:
            setup = json.load(file)
        self.write = _open_report(path)
        root = os.path.realpath(os.getcwd())
        self.patched = {os.path.realpath(os.path.join(root, name)) for name in setup["patched"]}
        self.must_fail = setup["must_fail"]
        self.seal = None
        self.plain = {}
        self.told = set()
        self.canary = None

    def tell(self, what):
        if what not in self.told and len(self.told) < 50:
            self.told.add(what)
            self.write(tampered=what)

    def name_of(self, item):
        try:
            return item.config.cwd_relative_nodeid(item.nodeid)
        except Exception:
            return item.nodeid

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(self, early_config, parser, args):
        self.begin()
        yield

    def begin(self):
        if self.seal is None:
            package = os.path.dirname(os.path.realpath(pytest.__file__))
            inside = os.path.realpath(os.getcwd()) + os.sep
            own_runner = package.startswith(inside)
            self.write(begin=pytest.__version__, own_runner=own_runner)
            self.seal = _Seal(self.patched)

    def pytest_configure(self, config):
        self.begin()

    def check_function(self, item):
        try:
            function = item.function
            path = os.path.realpath(str(getattr(item, "path", None) or item.fspath))
            owner = getattr(item, "cls", None)
            name = getattr(item, "originalname", None) or item.name.split("[")[0]
        except Exception:
            return
        file = _file_of(function)
        if file is not None and file in self.patched and file != path:
            self.tell("%s runs a function of %s" % (item.nodeid, os.path.basename(file)))
            return
        if path not in self.plain:
            self.plain[path] = _plain_functions(path)
        line = self.plain[path].get((owner.__name__ if owner else "", name))
        if line is None:
            return
        code = getattr(_unwrapped(function), "__code__", None)
        if code is None or os.path.realpath(code.co_filename) != path or code.co_firstlineno != line:
            self.tell("%s does not run the function in its file" % item.nodeid)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item, nextitem):
        if self.canary is None:
            self.check_function(item)
            self.write(start=self.name_of(item))
        yield

    def comes_from_patch(self, excinfo):
        """Whether the skip (or xfail) was asked for by code that the patch brought."""
        try:
            entries = list(excinfo.traceback)
        except Exception:
            return False
        for entry in reversed(entries):
            path = os.path.realpath(str(entry.path))
            if os.sep + "_pytest" + os.sep in path or path.endswith("unittest/case.py"):
                continue
            return path in self.patched
        return False

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item, call):
        outcome = yield
        report = outcome.get_result()
        raised = call.excinfo
        result = report.outcome
        xfail = hasattr(report, "wasxfail")
        if raised is None:
            if result == "passed" and xfail:
                result = "xpassed"
            elif result == "skipped":
                result = "failed"
        elif result == "passed":
            self.tell("%s raised %s and was reported as passed" % (item.nodeid, raised.typename))
            result = "failed"
        elif result == "skipped":
            if self.comes_from_patch(raised):
                result = "failed"
            elif xfail:
                result = "xfailed"
        if self.canary is not None:
            self.canary.append((call.when, result))
            return
        self.write(id=self.name_of(item), when=call.when, outcome=result)
        if call.when == "teardown":
            broken = self.seal.broken()
            if broken:
                self.tell(broken)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_make_collect_report(self, collector):
        outcome = yield
        report = outcome.get_result()
        if report.outcome == "failed" and self.canary is None:
            self.write(id=collector.nodeid, when="collect", outcome="error")

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session):
        yield
        if session.config.option.collectonly:
            return
        try:
            self.run_canaries(session)
        except BaseException as error:
            self.write(canary="", problem="%s: %s" % (type(error).__name__, error))

    def run_canaries(self, session):
        from _pytest.runner import runtestprotocol

        if hasattr(session, "path"):
            import pathlib

            module = pytest.Module.from_parent(session, path=pathlib.Path(self.must_fail))
        else:
            import py

            module = pytest.Module.from_parent(session, fspath=py.path.local(self.must_fail))
        session.shouldstop = session.shouldfail = False
        pending, items = [module], []
        while pending:
            node = pending.pop()
            if isinstance(node, pytest.Item):
                items.append(node)
            else:
                pending.extend(node.collect())
        for item in items:
            self.canary = []
            runtestprotocol(item, log=False, nextitem=None)
            failed = any(result in ("failed", "error") for _, result in self.canary)
            self.write(canary=item.name, failed=failed)
            self.canary = None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session, exitstatus):
        broken = self.seal.broken()
        if broken:
            self.tell(broken)
        self.write(done=int(session.exitstatus), collected=len(session.items)
                   if getattr(session, "items", None) is not None else 0)


if _report is not None:
    _witness = _Witness(_report)

    def pytest_addhooks(pluginmanager):
        if not pluginmanager.has_plugin("engramd_witness"):
            pluginmanager.register(_witness, "engramd_witness")
