#!/usr/bin/env python3
"""Fits the numbers that mix a network with the repository memory, and puts them into its file.

  fit_gate.py steps DUMP [--into MODEL.gguf] [--out GATE.json]
  fit_gate.py lines DUMP --gate GATE.json [--into MODEL.gguf] [--out GATE.json]
  fit_gate.py memory DUMP

DUMP is what `completion_eval --dump` writes on packages that nothing was trained on. `steps` fits
the memory's share before each token by the likelihood of the hidden text; `lines` then fits how
probable a line is right (the dump must have been made with the gate of the first step in the
model); `memory` fits the same for the memory alone and prints what daemon/completion/calibration.cpp
holds. The numbers go into the key engramd.completion.gate (docs/formats/engramd-model.md); their meaning is
daemon/completion/gate.h. Needs numpy.
"""
import argparse
import json
import os
import struct

import numpy as np

VERSION = 1
N_STEP, N_LINE = 16, 12
KEY = "engramd.completion.gate"
N_HIDDEN = 12


def read_rows(path):
    steps, lines = [], {"M": [], "N": []}
    with open(path) as rows:
        for row in rows:
            kind, *fields = row.split()
            if kind == "S":
                steps.append([float(f) for f in fields[1:4]] + [float(c) for c in fields[4]] +
                             [float(f) for f in fields[5:]])
            else:
                lines[kind].append([float(f) for f in fields[1:]])
    return np.array(steps), {kind: np.array(rows) for kind, rows in lines.items()}


def fit_steps(steps, seed=0, rounds=4000, decay=1e-4):
    """The hidden layer and the output of Gate::weight, by Adam over all rows at once."""
    both = steps[(steps[:, 3] > 0) & (steps[:, 4] > 0)]
    p_memory, p_network, total = both[:, 0], both[:, 1], np.minimum(both[:, 2], 1)
    x = np.concatenate([both[:, 5:], np.ones((len(both), 1))], axis=1)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(both))
    held, used = order[:len(both) // 5], order[len(both) // 5:]
    w1 = rng.normal(0, 0.3, (N_HIDDEN, N_STEP + 1))
    w2 = np.concatenate([rng.normal(0, 0.3, N_HIDDEN), [0.0]])

    def forward(rows):
        inner = np.tanh(x[rows] @ w1.T)
        share = 1 / (1 + np.exp(-(inner @ w2[:-1] + w2[-1])))
        p = np.maximum((1 - share * total[rows]) * p_network[rows] + share * p_memory[rows], 1e-9)
        return inner, share, p

    moments = [np.zeros_like(w1), np.zeros_like(w1), np.zeros_like(w2), np.zeros_like(w2)]
    best, best_loss, since = None, np.inf, 0
    for step in range(1, rounds + 1):
        rows = rng.choice(used, min(4096, len(used)), replace=False)
        inner, share, p = forward(rows)
        outer = -(p_memory[rows] - total[rows] * p_network[rows]) / p * share * (1 - share) / len(rows)
        g2 = np.concatenate([inner.T @ outer, [outer.sum()]])
        g1 = ((outer[:, None] * w2[:-1]) * (1 - inner ** 2)).T @ x[rows]
        rate = 0.02 * min(1, step / 50) * (0.1 + 0.9 * (1 - step / rounds))
        for w, g, m, v in ((w1, g1, moments[0], moments[1]), (w2, g2, moments[2], moments[3])):
            m[:] = 0.9 * m + 0.1 * g
            v[:] = 0.99 * v + 0.01 * g * g
            w -= rate * (m / (1 - 0.9 ** step) / (np.sqrt(v / (1 - 0.99 ** step)) + 1e-9) + decay * w)
        if step % 100 == 0:
            loss = -np.log2(forward(held)[2]).mean()
            if loss < best_loss - 1e-5:
                best, best_loss, since = (w1.copy(), w2.copy()), loss, 0
            else:
                since += 1
                if since > 12:
                    break
    w1, w2 = best
    plain = {name: -np.log2(np.maximum(p[held], 1e-9)).mean()
             for name, p in (("memory", p_memory), ("network", p_network))}
    print("%d steps with both; held out, bits a token: memory %.3f, network %.3f, mixed %.3f" %
          (len(both), plain["memory"], plain["network"], best_loss))
    shares = forward(held)[1]
    print("shares of the memory: 10 %% %.2f, median %.2f, 90 %% %.2f" %
          tuple(np.quantile(shares, [0.1, 0.5, 0.9])))
    return w1, w2


def fit_logistic(features, right, penalty=0.3):
    """Newton's method; the last feature is the constant one and goes unpunished."""
    weights = np.zeros(features.shape[1])
    weights[2] = 4  # the logit of the text's own probability
    prior = weights.copy()
    punish = np.full(len(weights), penalty)
    punish[-1] = 1e-6

    def loss(w):
        z = features @ w
        return (np.logaddexp(0, z) - right * z).sum() + 0.5 * (punish * (w - prior) ** 2).sum()

    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(features @ weights, -30, 30)))
        gradient = features.T @ (p - right) + punish * (weights - prior)
        hessian = (features * (p * (1 - p))[:, None]).T @ features + np.diag(punish + 1e-6)
        step, size, now = np.linalg.solve(hessian, gradient), 1.0, loss(weights)
        while size > 1e-6 and loss(weights - size * step) > now:
            size /= 2
        weights = weights - size * step
        if size * np.abs(step).max() < 1e-6:
            break
    return weights


