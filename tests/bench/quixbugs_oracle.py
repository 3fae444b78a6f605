#!/usr/bin/env python3
"""Whether a repaired QuixBugs program is right: equal to the corrected one, or agrees with it.

    quixbugs_oracle.py PROGRAM REPAIRED.py CORRECT.py CASES.json NODE_FOLDER

Prints one word: equal (the same syntax tree but for docstrings), agrees (the same results on a few
hundred inputs made from the program's own cases, or on small random graphs), differs, unchecked.
An input on which the corrected program raises or takes more than half a second says nothing.
A sorted list stays sorted and a number that was not negative stays so: the programs' preconditions.
"""
import ast
import copy
import importlib.util
import json
import pathlib
import random
import signal
import sys
import types

TRIES = 300


def normal(text):
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [s for s in body if not (isinstance(s, ast.Expr) and
                                            isinstance(s.value, ast.Constant) and
                                            isinstance(s.value.value, str))]
            node.body = kept or [ast.Pass()]
    return ast.dump(tree)


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TooSlow(BaseException):
    pass


def stop(_signal, _frame):
    raise TooSlow()


def call(function, arguments, seconds):
    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        result = function(*arguments)
        if isinstance(result, types.GeneratorType):
            out = []
            for item in result:
                out.append(item)
                if len(out) > 5000:
                    break
            result = out
        return "value", result
    except TooSlow:
        return "slow", None
    except Exception as error:
        return "raised", type(error).__name__
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def perturbed(value, rng):
    if isinstance(value, bool):
        return rng.random() < 0.5
    if isinstance(value, int):
        moved = value + rng.choice([-3, -2, -1, 0, 0, 1, 2, 3])
        return max(0, moved) if value >= 0 else moved
    if isinstance(value, float):
        return value * rng.choice([0.5, 1, 1, 2])
    if isinstance(value, str):
        chars = list(value)
        for _ in range(rng.randint(0, 2)):
            if chars and rng.random() < 0.5:
                del chars[rng.randrange(len(chars))]
            elif chars:
                chars.insert(rng.randrange(len(chars) + 1), rng.choice(chars))
        return "".join(chars)
    if isinstance(value, list):
        items = [perturbed(v, rng) if rng.random() < 0.4 else copy.deepcopy(v) for v in value]
        for _ in range(rng.randint(0, 2)):
            if items and rng.random() < 0.5:
                del items[rng.randrange(len(items))]
            elif items:
                items.insert(rng.randrange(len(items) + 1), copy.deepcopy(rng.choice(items)))
        try:
            if value == sorted(value):
                items.sort()
        except TypeError:
            pass
        return items
    return value


def same(a, b):
    if isinstance(a, float) or isinstance(b, float):
        try:
            return abs(a - b) <= 1e-6 * max(1, abs(a), abs(b))
        except TypeError:
            return False
    return a == b


def by_cases(name, repaired, correct, cases):
    rng = random.Random(7)
    compared = 0
    for turn in range(TRIES):
        arguments = cases[turn % len(cases)]
        if turn >= len(cases):
            arguments = perturbed(arguments, rng)
            if len(arguments) != len(cases[turn % len(cases)]):
                continue
        if name == "sqrt":
            arguments = [max(arguments[0], 1), max(arguments[1], 0.01)]
        kind, expected = call(correct, copy.deepcopy(arguments), 0.5)
        if kind != "value":
            continue
        got = call(repaired, copy.deepcopy(arguments), 3)
        compared += 1
        if name == "sqrt":  # any root within epsilon is one
            if got[0] != "value" or abs(got[1] ** 2 - arguments[0]) > 3 * arguments[1] + arguments[1] ** 2:
                return "differs"
        elif got[0] != "value" or not same(got[1], expected):
            return "differs"
    return "agrees" if compared >= 20 else "unchecked"


