"""Fixtures of single blocks of the DeepSeek-V4 family: small inputs, every intermediate result.

Inputs are drawn so that float32 holds them exactly. Each group of tensors is named block.part.
"""
from dataclasses import replace

import numpy as np

import common as c
import deepseek4 as v4
import deepseek41 as v41

SEED = 4


def _f32(x):
    return np.asarray(x, np.float32).astype(c.F64)


def _noise(d, name, shape, sigma=1.0):
    """Smooth values (not on a coarse grid), rounded to float32."""
    u = d.uniform(name, (12,) + tuple(shape))
    return _f32((np.sum(u, axis=0) - 6.0) * sigma)


def mhc(d, out):
    cfg, t, width, n = v4.Config(), 12, 24, 4
    h, y = _noise(d, "h", (t, n, width)), _noise(d, "y", (t, width))
    fn, base = _noise(d, "fn", (24, n * width), 0.1), _noise(d, "base", (24,), 0.7)
    for name, scale in (("mhc", [0.75, 0.5, 1.0]), ("mhc_steep", [2.0, 3.0, 12.0])):
        pre, post, mix = v4.hc_split(h, fn, base, np.array(scale), cfg)
        for part, v in (("streams", h), ("y", y), ("fn", fn), ("base", base), ("scale", scale), ("pre", pre),
                        ("post", post), ("mix", mix), ("collapsed", v4.hc_collapse(h, pre)),
                        ("out", v4.hc_expand(y, h, post, mix))):
            out["%s.%s" % (name, part)] = ("F32", v)
    fn, base, scale = _noise(d, "hfn", (n, n * width), 0.1), _noise(d, "hbase", (n,), 0.5), np.array([0.75])
    for part, v in (("fn", fn), ("base", base), ("scale", scale), ("out", v4.hc_head(h, fn, base, scale, cfg))):
        out["hc_head." + part] = ("F32", v)
    return cfg


def compressor(d, out):
    """Rows before and after RoPE; the first group of ratio 4 has no group before it."""
    cfg = replace(v4.Config(), head_dim=32)
    for ratio, t, width in ((4, 27, 16), (128, 300, 8)):
        channels = 64 if ratio == 4 else 32
        x = _noise(d, "x%d" % ratio, (t, width))
        w = {"wkv": _noise(d, "wkv%d" % ratio, (channels, width), width**-0.5),
             "wgate": _noise(d, "wgate%d" % ratio, (channels, width), 1.5 * width**-0.5),
             "ape": _noise(d, "ape%d" % ratio, (ratio, channels), 0.5),
             "norm": _f32(d.around_one("cn%d" % ratio, (32,)))}
        rows = v4.compress(x, w["wkv"], w["wgate"], w["ape"], w["norm"], ratio, cfg.eps)
        rotated = c.rope(rows, np.arange(len(rows)) * ratio, v4.frequencies(cfg, ratio), trailing=True)
        for part, v in list(w.items()) + [("x", x), ("rows", rows), ("rotated", rotated)]:
            out["compressor%d.%s" % (ratio, part)] = ("F32", v)
    x = _noise(d, "x2", (27, 16))
    for ratio in (2, 1):
        w = {"wkv": _noise(d, "p%dwkv" % ratio, (32, 16), 0.25), "norm": _f32(d.around_one("p%dn" % ratio, (32,)))}
        if ratio > 1:
            w["wgate"] = _noise(d, "p%dwgate" % ratio, (32, 16), 0.4)
        latent = v41.pooled_latent(x, w, "", ratio, 1e-20)
        for part, v in list(w.items()) + [("x", x), ("latent", latent)]:
            out["latent%d.%s" % (ratio, part)] = ("F32", v)


