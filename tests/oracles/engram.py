"""Oracle of Engram, the hashed n-gram memory: constants, hashing, gate, and the research form's convolution.

Sources: the Engram paper (arXiv 2601.07372) and its demo (deepseek-ai/Engram), HF transformers' deepseek_v41
(names and the signed root), the facts measured on V4.1-Flash. Hashing is exact integer arithmetic.
"""
import unicodedata

import numpy as np

import common as c

# What V4.1-Flash is known to use: see self_test.
V41 = dict(layers=[1, 14], vocab=16000000, max_ngram=4, heads=8, compressed_vocab=99092)
V41_ROWS = [384006168, 384016682]
V41_FIRST_PRIMES = [16000057, 16000079, 16000081, 16000097, 16000121, 16000129, 16000133, 16000183]
V41_LAST_PRIME = 16000889
V41_MULTIPLIERS = [[76632096046245, 4839876093313, 35959672319349, 73987337458391],
                   [67716810739261, 51510806800915, 30921347202721, 82619226485591]]
V41_BOUND = 46539438283891


def is_prime(n):
    if n < 4:
        return n > 1
    if n % 2 == 0:
        return False
    return all(n % d for d in range(3, int(n**0.5) + 1, 2))


def bucket_primes(layers, vocab, max_ngram, heads):
    """[layer][ngram - 2][head]. For each layer in order and each n from 2, the next `heads` primes from vocab
    upwards that were never used before. vocab: one number, or one for each n (the research form)."""
    sizes = [vocab] * (max_ngram - 1) if np.isscalar(vocab) else list(vocab)
    used, out = set(), []
    for _ in layers:
        rows = []
        for n in range(2, max_ngram + 1):
            p, row = sizes[n - 2] - 1, []
            for _ in range(heads):
                p += 1
                while p in used or not is_prime(p):
                    p += 1
                used.add(p)
                row.append(p)
            rows.append(row)
        out.append(rows)
    return out


def column_offsets(primes_of_layer):
    """Exclusive prefix sums over the flat (ngram, head) order."""
    flat = [p for row in primes_of_layer for p in row]
    return [int(x) for x in np.concatenate([[0], np.cumsum(flat)[:-1]])]


def multiplier_bound(compressed_vocab):
    return max(1, (2**63 - 1) // compressed_vocab // 2)


def multipliers(layers, max_ngram, compressed_vocab, seed=0):
    """[layer][look-back]: odd numbers 2r + 1, r drawn by numpy's default generator seeded seed + 10007 * layer."""
    out = []
    for layer in layers:
        r = np.random.default_rng(seed + 10007 * layer).integers(0, multiplier_bound(compressed_vocab), max_ngram,
                                                                 dtype=np.int64)
        out.append([int(x) * 2 + 1 for x in r])
    return out


def normal_form(text):
    """The key under which a token's text is folded; empty when nothing is left."""
    t = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text))
    t = "".join(ch for ch in t if unicodedata.category(ch) != "Mn").lower()
    folded, space = [], False
    for ch in t:
        if ch in " \t\r\n":
            if not space:
                folded.append(" ")
            space = True
        else:
            folded.append(ch)
            space = False
    t = "".join(folded)
    return t if t == " " else t.strip()


def token_map(texts, raw):
    """texts: each id decoded alone (with U+FFFD where bytes are no UTF-8); raw: its spelling in the vocabulary.
    Returns the compressed id of each id; new keys are numbered in id order."""
    keys, out = {}, []
    for text, spelling in zip(texts, raw):
        key = spelling if "�" in text else (normal_form(text) or text)
        out.append(keys.setdefault(key, len(keys)))
    return out