def graph_case(name, node, rng):
    """Arguments made twice alike, and what to compare of a result."""
    n = rng.randint(1, 6)
    pairs = [(a, b) for a in range(n) for b in range(n) if a != b]
    edges = [p for p in pairs if rng.random() < 0.35]
    weights = {p: rng.randint(1, 9) for p in edges}

    def nodes():
        made = [node.Node(i) for i in range(n)]
        for m in made:
            m.successors, m.predecessors, m.incoming_nodes, m.outgoing_nodes = [], [], [], []
        return made

    if name in ("breadth_first_search", "depth_first_search"):
        def make():
            made = nodes()
            for a, b in edges:
                made[a].successors.append(made[b])
            return [made[0], made[-1]], lambda result: bool(result)
    elif name in ("detect_cycle", "reverse_linked_list"):
        loop = rng.randrange(n) if name == "detect_cycle" and rng.random() < 0.5 else None
        empty = name == "reverse_linked_list" and rng.random() < 0.1

        def chain(first):
            out = []
            while first is not None and len(out) < 20:
                out.append(first.value)
                first = first.successor
            return out

        def make():
            made = nodes()
            for a in range(n - 1):
                made[a].successor = made[a + 1]
            made[-1].successor = made[loop] if loop is not None else None
            return [None if empty else made[0]], (bool if name == "detect_cycle" else chain)
    elif name == "topological_ordering":
        def make():
            made = nodes()
            for a, b in edges:
                if a < b:
                    made[a].outgoing_nodes.append(made[b])
                    made[b].incoming_nodes.append(made[a])
            return [made], lambda result: [m.value for m in result]
    elif name == "minimum_spanning_tree":
        distinct = {(a, b): 10 * i + rng.randint(0, 9)
                    for i, (a, b) in enumerate(rng.sample(edges, len(edges))) if a < b}

        def make():
            return [dict(distinct)], lambda result: set(result)
    elif name == "shortest_path_length":
        def make():
            made = nodes()
            for a, b in edges:
                made[a].successors.append(made[b])
            return ([{(made[a], made[b]): w for (a, b), w in weights.items()}, made[0], made[-1]],
                    lambda result: result)
    elif name == "shortest_path_lengths":
        def make():
            return [n, dict(weights)], lambda r: {k: v for k, v in dict(r).items() if v < 1e9}
    elif name == "shortest_paths":
        def make():
            return ["0", {(str(a), str(b)): w for (a, b), w in weights.items()}], dict
    else:
        return None
    return make


def by_graphs(name, repaired, correct, node):
    rng = random.Random(7)
    compared = 0
    for _ in range(TRIES):
        make = graph_case(name, node, rng)
        if make is None:
            return "unchecked"
        arguments, view = make()
        kind, expected = call(lambda *a: view(correct(*a)), arguments, 0.5)
        if kind != "value":
            continue
        arguments, view = make()
        got = call(lambda *a: view(repaired(*a)), arguments, 3)
        compared += 1
        if got != ("value", expected):
            return "differs"
    return "agrees" if compared >= 20 else "unchecked"


def main():
    name, repaired_path, correct_path, cases_path, node_folder = sys.argv[1:6]
    if normal(pathlib.Path(repaired_path).read_text()) == normal(pathlib.Path(correct_path).read_text()):
        print("equal")
        return
    sys.path.insert(0, node_folder)
    sys.setrecursionlimit(2000)
    repaired = getattr(load(repaired_path, "repaired"), name)
    correct = getattr(load(correct_path, "correct"), name)
    cases = pathlib.Path(cases_path)
    if cases.exists():
        inputs = [json.loads(line)[0] for line in cases.read_text().splitlines() if line.strip()]
        inputs = [i if isinstance(i, list) else [i] for i in inputs]
        print(by_cases(name, repaired, correct, inputs))
    else:
        print(by_graphs(name, repaired, correct, load(node_folder + "/node.py", "node")))


if __name__ == "__main__":
    main()