def indexer(d, out):
    """Three heads only, so that many rows score exactly 0 and ties are decided by the lowest index."""
    cfg = replace(v4.Config(), index_heads=3, index_top_k=4)
    t, width, n, freqs = 60, 16, 15, v4.frequencies(replace(v4.Config()), 4)
    x, a = _noise(d, "ix", (t, width)), _noise(d, "ia", (t, cfg.q_rank))
    keys = _noise(d, "ik", (n, cfg.index_dim))
    w = {"wq_b": _noise(d, "iq", (cfg.index_heads * cfg.index_dim, cfg.q_rank), 0.25),
         "weights_proj": _noise(d, "iw", (cfg.index_heads, width), 0.4)}
    visible = (np.arange(t) + 1) // 4
    for part, v in list(w.items()) + [("x", x), ("a", a), ("keys", keys)]:
        out["indexer." + part] = ("F32", v)
    for name, quantise in (("plain", False), ("quantised", True)):
        trace = v4.Trace()
        stored = v4.store_index(keys, cfg, quantise, trace)
        scores = v4.index_scores(x, a, stored, w, "", freqs, cfg, quantise, trace)
        picks, margins = v4.pick_rows(scores, visible, cfg.index_top_k)
        out["indexer.%s.keys" % name] = ("F32", stored)
        out["indexer.%s.scores" % name] = ("F32", scores)
        out["indexer.%s.picks" % name] = ("I32", picks)
        out["indexer.%s.margin" % name] = ("F32", margins)
    keep, margins = v41.candidate_rows(out["indexer.plain.scores"][1], visible, 2, 2)
    out["candidates.keep"], out["candidates.margin"] = ("U8", keep), ("F32", margins)
    picks, _ = v41.pick(out["indexer.plain.scores"][1], visible, keep, 3)
    out["candidates.picks"] = ("I32", picks)