def hash_rows(compressed, live, pad, layer_multipliers, layer_primes, offsets):
    """compressed [T] ids, live [T] (False: a dead token: an image's position, padding). Returns rows [T, columns].

    Look-back stops at the start of the sequence and at a dead token: it and everything behind it count as the
    compressed padding id. A dead position hashes as padding itself; its rows are never used (gate 0).
    """
    compressed, live = np.asarray(compressed, np.int64), np.asarray(live, bool)
    t, depth = len(compressed), len(layer_multipliers)
    ids, blocked = np.zeros((t, depth), np.int64), np.zeros(t, bool)
    for back in range(depth):
        at = np.arange(t) - back
        blocked |= (at < 0) | ~live[np.maximum(at, 0)]
        ids[:, back] = np.where(blocked, pad, compressed[np.maximum(at, 0)])
    product = ids * np.array(layer_multipliers, np.int64)
    mixed, columns = product[:, 0], []
    for n in range(2, depth + 1):
        mixed = mixed ^ product[:, n - 1]
        columns += [mixed % p for p in layer_primes[n - 2]]
    return np.stack(columns, axis=1) + np.array(offsets, np.int64)


def signed_root_gate(d, zero_is_positive=True):
    """sigmoid(sgn(d) * sqrt(max(|d|, 1e-6))). At d = 0 HF's copysign counts as positive (0.50025), others take
    sgn(0) = 0 (0.5)."""
    sign = np.copysign(1.0, d) if zero_is_positive else np.sign(d)
    return c.sigmoid(sign * np.sqrt(np.maximum(np.abs(d), 1e-6)))


def apply(streams, rows, live, wkv, q_weight, k_weight, eps):
    """The V4.1 form. streams [T, n, d], rows [T, columns * dim] (looked up and flattened), wkv [(n + 1) * d, ..]:
    n keys and one value. Returns (new streams, gate [T, n])."""
    t, n, d = streams.shape
    kv = c.linear(rows, wkv)
    key, value = kv[:, :n * d].reshape(t, n, d), kv[:, n * d:]
    dot = np.sum(c.rms_norm(streams, q_weight, eps) * c.rms_norm(key, k_weight, eps), axis=-1) / np.sqrt(d)
    gate = np.where(np.asarray(live, bool)[:, None], signed_root_gate(dot), 0.0)
    return streams + gate[:, :, None] * value[:, None, :], gate


def short_convolution(x, norms, kernel, dilation, eps=1e-5):
    """x [T, n, d]: RMSNorm of each stream (norms [n, d]), depthwise causal convolution over time, SiLU.
    kernel [n * d, taps]: the last tap is the present, each earlier one `dilation` steps further back."""
    t, n, d = x.shape
    y = c.rms_norm(x, norms, eps).reshape(t, n * d)
    taps, out = kernel.shape[1], np.zeros((t, n * d))
    for k in range(taps):
        back = (taps - 1 - k) * dilation
        if back < t:
            out[back:] += y[:t - back] * kernel[:, k]
    return c.silu(out).reshape(t, n, d)


def apply_research(streams, rows, w, dilation, eps):
    """The research form: a key projection with bias for each stream, one value projection with bias, norms of
    keys and queries, and a short convolution over the gated values. Returns (new streams, gate)."""
    t, n, d = streams.shape
    key = np.stack([c.linear(rows, w["key"][i]) + w["key_bias"][i] for i in range(n)], axis=1)
    dot = np.sum(c.rms_norm(key, w["norm_key"], eps) * c.rms_norm(streams, w["norm_query"], eps), axis=-1) / np.sqrt(d)
    gate = signed_root_gate(dot, zero_is_positive=False)
    value = gate[:, :, None] * (c.linear(rows, w["value"]) + w["value_bias"])[:, None, :]
    return streams + value + short_convolution(value, w["norm_conv"], w["conv"], dilation), gate


def v41_constants():
    primes = bucket_primes(V41["layers"], V41["vocab"], V41["max_ngram"], V41["heads"])
    return {"layer_ids": V41["layers"], "compressed_vocab_size": V41["compressed_vocab"],
            "max_ngram_size": V41["max_ngram"], "head_count": V41["heads"], "primes": primes,
            "offsets": [column_offsets(p) for p in primes],
            "rows": [sum(x for row in p for x in row) for p in primes],
            "multipliers": multipliers(V41["layers"], V41["max_ngram"], V41["compressed_vocab"])}


