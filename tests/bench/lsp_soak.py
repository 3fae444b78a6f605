"""The soak suite of lsp_bench: minutes of random edits and questions, then: did it grow, has it drifted?"""
import random
import time


def outline(symbols):
    """What an outline says, without what a server may word differently from one start to the next."""
    return [(s["name"], s["kind"], str(s.get("range") or s["location"]["range"]),
             outline(s.get("children") or [])) for s in symbols or []]


def soak(subject, questions, minutes, random_edit):
    chance = random.Random(11)
    wire = subject.ready()
    paths = questions.files[:8]
    for path in paths:
        wire.open(path, subject.language)
    original = dict(wire.texts)
    sizes, took, n_edits = [], [], 0
    begin = next_look = time.perf_counter()
    while time.perf_counter() - begin < minutes * 60:
        path = chance.choice(paths)
        for _ in range(chance.randint(1, 20)):
            random_edit(wire, path, chance)
            n_edits += 1
        at = {"textDocument": {"uri": wire.uri(path)}}
        place = dict(at, position={"line": chance.randrange(200), "character": chance.randrange(40)})
        for method, params in (("textDocument/documentSymbol", at), ("textDocument/definition", place),
                               ("textDocument/hover", place),
                               ("textDocument/references", dict(place, context={"includeDeclaration": True})),
                               ("workspace/symbol", {"query": chance.choice(questions.names)})):
            took.append(wire.request(method, params, 60)[1])
        if chance.random() < 0.02:  # now and then all of it is undone, so that the text stays code
            wire.notify("textDocument/didClose", at)
            del wire.versions[path]
            wire.open(path, subject.language, original[path])
        if time.perf_counter() >= next_look:
            sizes.append(subject.resident_kb(wire) / 1024)
            next_look += max(1, minutes * 60 / 40)
    # The same texts put to a fresh conversation: any difference is drift.
    fresh = subject.start()
    fresh.initialize()
    fresh.until_quiet(ends_its_progress=subject.own)
    n_different = 0
    for path in paths:
        fresh.open(path, subject.language, wire.texts[path])
        n_different += outline(wire.symbols(path)[0]) != outline(fresh.symbols(path)[0])
    fresh.stop()
    wire.stop()
    half, tail = sizes[len(sizes) // 4:len(sizes) // 2], sizes[-max(1, len(sizes) // 4):]
    worst = sorted(took)
    return {"edits": n_edits, "questions": len(took),
            "all questions p50, ms": worst[len(worst) // 2],
            "all questions p99, ms": worst[int(len(worst) * 0.99)],
            "resident in the second quarter, MB": sum(half) / max(1, len(half)),
            "resident in the last quarter, MB": sum(tail) / len(tail),
            "files whose outline differs from a fresh session's, of %d" % len(paths): n_different}
