#!/usr/bin/env python3
"""Would the fixtures notice? Each row is a mistake an engine could make, as a change of the oracle's own source; the
changed oracle runs on the fixture's weights and tokens, and its logits must move by more than LEAST of their rms (a
float32 engine is off by about 1e-5).

  python3 tests/oracles/mistakes.py [FAMILY ...]     prints the effect of each mistake; exit 1 if one goes unnoticed
"""
import contextlib
import pathlib
import sys
import types

import numpy as np

import common

HERE = pathlib.Path(__file__).resolve().parent
LEAST = 1e-3
ORDER = ["parts", "qwen3moe", "delta_net", "qwen35moe", "qwen3next", "gpt_oss", "deepseek2", "dense"]


@contextlib.contextmanager
def changed(module, old, new):
    """Fresh copies of all family modules, in one of which the source text `old` reads `new`."""
    saved = {name: sys.modules.pop(name, None) for name in ORDER}
    try:
        for name in ORDER:
            text = (HERE / (name + ".py")).read_text()
            if name == module:
                if old not in text:
                    raise ValueError("%s.py has no longer: %s" % (module, old))
                text = text.replace(old, new)
            fresh = types.ModuleType(name)
            fresh.__file__ = str(HERE / (name + ".py"))
            sys.modules[name] = fresh
            exec(compile(text, name, "exec"), fresh.__dict__)
        yield sys.modules
    finally:
        for name in ORDER:
            sys.modules.pop(name, None)
            if saved[name] is not None:
                sys.modules[name] = saved[name]


def run_gpt_oss(m, tokens, _):
    return m["gpt_oss"].forward(*m["gpt_oss"].make_weights(11), tokens)


def run_deepseek2(m, tokens, name):
    v = m["deepseek2"].VARIANTS[name]
    return m["deepseek2"].forward(v, m["deepseek2"].make_weights(v), tokens)


def run_dense(m, tokens, name):
    v = m["dense"].VARIANTS[name]
    return m["dense"].forward(v, m["dense"].make_weights(v), tokens)


def run_seeded(seed):
    return lambda m, tokens, name: m[name].forward(m[name].make_weights(seed), tokens)