def self_test():
    """The published constants, and the reach of a dead token."""
    k, bad = v41_constants(), []

    def expect(what, got, want):
        if got != want:
            bad.append("engram: %s is %s, expected %s" % (what, got, want))

    expect("rows", k["rows"], V41_ROWS)
    expect("first primes", k["primes"][0][0], V41_FIRST_PRIMES)
    expect("last prime", k["primes"][1][-1][-1], V41_LAST_PRIME)
    expect("multipliers", k["multipliers"], V41_MULTIPLIERS)
    expect("bound", multiplier_bound(V41["compressed_vocab"]), V41_BOUND)
    expect("folding", token_map(["The", " the", "THÉ", " ", "\n\n", "\u00ad", "�"], ["a"] * 6 + ["Ā"]),
           [0, 0, 0, 1, 1, 2, 3])
    ids, live = c.Draw(5).integers("ids", (12,), 99092), np.ones(12, bool)
    dead = live.copy()
    dead[5] = False
    a, b = (hash_rows(ids, m, 2, k["multipliers"][0], k["primes"][0], k["offsets"][0]) for m in (live, dead))
    expect("positions a dead token changes", [int(i) for i in np.nonzero((a != b).any(axis=1))[0]], [5, 6, 7, 8])
    return bad


def fixtures():
    f, k, d = c.Fixture("engram"), v41_constants(), c.Draw(41)
    f.add_json("constants.json", k)
    t = 40
    ids, live = d.integers("ids", (t,), V41["compressed_vocab"]), np.ones(t, bool)
    live[[9, 10, 23]] = False
    out = {"hash.compressed": ("I64", ids), "hash.live": ("I32", live), "hash.pad": ("I64", np.array([2]))}
    for i, layer in enumerate(k["layer_ids"]):
        out["hash.rows.%d" % layer] = ("I64", hash_rows(ids, live, 2, k["multipliers"][i], k["primes"][i],
                                                        k["offsets"][i]))

    def f32(name, shape, sigma=1.0):
        return d.grid(name, shape, sigma)

    n, width, columns = 4, 24, 48
    h, rows = f32("h", (t, n, width)), f32("rows", (t, columns))
    h[3, 1] = 0.0  # its dot product with any key is 0: the gate's edge
    wkv = f32("wkv", ((n + 1) * width, columns), columns**-0.5)
    q, kw = d.around_one("q", (n, width), 0.5), d.around_one("k", (n, width), 0.5)
    new, gate = apply(h, rows, live, wkv, q, kw, 1e-20)
    for name, value in (("streams", h), ("rows", rows), ("wkv", wkv), ("q", q), ("k", kw), ("out", new),
                        ("gate", gate)):
        out["gate." + name] = ("F32", value)

    w = {"key": f32("key", (n, width, columns), columns**-0.5), "key_bias": f32("kb", (n, width), 0.5),
         "value": f32("value", (width, columns), columns**-0.5), "value_bias": f32("vb", (width,), 0.5),
         "norm_key": d.around_one("nk", (n, width)), "norm_query": d.around_one("nq", (n, width)),
         "norm_conv": d.around_one("nc", (n, width)), "conv": f32("conv", (n * width, 4), 0.5)}
    h = f32("h2", (t, n, width))
    new, gate = apply_research(h, rows, w, dilation=3, eps=1e-6)
    for name, value in list(w.items()) + [("streams", h), ("out", new), ("gate", gate)]:
        out["research." + name] = ("F32", value)
    f.add_tensors("units.safetensors", out, {"gate.eps": "1e-20", "research.eps": "1e-6", "research.conv_eps": "1e-5",
                                             "research.dilation": 3})
    yield f