def attention(d, out):
    """Window 8, rows of a compressed stream beside it, sinks, the inverse rotation and the grouped output."""
    cfg = replace(v4.Config(), window=8, head_dim=24, heads=4, o_groups=2, o_rank=8)
    t, n = 20, 5
    q, kv, rows = _noise(d, "aq", (t, 4, 24)), _noise(d, "akv", (t, 24)), _noise(d, "arows", (n, 24))
    sink, allowed = _noise(d, "asink", (4,)), np.arange(n)[None, :] < ((np.arange(t) + 1) // 4)[:, None]
    o = v4.attend(q, kv, rows, allowed, sink, cfg)
    back = c.rope(o, np.arange(t), v4.frequencies(cfg, 4), trailing=True, inverse=True)
    wo_a, wo_b = _noise(d, "awa", (16, 48), 0.15), _noise(d, "awb", (12, 16), 0.25)
    for part, v in (("q", q), ("kv", kv), ("rows", rows), ("sink", sink), ("out", o), ("rotated_back", back),
                    ("wo_a", wo_a), ("wo_b", wo_b), ("projected", v4.grouped_output(back, wo_a, wo_b, cfg))):
        out["attention." + part] = ("F32", v)
    out["attention.allowed"] = ("U8", allowed)


def router(d, out):
    cfg = replace(v4.Config(), experts=12, top_k=3)
    x, gate, bias = _noise(d, "rx", (30, 16)), _noise(d, "rg", (12, 16), 0.5), _noise(d, "rb", (12,), 0.3)
    table = (d.integers("rt", (30, 1), 12) + np.arange(3) * 4) % 12
    for name, rows in (("router", None), ("router_hash", table)):
        chosen, weight, margins = v4.route(x, gate, bias, rows, cfg)
        out[name + ".chosen"], out[name + ".weight"] = ("I32", chosen), ("F32", weight)
        out[name + ".margin"] = ("F32", margins)
    for part, v in (("x", x), ("gate", gate), ("bias", bias)):
        out["router." + part] = ("F32", v)
    out["router_hash.table"] = ("I32", table)
    g, u = _noise(d, "sg", (64,), 3.0), _noise(d, "su", (64,), 3.0)
    for part, v in (("gate", g), ("up", u), ("limit", [2.0]), ("out", c.swiglu(g, u, 2.0))):
        out["swiglu." + part] = ("F32", v)


def round_trips(d, out):
    """Every representable value of the small formats, the halfway points between them, and blocks."""
    codes = np.concatenate([np.arange(8) / 8.0 * 2.0**-6] + [(8 + np.arange(8)) / 8.0 * 2.0**e for e in range(-6, 9)])
    codes = codes[codes <= 448]
    halves = (codes[1:] + codes[:-1]) / 2
    edge = np.concatenate([codes, halves, np.nextafter(np.float32(halves), np.float32(0)),
                           np.nextafter(np.float32(halves), np.float32(1e9)), [449, 460, 1e6, 2.0**-11, 0.0]])
    edge = _f32(np.concatenate([edge, -edge]))
    out["e4m3.in"], out["e4m3.out"] = ("F32", edge), ("F32", c.round_e4m3(edge))
    grid = np.array([0, .5, 1, 1.5, 2, 3, 4, 6])
    halves = (grid[1:] + grid[:-1]) / 2
    edge = np.concatenate([grid, halves, np.nextafter(np.float32(halves), np.float32(0)),
                           np.nextafter(np.float32(halves), np.float32(9)), [7.0, 1e3]])
    edge = _f32(np.concatenate([edge, -edge]))
    out["e2m1.in"], out["e2m1.out"] = ("F32", edge), ("F32", c.round_e2m1(edge))
    scales = _f32(2.0 ** (d.integers("qe", (24, 1), 40).astype(float) - 24))
    x = _f32(_noise(d, "qx", (24, 64)) * scales)
    x[3], x[4, :32], x[5, 7] = 0.0, 0.0, 1.0e4
    out["blocks.in"] = ("F32", x)
    for name, v in (("e4m3_64", c.fake_e4m3(x, 64)), ("e4m3_32", c.fake_e4m3(x, 32)), ("e2m1_32", c.fake_e2m1(x, 32)),
                    ("e2m1_16_e4m3", c.fake_e2m1(x, 16, e4m3_scale=True)), ("hadamard", c.hadamard(x))):
        out["blocks." + name] = ("F32", v)


def rotary(d, out):
    """The frequencies of the published configuration and rotations by them."""
    x, at = _noise(d, "rot", (6, 2, 80)), np.array([0, 1, 2, 127, 500, 1000])
    for name, freqs in (("plain", c.rope_frequencies(64, 1e4)), ("yarn", c.rope_frequencies(64, 1.6e5, 16, 65536))):
        out["rope.%s.frequencies" % name] = ("F64", freqs)
        for direction, inverse in (("forward", False), ("back", True)):
            out["rope.%s.%s" % (name, direction)] = ("F32", c.rope(x, at, freqs, trailing=True, inverse=inverse))
    out["rope.x"], out["rope.positions"] = ("F32", x), ("I32", at)


def compute():
    out, d = {}, c.Draw(SEED)
    for block in (mhc, compressor, indexer, attention, router, round_trips, rotary):
        block(d, out)
    return out


def self_test():
    """In float32 every decision is the same and every value close, measured by its tensor's largest (angles of
    rotations: 1e-4)."""
    exact, problems = compute(), []
    with c.arithmetic(np.float32):
        single = compute()
    for name, (kind, value) in exact.items():
        if kind in ("I32", "U8"):
            if not np.array_equal(value, single[name][1]):
                problems.append("units: %s is decided otherwise in float32" % name)
        elif not name.endswith("margin"):
            d = c.relative_difference(single[name][1], value)
            if d > (1e-4 if name.startswith("rope") else c.SAME_DECISIONS):
                problems.append("units: %s differs by %.2g in float32" % (name, d))
    return problems


def fixtures():
    f, out = c.Fixture("units"), compute()
    f.add_tensors("blocks.safetensors", out, {"eps": "1e-6", "latent.eps": "1e-20", "hc_eps": "1e-6", "sinkhorn": 20,
                                              "route_scale": 1.5, "rope_dims": 8, "compress_theta": "1.6e5",
                                              "yarn_factor": 16, "yarn_context": 65536, "attention.window": 8,
                                              "indexer.top_k": 4, "candidates.blocks": 2, "candidates.block": 2,
                                              "candidates.top_k": 3})
    yield f