QK_ROPE = "q = common.rope(q, positions, frequencies, interleaved=False)"
FAMILIES = {
    "gpt_oss": (run_gpt_oss, [
        ("window one longer", "gpt_oss", "WINDOW if i % 2", "WINDOW + 1 if i % 2"),
        ("window one shorter", "gpt_oss", "WINDOW if i % 2", "WINDOW - 1 if i % 2"),
        ("window on the odd layers", "gpt_oss", "i % 2 == 0 else 0", "i % 2 == 1 else 0"),
        ("window on the first layer only", "gpt_oss", "i % 2 == 0 else 0", "i == 0 else 0"),
        ("no sinks", "gpt_oss", ', w[a + "sinks"])', ")"),
        ("pairs (2i, 2i + 1)", "gpt_oss", "interleaved=False", "interleaved=True"),
        ("no factor on cos and sin", "gpt_oss", "factor = 0.1 * np.log(FACTOR) + 1", "factor = 1.0"),
        ("factor on queries only", "gpt_oss", "k = common.rope(k, positions, frequencies, interleaved=False, attention_"
         "factor=factor)", "k = common.rope(k, positions, frequencies, interleaved=False)"),
        ("frequencies not slowed", "parts", "return plain * (1 - slowed) + plain / factor * slowed", "return plain"),
        ("all frequencies slowed", "parts", "return plain * (1 - slowed) + plain / factor * slowed",
         "return plain / factor"),
        ("no biases of q, k, v", "gpt_oss", ' + w[a + n + "_proj.bias"]', ""),
        ("no bias after attention", "gpt_oss", ' + w[a + "o_proj.bias"]', ""),
        ("no router bias", "gpt_oss", ' + w[p + "mlp.router.bias"]', ""),
        ("softmax before the choice", "gpt_oss", "common.softmax(np.take_along_axis(scores, chosen, axis=1))",
         "np.take_along_axis(common.softmax(scores), chosen, axis=1)"),
        ("gate and up as halves", "gpt_oss", "both[:, :, 0::2], both[:, :, 1::2]", "both[:, :, :WIDTH], both[:, :, WIDTH:]"),
        ("no clamp", "gpt_oss", "np.minimum(gate, LIMIT), np.clip(up, -LIMIT, LIMIT)", "gate, up"),
        ("plain SiLU", "gpt_oss", "ALPHA * gate", "gate"),
        ("up without + 1", "gpt_oss", "(up + 1)", "up"),
        ("no bias after down", "gpt_oss", ' + w[e + "down_proj_bias"][:, None, :]', ""),
        ("key heads alternate", "parts", "np.repeat(k, group, axis=1)", "np.tile(k, (1, group, 1))"),
    ]),
    "deepseek2": (run_deepseek2, [
        ("pairs (i, i + half)", "deepseek2", "positions, frequencies)\n", "positions, frequencies, interleaved=False)\n"),
        ("rotated part first", "deepseek2", "q[..., :NOPE], common.rope(q[..., NOPE:]",
         "q[..., ROPE:], common.rope(q[..., :ROPE]"),
        ("query rank not normed", "deepseek2", 'low = common.rms_norm(common.linear(h, w[a + "q_a_proj.weight"]), w[a + '
         '"q_a_layernorm.weight"], EPS)', 'low = common.linear(h, w[a + "q_a_proj.weight"])'),
        ("latent not normed", "deepseek2", 'common.rms_norm(kv[:, :LATENT], w[a + "kv_a_layernorm.weight"], EPS)',
         "kv[:, :LATENT]"),
        ("norm over latent and rotary part", "deepseek2", "latent = common.rms_norm(kv[:, :LATENT]",
         "kv = kv / np.sqrt(np.mean(kv**2, axis=1, keepdims=True)); latent = common.rms_norm(kv[:, :LATENT]"),
        ("no mscale", "deepseek2", ' * mscale(v, v["factor"]) ** 2', ""),
        ("mscale once", "deepseek2", 'mscale(v, v["factor"]) ** 2', 'mscale(v, v["factor"])'),
        ("scale of the part without rotation", "deepseek2", "(NOPE + ROPE) ** -0.5", "NOPE ** -0.5"),
        ("frequencies not slowed", "parts", "return plain * (1 - slowed) + plain / factor * slowed", "return plain"),
        ("ramp not rounded", "deepseek2", "truncate=True", "truncate=False"),
        ("no selection bias", "deepseek2", ' + w[p + "mlp.gate.e_score_correction_bias"]', ""),
        ("weights with the bias", "deepseek2", "np.take_along_axis(scores, chosen", "np.take_along_axis(selection, chosen"),
        ("no groups", "deepseek2", 'if v["groups"] > 1', "if False"),
        ("groups by their best expert", "deepseek2", "[:, :, :2], axis=2)", "[:, :, :1], axis=2)"),
        ("weights not divided", "deepseek2", 'if v["renormalise"]', "if False"),
        ("weights not scaled", "deepseek2", 'weights = weights * v["scale"]', "pass"),
        ("softmax router", "deepseek2", "scores = common.sigmoid(scores)", "scores = common.softmax(scores)"),
        ("value and key rows swapped", "deepseek2", "k = np.concatenate([both[..., :NOPE]",
         "both = np.roll(both, NOPE, axis=2); k = np.concatenate([both[..., :NOPE]"),
        ("no shared expert", "deepseek2", "            x = x + parts.mlp_swiglu(h, *(w[p + \"mlp.shared",
         "            parts.mlp_swiglu(h, *(w[p + \"mlp.shared"),
    ]),
    "glm47_flash": (run_deepseek2, [
        ("weights not scaled", "deepseek2", 'weights = weights * v["scale"]', "pass"),
        ("softmax router", "deepseek2", "scores = common.sigmoid(scores)", "scores = common.softmax(scores)"),
        ("no selection bias", "deepseek2", ' + w[p + "mlp.gate.e_score_correction_bias"]', ""),
    ]),
    "deepseek2_lite": (run_deepseek2, [
        ("sigmoid router", "deepseek2", "scores = selection = common.softmax(scores)",
         "scores = selection = common.sigmoid(scores)"),
        ("weights divided by their sum", "deepseek2", 'if v["renormalise"]', "if True"),
        ("mscale of 1", "deepseek2", '0.1 * v["mscale"] *', "0.1 *"),
    ]),
    "qwen3moe": (run_seeded(31), [
        ("queries not normed", "qwen3moe", 'q = common.rms_norm(parts.heads(q, HEADS), w[a + "q_norm.weight"], EPS)',
         "q = parts.heads(q, HEADS)"),
        ("norm after rotation", "qwen3moe", QK_ROPE, "q = common.rms_norm(common.rope(parts.heads(common.linear(h, "
         'w[a + "q_proj.weight"]), HEADS), positions, frequencies, interleaved=False), w[a + "q_norm.weight"], EPS)'),
        ("norm over all heads", "qwen3moe", 'common.rms_norm(parts.heads(q, HEADS), w[a + "q_norm.weight"], EPS)',
         'parts.heads(common.rms_norm(q, None, EPS), HEADS) * w[a + "q_norm.weight"]'),
        ("pairs (2i, 2i + 1)", "qwen3moe", "interleaved=False", "interleaved=True"),
        ("weights not divided", "qwen3moe", "weights = weights / np.sum(weights, axis=1, keepdims=True)", "pass"),
        ("key heads alternate", "parts", "np.repeat(k, group, axis=1)", "np.tile(k, (1, group, 1))"),
        ("value heads alternate", "parts", "np.repeat(v, group, axis=1)", "np.tile(v, (1, group, 1))"),
        ("gate and up swapped", "parts", "common.silu(np.einsum(\"td,efd->etf\", x, gate)) * np.einsum(\"td,efd->etf\", x, up)",
         "common.silu(np.einsum(\"td,efd->etf\", x, up)) * np.einsum(\"td,efd->etf\", x, gate)"),
    ]),
    "dense": None,
}
DELTA = [
    ("taps reversed", "delta_net", "taps[:, j]", "taps[:, KERNEL - 1 - j]"),
    ("no SiLU after the convolution", "delta_net", "return common.silu(sum(", "return (sum("),
    ("queries and keys not of length one", "delta_net", "return x / np.sqrt(np.sum(x * x, axis=-1, keepdims=True) + 1e-6)",
     "return x"),
    ("queries not scaled", "delta_net", " * STATE**-0.5", ""),
    ("no decay", "delta_net", "state = state * decay[t, :, None, None]", "pass"),
    ("decay after the update", "delta_net", "state = state + k[t][:, :, None]",
     "state = state / decay[t, :, None, None]; state = (1 / 1) * state + decay[t, :, None, None] * 0 + k[t][:, :, None]"),
    ("A_log without exp", "delta_net", 'np.exp(w[p + "A_log"])', 'np.abs(w[p + "A_log"])'),
    ("no dt_bias", "delta_net", ' + w[p + "dt_bias"]', ""),
    ("beta of 1", "delta_net", "beta = common.sigmoid(b)", "beta = np.ones(b.shape)"),
    ("no delta (v alone)", "delta_net", "(v[t] - known)", "v[t]"),
    ("read before the update", "delta_net", 'np.einsum("hk,hkv->hv", q[t], state)\n    gated',
     'np.einsum("hk,hkv->hv", q[t], state - k[t][:, :, None] * (beta[t, :, None] * (v[t] - known))[:, None, :])\n    gated'),
    ("key heads tiled over value heads", "delta_net", "np.repeat(q, GROUP, axis=1), np.repeat(k, GROUP, axis=1)",
     "np.tile(q, (1, GROUP, 1)), np.tile(k, (1, GROUP, 1))"),
    ("1 + weight in the delta net's norm", "delta_net", 'common.rms_norm(out, w[p + "norm.weight"], EPS)',
     'norm1p(out, w[p + "norm.weight"])'),
    ("gate before the norm", "delta_net", 'common.rms_norm(out, w[p + "norm.weight"], EPS) * common.silu(parts.heads(z, '
     "VALUE_HEADS))", 'common.rms_norm(out * common.silu(parts.heads(z, VALUE_HEADS)), w[p + "norm.weight"], EPS)'),
    ("gate by sigmoid", "delta_net", "common.silu(parts.heads(z, VALUE_HEADS))", "common.sigmoid(parts.heads(z, VALUE_HEADS))"),
    ("norms without 1 +", "delta_net", "common.rms_norm(x, 1.0 + weight, EPS)", "common.rms_norm(x, weight, EPS)"),
    ("all of the head rotated", "delta_net", "common.rope_frequencies(ROTARY, BASE)", "common.rope_frequencies(HEAD, BASE)"),
    ("the end of the head rotated", "delta_net", "interleaved=False)", "interleaved=False, trailing=True)"),
    ("pairs (2i, 2i + 1)", "delta_net", "interleaved=False", "interleaved=True"),
    ("all queries, then all gates", "delta_net", "q, gate = both[..., :HEAD], both[..., HEAD:].reshape(len(h), -1)",
     "flat = both.reshape(len(h), -1); q = parts.heads(flat[:, :HEADS * HEAD], HEADS); gate = flat[:, HEADS * HEAD:]"),
    ("no output gate", "delta_net", " * common.sigmoid(gate)", ""),
    ("gate by SiLU", "delta_net", " * common.sigmoid(gate)", " * common.silu(gate)"),
    ("shared expert not gated", "delta_net", 'common.sigmoid(common.linear(h, w[p + "shared_expert_gate.weight"])) * shared',
     "shared"),
    ("weights not divided", "delta_net", "weights = weights / np.sum(weights, axis=1, keepdims=True)", "pass"),
]
FAMILIES["qwen35moe"] = (run_seeded(41), DELTA + [
    ("z, a, b in another order", "qwen35moe", 'for n in "zba"', 'for n in "zab"'),
])
FAMILIES["qwen3next"] = (run_seeded(42), DELTA + [
    ("qkvz not by key head", "qwen3next", "q, k, v, z = split_qkvz(common.linear(h, w[p + \"in_proj_qkvz.weight\"]))",
     "q, k, v, z = np.split(common.linear(h, w[p + \"in_proj_qkvz.weight\"]), "
     "[dn.KEY, 2 * dn.KEY, 2 * dn.KEY + dn.VALUE], axis=1)"),
    ("all b, then all a", "qwen3next", "reshape(len(h), dn.KEY_HEADS, 2, dn.GROUP)",
     "reshape(len(h), 2, dn.KEY_HEADS, dn.GROUP).swapaxes(1, 2)"),
])
del FAMILIES["dense"]
FAMILIES["qwen2"] = (run_dense, [
    ("no biases", "dense", ' + w.get(a + n + "_proj.bias", 0.0)', ""),
    ("pairs (2i, 2i + 1)", "dense", "interleaved=False", "interleaved=True"),
])
FAMILIES["qwen3"] = (run_dense, [
    ("no norm of queries and keys", "dense", 'if v["qk_norm"]:\n            q', "if False:\n            q"),
    ("pairs (2i, 2i + 1)", "dense", "interleaved=False", "interleaved=True"),
])
FAMILIES["llama"] = (run_dense, [
    ("frequencies not rescaled", "dense", 'if "scaling" in v else plain', "if False else plain"),
    ("all frequencies divided", "dense", 'return plain / s["factor"] * (1 - blend) + plain * blend',
     'return plain / s["factor"]'),
    ("no blend", "dense", "np.clip((original / wavelength - low) / (high - low), 0, 1)",
     "(original / wavelength > high) * 1.0"),
    ("blend in the wavelength", "dense", "(original / wavelength - low) / (high - low)",
     "(wavelength - original / low) / (original / high - original / low)"),
    ("pairs (2i, 2i + 1)", "dense", "interleaved=False", "interleaved=True"),
    ("key heads alternate", "parts", "np.repeat(k, group, axis=1)", "np.tile(k, (1, group, 1))"),
])


def main():
    wanted, unnoticed, count, smallest = sys.argv[1:], 0, 0, np.inf
    for family, (run, rows) in FAMILIES.items():
        if wanted and family not in wanted:
            continue
        expected = common.read_safetensors("%s/%s/expected.safetensors" % (common.FIXTURES, family))
        tokens, logits = [int(t) for t in expected["tokens"]], expected["logits"]
        rms = np.sqrt(np.mean(logits.astype(np.float64) ** 2))
        for text, module, old, new in rows:
            with changed(module, old, new) as modules, np.errstate(all="ignore"):
                other = run(modules, tokens, family).logits[expected["positions"]]
            effect = np.max(np.abs(other - logits)) / rms
            effect = effect if np.isfinite(effect) else np.inf
            count, smallest = count + 1, min(smallest, effect)
            if not effect > LEAST:
                unnoticed += 1
            print("%-16s %-40s %8.4f%s" % (family, text, effect, "" if effect > LEAST else "   UNNOTICED"))
    print("%d mistakes, %d unnoticed, smallest effect %.4f" % (count, unnoticed, smallest))
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