def fit_lines(rows, what):
    out = []
    for continued in (0, 1):
        part = rows[rows[:, 0] == continued]
        if len(part) < 50:
            print("%s, %s: %d rows are too few, the text's own probability is kept" %
                  (what, "later lines" if continued else "first lines", len(part)))
            out.append(np.array([0, 0, 4.0] + [0] * (N_LINE - 3)))
            continue
        right, features = part[:, 1], part[:, 2:]
        order = np.random.default_rng(1).permutation(len(part))
        predicted = np.zeros(len(part))
        for fold in range(5):
            test = order[fold::5]
            train = np.setdiff1d(order, test)
            weights = fit_logistic(features[train], right[train])
            predicted[test] = 1 / (1 + np.exp(-features[test] @ weights))
        print("%s, %s: %d rows, %.1f %% right" %
              (what, "later lines" if continued else "first lines", len(part), 100 * right.mean()))
        for threshold in (0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7):
            shown = predicted >= threshold
            # The text's own probability, where it shows as many.
            plain = np.argsort(-features[:, 0])[:shown.sum()]
            print("  at %.2f (five folds): shown %.1f %%, precision %.1f %%; as many by probability alone %.1f %%" %
                  (threshold, 100 * shown.mean(), 100 * right[shown].mean() if shown.any() else 0,
                   100 * right[plain].mean() if shown.any() else 0))
        out.append(fit_logistic(features, right))
    return out


# ---- the file

def skip_value(data, at, kind):
    sizes = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
    if kind in sizes:
        return at + sizes[kind]
    if kind == 8:
        return at + 8 + struct.unpack_from("<Q", data, at)[0]
    inner, n = struct.unpack_from("<IQ", data, at)
    at += 12
    if inner in sizes:
        return at + n * sizes[inner]
    for _ in range(n):
        at = skip_value(data, at, inner)
    return at


def put_numbers(path, numbers):
    """The same file with the key, in place of an older one; the tensors' bytes stay as they are."""
    with open(path, "rb") as file:
        data = file.read()
    magic, version, n_tensors, n_keys = struct.unpack_from("<4sIQQ", data, 0)
    if magic != b"GGUF" or version != 3:
        raise SystemExit(path + " is no GGUF file of version 3")
    at, alignment, kept = 24, 32, []
    for _ in range(n_keys):
        begin = at
        (length,) = struct.unpack_from("<Q", data, at)
        name = data[at + 8:at + 8 + length].decode()
        at += 8 + length
        (kind,) = struct.unpack_from("<I", data, at)
        value = at + 4
        at = skip_value(data, value, kind)
        if name == "general.alignment":
            (alignment,) = struct.unpack_from("<I", data, value)
        if name != KEY:
            kept.append(data[begin:at])
    tensors = at
    for _ in range(n_tensors):
        (length,) = struct.unpack_from("<Q", data, at)
        at += 8 + length
        (n_dims,) = struct.unpack_from("<I", data, at)
        at += 4 + 8 * n_dims + 4 + 8
    body = data[(at + alignment - 1) // alignment * alignment:]
    name = KEY.encode()
    kept.append(struct.pack("<Q", len(name)) + name + struct.pack("<IIQ", 9, 6, len(numbers)) +
                struct.pack("<%df" % len(numbers), *numbers))
    head = struct.pack("<4sIQQ", magic, version, n_tensors, len(kept)) + b"".join(kept) + data[tensors:at]
    head += b"\0" * (-len(head) % alignment)
    with open(path + ".new", "wb") as file:
        file.write(head + body)
    os.replace(path + ".new", path)
    print("%s: %d numbers, %d bytes" % (path, len(numbers), len(head) + len(body)))


def numbers_of(gate):
    return ([VERSION, N_STEP, N_LINE, N_HIDDEN] + list(np.ravel(gate["hidden"])) + list(gate["output"]) +
            list(gate["first"]) + list(gate["later"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["steps", "lines", "memory"])
    parser.add_argument("dump")
    parser.add_argument("--gate")
    parser.add_argument("--into")
    parser.add_argument("--out")
    arguments = parser.parse_args()
    steps, lines = read_rows(arguments.dump)
    if arguments.what == "memory":
        for name, weights in zip(("First", "Later"), fit_lines(lines["M"], "memory")):
            print("const LineFeatures kMemory%sLine = {%s};" %
                  (name, ", ".join("%.3ff" % w for w in weights)))
        return
    if arguments.what == "steps":
        hidden, output = fit_steps(steps)
        as_said = [0, 0, 4.0] + [0] * (N_LINE - 3)
        gate = {"hidden": hidden.tolist(), "output": output.tolist(), "first": as_said, "later": as_said}
    else:
        with open(arguments.gate) as file:
            gate = json.load(file)
        first, later = fit_lines(lines["N"], "mixed")
        gate["first"], gate["later"] = first.tolist(), later.tolist()
    if arguments.out:
        with open(arguments.out, "w") as file:
            json.dump(gate, file)
    if arguments.into:
        put_numbers(arguments.into, numbers_of(gate))


if __name__ == "__main__":
    main()
