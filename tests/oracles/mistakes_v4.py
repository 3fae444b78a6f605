#!/usr/bin/env python3
"""Would the fixtures of the V4 family notice? Each row is a mistake an engine could make, as a change of the oracle's
own source; the changed oracle runs on the fixture's weights and tokens, and some logit must move by more than LEAST of
the largest (an engine in float32 is off by about 1e-6).

  python3 tests/oracles/mistakes_v4.py [FIXTURE ...]     prints the effect of each mistake; exit 1 if one goes unnoticed
"""
import pathlib
import sys
import types

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
LEAST = 3e-4
ORDER = ["common", "deepseek4", "engram", "deepseek41", "deepseek41_draft"]


def load(module=None, old=None, new=None):
    """Fresh copies of the oracle modules, in one of which the text `old` (it must be there) reads `new`."""
    for name in ORDER:
        text = (HERE / (name + ".py")).read_text()
        if name == module:
            if old not in text:
                raise ValueError("%s.py has no longer: %s" % (module, old))
            text = text.replace(old, new)
        sys.modules[name] = fresh = types.ModuleType(name)
        fresh.__file__ = str(HERE / (name + ".py"))
        exec(compile(text, name, "exec"), fresh.__dict__)
    return {name: sys.modules[name] for name in ORDER}


def run_deepseek4(m):
    v4 = m["deepseek4"]
    cfg, w, tokens = v4.main_model()
    return [v4.forward(tokens[:v4.QUANTISED_TOKENS], w, cfg)[0], v4.forward(tokens, w, cfg, False, False)[0]]


def run_small(m):
    v4 = m["deepseek4"]
    cfg, w, tokens = v4.small_model()
    _, trace = v4.forward(tokens[:-1], w, cfg)
    return [v4.forward_mtp(trace.streams, tokens[1:], w, cfg)[0]]


def run_deepseek41(m):
    cfg, w, tokens = m["deepseek41"].model()
    return [m["deepseek41"].forward(tokens, w, cfg, q, q)[0] for q in (True, False)]


def run_draft(m):
    v = m["deepseek41_draft"]
    out, _ = v.run(*v.model(), True)
    return [np.array(out["draft.logits"][1]), np.array(out["draft.confidence"][1])]


