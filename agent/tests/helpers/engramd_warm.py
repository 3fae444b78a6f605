"""engramd inside pytest: a warm runner for thousands of candidates.

``python engramd_warm.py FD JSON`` serves requests (one JSON object per line) on an inherited socket.
Each candidate runs in a fork of a process that has already imported pytest, collected the tests and
imported the code under test:
  hot   the candidate's functions replace the code of the loaded ones; nothing is imported again
  cold  the candidate is written to disk and pytest starts over, in a fork that has pytest loaded
  trace runs the tests unchanged and answers with the lines that each of them executed
Which of the two a candidate needs is decided here: when anything but a function's body changed, hot
answers "unpatchable".
"""
import __future__
import ast
import gc
import json
import os
import select
import signal
import sys
import time
import types
import warnings


class TestTooSlow(BaseException):
    """Not an Exception: code under test that catches those must not swallow it."""

    __test__ = False


def _too_slow(_signal, _frame):
    raise TestTooSlow("engramd: the test took longer than its limit")


# ---------------------------------------------------------------- replacing loaded functions

_CO_OPTIMIZED = 0x1
_FUTURE_FLAGS = 0
for _name in __future__.all_feature_names:
    _FUTURE_FLAGS |= getattr(__future__, _name).compiler_flag


def _shape(code):
    """What runs when the module (or class body) is executed, functions' bodies left out."""
    consts = []
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            if const.co_flags & _CO_OPTIMIZED and not const.co_name.startswith("<"):
                consts.append(("function", const.co_name, const.co_freevars))
            elif const.co_name.startswith("<"):
                consts.append(("expression", const.co_code, repr(const.co_consts)))
            else:
                consts.append(("class", const.co_name, _shape(const)))
        else:
            consts.append((type(const).__name__, repr(const)))
    return code.co_code, tuple(consts), code.co_names


def _functions(code, path=(), out=None):
    """Every function's code under a path of names that does not depend on line numbers."""
    out = {} if out is None else out
    seen = {}
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            ordinal = seen[const.co_name] = seen.get(const.co_name, 0) + 1
            key = path + ((const.co_name, ordinal),)
            out[key] = const
            _functions(const, key, out)
    return out


def _digest(code):
    """All that decides what a code object does; lines and columns do not."""
    consts = tuple(_digest(c) if isinstance(c, types.CodeType) else (type(c).__name__, repr(c))
                   for c in code.co_consts)
    return (code.co_name, code.co_code, consts, code.co_names, code.co_varnames, code.co_freevars,
            code.co_cellvars, code.co_flags, code.co_argcount, code.co_kwonlyargcount,
            getattr(code, "co_exceptiontable", b""))


class Segment:
    """One statement of a module: a function or class, compiled alone at its own lines."""

    def __init__(self, first, last, code):
        self.first, self.last = first, last  # lines, from 0, last exclusive
        self.shape = _shape(code)
        self.tried = {hash(_digest(code))}  # what the file does already is a candidate that fails
        self.loaded = []


class LoadedFile:
    """The functions of one source file as they sit in memory.

    A candidate changes one statement of the module: only that is compiled again, and what compiles
    to the same code as something tried before is not run again.
    """

    def __init__(self, path, functions):
        self.path = path
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
        self.lines = text.split("\n")
        tree = ast.parse(text, path)
        whole = compile(text, path, "exec", dont_inherit=True)
        self.flags = whole.co_flags & _FUTURE_FLAGS
        self.segments = []
        by_place = {}
        for function in functions:
            code = function.__code__
            by_place.setdefault((code.co_name, code.co_firstlineno), []).append(function)
        for statement in tree.body:
            if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                continue
            first = min([statement.lineno] + [d.lineno for d in statement.decorator_list]) - 1
            code = self._compile(first, self.lines[first:statement.end_lineno])
            segment = Segment(first, statement.end_lineno, code)
            for key, old in _functions(code).items():
                for function in by_place.get((old.co_name, old.co_firstlineno), ()):
                    segment.loaded.append((key, function))
            self.segments.append(segment)

    def _compile(self, first, lines):
        return compile("\n" * first + "\n".join(lines) + "\n", self.path, "exec",
                       flags=self.flags, dont_inherit=True)

    def prepare(self, text):
        """The new code of the functions, or why the text need not or cannot be swapped in."""
        lines = text.split("\n")
        head = 0
        shortest = min(len(lines), len(self.lines))
        while head < shortest and lines[head] == self.lines[head]:
            head += 1
        tail = 0
        while tail < shortest - head and lines[-1 - tail] == self.lines[-1 - tail]:
            tail += 1
        end = len(self.lines) - tail
        for segment in self.segments:
            if segment.first <= head and end <= segment.last:
                break
        else:
            return "unpatchable", None
        grown = len(lines) - len(self.lines)
        try:
            code = self._compile(segment.first, lines[segment.first:segment.last + grown])
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return "syntax", None
        if not segment.loaded or _shape(code) != segment.shape:
            return "unpatchable", None
        digest = hash(_digest(code))
        if digest in segment.tried:
            return "same", None
        segment.tried.add(digest)
        new = _functions(code)
        if any(key not in new for key, _ in segment.loaded):
            return "unpatchable", None
        return None, [(function, new[key]) for key, function in segment.loaded]


# ---------------------------------------------------------------- the warm runner

def _limit_child(cpu_s):
    try:
        import resource

        soft = int(cpu_s) + 2
        resource.setrlimit(resource.RLIMIT_CPU, (soft, soft + 1))
        resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass


def _arm_cpu(seconds):
    signal.signal(signal.SIGPROF, _too_slow)
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _disarm_cpu():
    signal.setitimer(signal.ITIMER_PROF, 0)


def _quiet():
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)


def _run_item(item, seconds, tracer=None):
    """passed, skipped, failed or slow."""
    from _pytest.outcomes import Exit, Skipped

    outcome = "passed"
    if hasattr(item, "_request") and not item._request:
        item._initrequest()
    if item.get_closest_marker("xfail"):
        from _pytest.runner import runtestprotocol

        _arm_cpu(seconds)
        try:
            reports = runtestprotocol(item, log=False, nextitem=None)
        except TestTooSlow:
            return "slow"
        finally:
            _disarm_cpu()
        return "failed" if any(r.outcome == "failed" for r in reports) else "passed"
    try:
        _arm_cpu(seconds)
        item.ihook.pytest_runtest_setup(item=item)
        if tracer is not None:
            sys.settrace(tracer)
        try:
            item.ihook.pytest_runtest_call(item=item)
        finally:
            sys.settrace(None)
        if getattr(item, "_excinfo", None):  # unittest's way of saying that it failed
            raised = item._excinfo[0]
            outcome = "skipped" if issubclass(raised.type, Skipped) else "failed"
    except TestTooSlow:
        outcome = "slow"
    except Skipped:
        outcome = "skipped"
    except (KeyboardInterrupt, Exit):
        outcome = "failed"
    except BaseException:
        outcome = "failed"
    _disarm_cpu()
    try:
        _arm_cpu(seconds)
        item.ihook.pytest_runtest_teardown(item=item, nextitem=None)
    except BaseException:
        if outcome == "passed":
            outcome = "failed"
    _disarm_cpu()
    return outcome


def _run_patiently(item, seconds, progress):
    """As _run_item, but a candidate that has made red tests green gets more time for a slow one:
    the limit was learnt from quick tests, and this one may be expensive and right."""
    outcome = _run_item(item, seconds)
    if outcome == "slow" and progress:
        if hasattr(item, "_initrequest"):
            item._initrequest()
        outcome = _run_item(item, max(5.0, 10 * seconds))
    return outcome