V4, V41, EN, DR, CO = "deepseek4", "deepseek41", "engram", "deepseek41_draft", "common"
FIXTURES = {
    "deepseek4": (run_deepseek4, [
        ("19 Sinkhorn rounds", V4, "range(rounds - 1)", "range(rounds - 2)"),
        ("ends with a row step", V4, "    return m\n\n\ndef hc_split",
         "    return m / (np.sum(m, axis=-1, keepdims=True) + eps)\n\n\ndef hc_split"),
        ("starts with a sigmoid", V4, "m = c.softmax(logits, axis=-1) + eps", "m = c.sigmoid(logits) + eps"),
        ("mix transposed", V4, "tjk,tjd->tkd", "tkj,tjd->tkd"),
        ("order pre, mix, post", V4, "m[:, n:2 * n] + base[n:2 * n]", "m[:, -n:] + base[-n:]"),
        ("post without 2", V4, "2.0 * c.sigmoid", "c.sigmoid"),
        ("norm of each stream instead of all", V4, "c.rms_norm(streams.reshape(t, n * d), None, cfg.eps), fn)\n    pre",
         "c.rms_norm(streams, None, cfg.eps).reshape(t, n * d), fn)\n    pre"),
        ("output head without its weights", V4, "c.sigmoid(scale[0] * m + base) + cfg.hc_eps)",
         "np.full((t, n), .25))"),
        ("no norm of query heads", V4, "c.rope(c.rms_norm(q, None, cfg.eps), positions", "c.rope(q, positions"),
        ("low-rank query not normed", V4, 'c.rms_norm(c.linear(x, w[p + "wq_a"]), w[p + "q_norm"], cfg.eps)',
         'c.linear(x, w[p + "wq_a"])'),
        ("leading dimensions rotated", CO, "if trailing else 0", "if False else 0"),
        ("pairs (i, i + half)", CO, "    if interleaved:", "    if False:"),
        ("output not rotated back", V4, "freqs, trailing=True, inverse=True)\n    return grouped_output(o, w[p",
         "freqs * 0, trailing=True, inverse=True)\n    return grouped_output(o, w[p"),
        ("window one longer", V4, "j > i - cfg.window", "j >= i - cfg.window"),
        ("no sinks", V4, "logits = np.concatenate([logits, np.broadcast_to(sink",
         "logits = np.concatenate([logits, np.broadcast_to(-1e9 + sink"),
        ("all layers on the plain base", V4, "    if ratio == 0:\n", "    if True:\n"),
        ("no YaRN", V4, "cfg.compress_theta, cfg.yarn_factor, cfg.yarn_context", "cfg.compress_theta, 1.0, 0"),
        ("groups of heads interleaved", V4, "o.reshape(t, cfg.o_groups, per)",
         "o.reshape(t, -1, cfg.o_groups, cfg.head_dim).swapaxes(1, 2).reshape(t, cfg.o_groups, per)"),
        ("no overlap", V4, "before_gate[1:] = kv[:-1, :, :width], gate[:-1, :, :width]",
         "before_gate[1:] = 0.0, -np.inf"),
        ("halves of the channels swapped", V4, "kv[:-1, :, :width], gate[:-1, :, :width]",
         "kv[:-1, :, width:], gate[:-1, :, width:]"),
        ("first group sees zeros", V4, "np.full((groups, ratio, width), -np.inf)", "np.zeros((groups, ratio, width))"),
        ("softmax over channels", V4, "c.softmax(gate, axis=1) * kv", "c.softmax(gate, axis=2) * kv"),
        ("no APE", V4, ".reshape(groups, ratio, -1) + ape", ".reshape(groups, ratio, -1)"),
        ("compressed rows rotated by their number", V4, "starts = np.arange(len(rows)) * ratio",
         "starts = np.arange(len(rows))"),
        ("compressed rows rotated by their last token", V4, "starts = np.arange(len(rows)) * ratio",
         "starts = np.arange(len(rows)) * ratio + ratio - 1"),
        ("open groups visible", V4, "visible = (positions + 1) // ratio", "visible = (positions + ratio) // ratio"),
        ("a closed group one token late", V4, "visible = (positions + 1) // ratio", "visible = positions // ratio"),
        ("no ReLU in the index", V4, 'np.maximum(np.einsum("thd,nd->thn", q, keys), 0.0)',
         'np.einsum("thd,nd->thn", q, keys)'),
        ("index heads not weighted", V4, '"th,thn->tn", weight', '"th,thn->tn", weight * 0 + 1'),
        ("index query not rotated", V4, "store_index(c.rope(q, np.arange(t), freqs",
         "store_index(c.rope(q, np.arange(t) * 0, freqs"),
        ("top-k one larger", V4, "trace)\n            picks, margins = pick_rows(scores, visible, cfg.index_top_k)",
         "trace)\n            picks, margins = pick_rows(scores, visible, cfg.index_top_k + 1)"),
        ("no Hadamard", V4, "rows = c.hadamard(rows)", "pass"),
        ("rotated dimensions in e4m3", V4, "out[..., plain:] = c.round_bf16(rows[..., plain:])",
         "out[..., plain:] = c.fake_e4m3(rows[..., plain:], 8)"),
        ("rotated dimensions not in BF16", V4, "out[..., plain:] = c.round_bf16(rows[..., plain:])", "pass"),
        ("window rows not rounded", V4, "kv = store_kv(kv, cfg, quantise_kv, trace)", "pass"),
        ("compressed rows not rounded", V4, "freqs, trailing=True), cfg, quantise_kv, trace)\n        visible",
         "freqs, trailing=True), cfg, False, trace)\n        visible"),
        ("scale without ceil", CO, "scale = pow2_ceil(np.maximum(amax, 1e-4) / 448.0)",
         "scale = np.maximum(amax, 1e-4) / 448.0"),
        ("e2m1 ties upwards", CO, "return (round_e2m1(b / scale) * scale)",
         "return (round_e2m1(b / scale * (1 + 1e-3)) * scale)"),
        ("router: softplus without root", V4, "np.sqrt(c.softplus(c.linear(x, gate)))",
         "c.softplus(c.linear(x, gate))"),
        ("router: sigmoid", V4, "np.sqrt(c.softplus(c.linear(x, gate)))", "c.sigmoid(c.linear(x, gate))"),
        ("no selection bias", V4, "biased = score[i] + bias", "biased = score[i]"),
        ("weights with the bias", V4, "np.take_along_axis(score, chosen, axis=1)",
         "np.take_along_axis(score + (0 if bias is None else bias), chosen, axis=1)"),
        ("weights not scaled", V4, "+ 1e-20) * cfg.route_scale", "+ 1e-20)"),
        ("hash layer routed by score", V4, 'w.get(p + "gate.bias"), None if table is None else table[tokens],',
         'w.get(p + "gate.bias", 0.0), None,'),
        ("no clamp", CO, "    if limit > 0:", "    if False:"),
        ("gate clamped below too", CO, "gate = np.minimum(gate, limit)", "gate = np.clip(gate, -limit, limit)"),
        ("shared expert not clamped", V4, 'w, p + "shared_experts.", cfg.limit)', 'w, p + "shared_experts.", 0)'),
    ]),
    "deepseek4_small": (run_small, [
        ("embedding not normed", V4, 'c.rms_norm(w["embed"][next_tokens], w[p + "enorm"], cfg.eps)',
         'w["embed"][next_tokens]'),
        ("streams not normed", V4, 'c.rms_norm(streams, w[p + "hnorm"], cfg.eps)', "streams"),
        ("e and h swapped", V4, 'cfg.eps), w[p + "e_proj"])', 'cfg.eps), w[p + "h_proj"])'),
        ("the model's output norm", V4, 'output(streams, w, p, p + "norm", cfg)', 'output(streams, w, p, "norm", cfg)'),
        ("streams averaged first", V4, "h = c.linear(c.rms_norm(streams,",
         "streams = streams * 0 + streams.mean(axis=1, keepdims=True)\n    h = c.linear(c.rms_norm(streams,"),
    ]),
    "deepseek41": (run_deepseek41, [
        ("not lagged at attention", V41, 'hc_collapse(streams, before), w[p + "attn_norm"]',
         'hc_collapse(streams, pre), w[p + "attn_norm"]'),
        ("not lagged at the experts", V41, 'hc_collapse(streams, before), w[p + "ffn_norm"]',
         'hc_collapse(streams, pre), w[p + "ffn_norm"]'),
        ("norm of query heads kept", V41, "    q = c.rope(q, positions, freqs, trailing=True)\n    kv",
         "    q = c.rope(c.rms_norm(q, None, cfg.eps), positions, freqs, trailing=True)\n    kv"),
        ("compressed rows not rotated", V41, "rotated = c.rope(latent, starts, freqs, trailing=True)",
         "rotated = latent"),
        ("later indexes look outside the candidates", V41,
         "inside = shared.candidates if 0 <= cfg.candidate_source < layer else None",
         "inside = None"),
        ("newest block not pinned", V41, "best[newest] = np.inf", "pass"),
        ("candidates bind their own layer", V41, "            shared.picks, margins = pick(",
         "            if layer == cfg.candidate_source: inside = shared.candidates\n            shared.picks, margins "
         "= pick("),
        ("index key from the rotated latent", V41, "keys = c.rms_norm(c.linear(latent,",
         "keys = c.rms_norm(c.linear(c.rope(latent, starts, freqs, trailing=True),"),
        ("index key not normed", V41,
         'c.rms_norm(c.linear(latent, w[p + "indexer.wk"]), w[p + "indexer.k_norm"], cfg.eps)',
         'c.linear(latent, w[p + "indexer.wk"])'),
        ("Hadamard as in V4", V41, "    return c.fake_e2m1(rows, cfg.e2m1_block, margins",
         "    return c.fake_e2m1(c.hadamard(rows), cfg.e2m1_block, margins"),
        ("rotated part of window rows not rounded", V41,
         "return c.fake_e4m3(kv, cfg.e4m3_block, trace.rounding) if quantise else kv",
         "return np.concatenate([c.fake_e4m3(kv, cfg.e4m3_block), kv], axis=1)[:, np.r_[0:56, 120:128]] if quantise "
         "else kv"),
        ("ue8m0 scale for compressed rows", V41, "e4m3_scale=True", "e4m3_scale=False"),
        ("blocks of 32 for compressed rows", V41, "c.fake_e2m1(rotated, cfg.e2m1_kv_block", "c.fake_e2m1(rotated, 32"),
        ("gate of the pooling left out", V41, "kv = c.softmax(gate, axis=1) * kv", "kv = kv / ratio"),
        ("image bias for text", V41, 'w[p + "gate.bias"]', 'w[p + "gate.bias_vl"]'),
        ("no Engram", V41, "        if i in cfg.engram_layers:\n            at", "        if False:\n            at"),
        ("n-grams one token short", EN, "for n in range(2, depth + 1)", "for n in [1] + list(range(2, depth))"),
        ("raw token ids hashed", V41, "ids = np.array(self.map)[tokens]", "ids = np.array(tokens)"),
        ("multipliers of the first Engram layer", V41, "self.multipliers[which], self.primes[which]",
         "self.multipliers[0], self.primes[which]"),
        ("start of the text not padded", EN, "ids[:, back] = np.where(blocked, pad,",
         "ids[:, back] = np.where(blocked, 0,"),
        ("gate without the root", EN, "np.sqrt(np.maximum(np.abs(d), 1e-6))", "np.abs(d)"),
        ("gate not divided by the root of the width", EN, "axis=-1) / np.sqrt(d)\n    gate = np.where",
         "axis=-1)\n    gate = np.where"),
        ("norm over all streams", EN, "c.rms_norm(streams, q_weight, eps) *",
         "(c.rms_norm(streams.reshape(t, n * d), None, eps).reshape(t, n, d) * q_weight) *"),
        ("value before the keys", EN, "key, value = kv[:, :n * d].reshape(t, n, d), kv[:, n * d:]",
         "key, value = kv[:, d:].reshape(t, n, d), kv[:, :d]"),
    ]),
    "deepseek41_draft": (run_draft, [
        ("causal inside the block", DR, "    sink = np.broadcast_to",
         "    k = np.arange(rows.shape[0]) - len(seen)\n    logits = np.where((k[None, :] <= np.arange(size)[:, "
         "None])[:, None, :], logits, -np.inf)\n    sink = np.broadcast_to"),
        ("one position early", DR, "at, seen = last + 1 + np.arange(size)", "at, seen = last + np.arange(size)"),
        ("window one shorter", DR, "last + 1 - cfg.window", "last + 2 - cfg.window"),
        ("outputs of the target layers", DR, "trace.inputs[i]", "trace.layers[i]"),
        ("first stream instead of the mean", DR, "np.mean(trace.inputs[i], axis=1)", "trace.inputs[i][:, 0]"),
        ("stored rows from the draft's own input", DR, "v41.window_rows(main[seen], w",
         "v41.window_rows(main[seen] * 0 + x[0], w"),
        ("no Markov bias", DR, "logits[i] = logits[i] + c.linear", "logits[i] = logits[i] + 0 * c.linear"),
        ("bias of the first token throughout", DR, "        token = int", "        _ = int"),
        ("confidence from the normed state", DR, "np.concatenate([x, np.array(given)]",
         'np.concatenate([c.rms_norm(x, w[p + "norm"], cfg.eps), np.array(given)]'),
        ("draft rows not rounded", DR, "v41.window_rows(x, w, p, at, freqs, cfg, quantise, trace)",
         "v41.window_rows(x, w, p, at, freqs, cfg, False, trace)"),
    ]),
}


def main():
    unnoticed = 0
    for fixture, (run, rows) in FIXTURES.items():
        if sys.argv[1:] and fixture not in sys.argv[1:]:
            continue
        right = run(load())
        for what, module, old, new in rows:
            wrong = run(load(module, old, new))
            effect = max(float(np.max(np.abs(a - b)) / np.max(np.abs(b))) for a, b in zip(wrong, right))
            unnoticed += effect < LEAST
            print("%-18s %-48s %.1e%s" % (fixture, what, effect, "" if effect >= LEAST else "  UNNOTICED"), flush=True)
    print("%d unnoticed" % unnoticed)
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