def _in_fork(body, wall_s):
    """Runs body(write) in a fork; what it wrote, and whether it had to be killed."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            os.close(read_end)
            _quiet()
            body(lambda record: os.write(write_end, (json.dumps(record) + "\n").encode()))
        except BaseException:
            pass
        finally:
            os._exit(0)
    os.close(write_end)
    pieces = []
    deadline = time.monotonic() + wall_s
    killed = False
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            killed = True
            break
        ready, _, _ = select.select([read_end], [], [], left)
        if not ready:
            continue
        piece = os.read(read_end, 1 << 16)
        if not piece:
            break
        pieces.append(piece)
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os.waitpid(pid, 0)
    os.close(read_end)
    records = []
    for line in b"".join(pieces).split(b"\n"):
        if line:
            try:
                records.append(json.loads(line))
            except ValueError:
                pass
    return records, killed


class Selection:
    """Restricts a run to some test files and puts the tests that failed before first."""

    def __init__(self, files, first):
        self.files = files
        self.first = {name: place for place, name in enumerate(first)}

    def pytest_configure(self, config):
        if self.files:
            config.args = list(self.files)

    def pytest_collection_modifyitems(self, session, config, items):
        items.sort(key=lambda item: self.first.get(item.nodeid, len(self.first)))


class Hot(Selection):
    def __init__(self, connection, files, first):
        super().__init__(files, first)
        self.connection = connection
        self.functions = {}
        self.loaded = {}

    def pytest_runtestloop(self, session):
        # Before freeze(): what is frozen is not among the objects that gc lists.
        gc.collect()
        for thing in gc.get_objects():
            if type(thing) is types.FunctionType and thing.__code__.co_filename[:1] == "/":
                path = os.path.realpath(thing.__code__.co_filename)
                self.functions.setdefault(path, []).append(thing)
        gc.freeze()
        self.connection.send({"hello": "hot", "items": len(session.items),
                              "collect_errors": session.testsfailed})
        while True:
            request = self.connection.receive()
            if request is None:
                os._exit(0)
            try:
                answer = self.answer(session, request)
            except Exception as error:  # of one candidate; the others still need this process
                answer = {"outcome": "unpatchable", "why": repr(error)}
            answer["cpu_hot_s"] = sum(os.times()[:4])
            self.connection.send(answer)

    def answer(self, session, request):
        mode = request["mode"]
        limit = request["cpu_s"]
        if mode == "trace":
            return self.trace(session, request, limit)
        path = os.path.realpath(request["path"])
        if path not in self.loaded:
            try:
                self.loaded[path] = LoadedFile(path, self.functions.get(path, ()))
            except (OSError, SyntaxError, ValueError, RecursionError):
                self.loaded[path] = None
        loaded = self.loaded[path]
        if loaded is None:
            return {"outcome": "unpatchable"}

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reason, swaps = loaded.prepare(request["text"])
        if reason:
            return {"outcome": reason}

        def body(write):
            try:
                for function, code in swaps:
                    function.__code__ = code
            except ValueError:  # other free variables
                write({"outcome": "unpatchable"})
                return
            _limit_child(20 * limit + 15)
            done = 0
            for item in session.items:
                outcome = _run_patiently(item, limit, done > 0)
                if outcome in ("failed", "slow"):
                    write({"outcome": outcome, "test": item.nodeid, "passed": done})
                    return
                done += outcome == "passed"
            write({"outcome": "passed" if done else "failed", "passed": done})

        records, killed = _in_fork(body, request["wall_s"])
        if records:
            return records[-1]
        return {"outcome": "slow" if killed else "crashed"}

    def trace(self, session, request, limit):
        root = request["root"] + os.sep
        names = {}

        def wanted(filename):
            known = names.get(filename)
            if known is None:
                real = os.path.realpath(filename)
                inside = filename[:1] == "/" and real.startswith(root) and "site-packages" not in real
                known = names[filename] = real[len(root):] if inside else ""
            return known

        def body(write):
            _limit_child(request["wall_s"] + 5)
            deadline = time.monotonic() + request["wall_s"] * 0.9
            slow = 0
            for item in session.items[: request["max_tests"]]:
                lines = {}

                def local(frame, event, _arg):
                    lines.setdefault(frame.f_code.co_filename, set()).add(frame.f_lineno)
                    return local

                def tracer(frame, event, _arg):
                    if wanted(frame.f_code.co_filename):
                        return local
                    return None

                outcome = _run_item(item, limit if slow < 2 else limit / 4, tracer)
                slow += outcome == "slow"
                files = {}
                for name, numbers in lines.items():
                    if wanted(name):
                        files.setdefault(wanted(name), set()).update(numbers)
                write({"id": item.nodeid, "outcome": outcome,
                       "files": {name: sorted(numbers) for name, numbers in files.items()}})
                if time.monotonic() > deadline:
                    break

        records, _ = _in_fork(body, request["wall_s"])
        return {"outcome": "traced", "tests": records}


class StopAtFirstFailure(Selection):
    def __init__(self, files, first, cpu_s):
        super().__init__(files, first)
        self.cpu_s = cpu_s
        self.passed = 0
        self.failed = None

    def pytest_runtest_protocol(self, item, nextitem):
        outcome = _run_patiently(item, self.cpu_s, self.passed > 0)
        if outcome in ("failed", "slow"):
            self.failed = item.nodeid
            item.session.shouldstop = "engramd: first failure"
        self.passed += outcome == "passed"
        return True

    def pytest_collectreport(self, report):
        if report.outcome == "failed":
            self.failed = report.nodeid


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.reader = sock.makefile("rb")

    def send(self, record):
        self.sock.sendall((json.dumps(record) + "\n").encode())

    def receive(self):
        line = self.reader.readline()
        return json.loads(line) if line else None


def _cold(request, args, files, first):
    import pytest

    path = request["path"]
    with open(path, "rb") as file:
        before = file.read()

    def body(write):
        _limit_child(20 * request["cpu_s"] + 30)
        plugin = StopAtFirstFailure(files, first, request["cpu_s"])
        status = pytest.main(list(args), plugins=[plugin])
        good = int(status) == 0 and plugin.failed is None and plugin.passed > 0
        write({"outcome": "passed" if good else "failed", "test": plugin.failed,
               "passed": plugin.passed})

    try:
        with open(path, "wb") as file:
            file.write(request["text"].encode())
        records, killed = _in_fork(body, request["wall_s"])
    finally:
        with open(path, "wb") as file:
            file.write(before)
    if records:
        return records[-1]
    return {"outcome": "slow" if killed else "crashed"}


def main():
    import socket

    fd, setup = int(sys.argv[1]), json.loads(sys.argv[2])
    sys.dont_write_bytecode = True
    sys.path[:] = [entry for entry in sys.path if entry != os.path.dirname(os.path.abspath(__file__))]
    if setup["add_cwd"]:
        sys.path.insert(0, os.getcwd())
    outside = Connection(socket.socket(fileno=fd))
    try:
        import pytest
    except ImportError:
        outside.send({"hello": "no pytest"})
        return
    args = setup["args"] + ["-p", "no:cacheprovider", "-q"]
    files = [os.path.join(os.getcwd(), name) for name in setup["files"]]
    first = setup["first"]
    sys.argv = [setup["program"]] + setup["args"]

    ours, theirs = socket.socketpair()
    hot_pid = os.fork()
    if hot_pid == 0:
        ours.close()
        outside.sock.close()
        if not os.environ.get("ENGRAMD_DRIVER_LOG"):
            _quiet()
        plugin = Hot(Connection(theirs), files, first)
        try:
            pytest.main(list(args), plugins=[plugin])
        finally:
            os._exit(0)
    theirs.close()
    hot = Connection(ours)
    hello = hot.receive()
    outside.send(hello or {"hello": "no hot runner"})
    gc.collect()
    gc.freeze()
    while True:
        request = outside.receive()
        if request is None:
            break
        try:
            if request["mode"] == "cold":
                answer = _cold(request, args, files, first)
            else:
                hot.send(request)
                answer = hot.receive() or {"outcome": "gone"}
        except OSError as error:
            answer = {"outcome": "gone", "why": str(error)}
        answer["cpu_cold_s"] = sum(os.times()[:4])
        outside.send(answer)
    os.kill(hot_pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
