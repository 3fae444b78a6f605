"""Oracle of V4.1's DSpark draft stages: five tokens drafted in one pass, greedy.

Source: descriptions of DeepSeek's V4.1 reference (inference/model.py, the DSpark part of the report). The stages read
the backbone's streams as they enter the target layers, averaged over the streams. Each stage keeps key/value rows of
the *projected backbone state* only, one for each accepted position; the draft rows' own rows live for one pass. All
rows of a draft block see the same set: the window of accepted positions and the whole block, in both directions.
"""
from dataclasses import replace

import numpy as np

import common as c
import deepseek4 as v4
import deepseek41 as v41


def main_state(trace, w, cfg):
    """[T, width] for every backbone position: what each stage's cache rows are projected from."""
    hidden = np.concatenate([np.mean(trace.inputs[i], axis=1) for i in cfg.draft_targets], axis=1)
    return c.rms_norm(c.linear(hidden, w["mtp.0.main_proj"]), w["mtp.0.main_norm"], cfg.eps)


def stage_attention(x, main, last, w, p, cfg, quantise, trace):
    """x [block, width] at positions last + 1 ..; main [T, width] of positions 0 .. last."""
    freqs, size = v4.frequencies(cfg, 0), x.shape[0]
    at, seen = last + 1 + np.arange(size), np.arange(max(0, last + 1 - cfg.window), last + 1)
    a = c.rms_norm(c.linear(x, w[p + "wq_a"]), w[p + "q_norm"], cfg.eps)
    q = c.rope(c.linear(a, w[p + "wq_b"]).reshape(size, cfg.heads, cfg.head_dim), at, freqs, trailing=True)
    rows = np.concatenate([v41.window_rows(main[seen], w, p, seen, freqs, cfg, quantise, trace),
                           v41.window_rows(x, w, p, at, freqs, cfg, quantise, trace)])
    logits = np.einsum("thd,nd->thn", q, rows) / np.sqrt(cfg.head_dim)
    sink = np.broadcast_to(w[p + "attn_sink"][None, :, None], logits.shape[:2] + (1,))
    o = np.einsum("thn,nd->thd", c.softmax(np.concatenate([logits, sink], axis=-1))[..., :-1], rows)
    o = c.rope(o, at, freqs, trailing=True, inverse=True)
    return v4.grouped_output(o, w[p + "wo_a"], w[p + "wo_b"], cfg)


def draft(main, last, token, w, cfg, quantise=True):
    """After the backbone has read positions 0 .. last and produced `token` for last + 1: returns (drafted ids
    [block], logits [block, vocab] with the Markov bias, confidence [block], Trace). Confidence is the head's
    output as it stands (a logit of conditional acceptance)."""
    trace = v41.Trace()
    ids = np.array([token] + [cfg.draft_noise] * (cfg.draft_block - 1))
    streams = np.repeat(w["embed"][ids][:, None, :], cfg.streams, axis=1)
    before = v41.first_pre(len(ids), cfg)
    for i in range(cfg.draft_stages):
        p = "mtp.%d." % i
        streams, before = v41.block(
            streams, before, w, p, lambda x: stage_attention(x, main, last, w, p + "attn.", cfg, quantise, trace),
            lambda x: v41.feed_forward(x, w, p + "ffn.", cfg.draft_experts, cfg.draft_top_k, cfg, trace), cfg)
        trace.layers.append(streams)
    p = "mtp.%d." % (cfg.draft_stages - 1)
    x = v4.hc_collapse(streams, before)
    logits, out, given = c.linear(c.rms_norm(x, w[p + "norm"], cfg.eps), w["head"]), [], []
    for i in range(cfg.draft_block):
        given.append(w[p + "markov_head.embed"][token])
        logits[i] = logits[i] + c.linear(given[-1], w[p + "markov_head.head"])
        token = int(c.top_k_low_index(logits[i], 1)[0])
        out.append(token)
    confidence = c.linear(np.concatenate([x, np.array(given)], axis=1), w[p + "confidence_head.proj"])[:, 0]
    return np.array(out), logits, confidence, trace


def random_weights(cfg, seed):
    w, d = v41.random_weights(cfg, seed), c.Draw(seed)
    for i in range(cfg.draft_stages):
        v41._block_weights(d, w, "mtp.%d." % i, cfg.draft_experts, cfg)
    n = len(cfg.draft_targets) * cfg.width
    w["mtp.0.main_proj"] = d.grid("main_proj", (cfg.width, n), n**-0.5)
    w["mtp.0.main_norm"] = d.around_one("main_norm", (cfg.width,))
    p = "mtp.%d." % (cfg.draft_stages - 1)
    w[p + "norm"] = d.around_one("dnorm", (cfg.width,))
    w[p + "markov_head.embed"] = d.grid("markov.embed", (cfg.vocab, cfg.draft_rank), 1.0)
    w[p + "markov_head.head"] = d.grid("markov.head", (cfg.vocab, cfg.draft_rank), 0.5)
    w[p + "confidence_head.proj"] = d.grid("confidence", (1, cfg.width + cfg.draft_rank), 0.03)
    return w


SEED, TOKENS, STARTS = 47, 48, [3, 15, 16, 30, 46]


def model(seed=None):
    cfg = replace(v41.Config(), ratios=[0, 2, 1], kv_sources=[1, 2], index_sources=[1, 2], candidate_source=-1,
                  engram_layers=[1], experts=4, draft_stages=3, draft_targets=[0, 1, 2])
    seed = SEED if seed is None else seed
    return cfg, random_weights(cfg, seed), v4.random_tokens(cfg, seed, TOKENS)


def run(cfg, w, tokens, quantise):
    """Everything the fixture holds, and the smallest margin of any decision."""
    logits, trace = v41.forward(tokens, w, cfg, quantise, quantise)
    main, margin = main_state(trace, w, cfg), v41.safety(trace)
    at = np.array(STARTS)
    out = v4.expected(tokens, at, logits, trace, cfg)
    out["draft.last"] = ("I32", at)  # last backbone position; the token behind it is the sequence's own next one
    drafts = [draft(main, last, tokens[last + 1], w, cfg, quantise) for last in STARTS]
    out["draft.first_token"] = ("I32", tokens[at + 1])
    out["draft.ids"] = ("I32", [d[0] for d in drafts])
    out["draft.logits"] = ("F32", [d[1] for d in drafts])
    out["draft.confidence"] = ("F32", [d[2] for d in drafts])
    for i in range(cfg.draft_stages):
        out["draft.stage.%d" % i] = ("F32", [d[3].layers[i].reshape(cfg.draft_block, -1) for d in drafts])
        out["draft.router.%d" % i] = ("I32", [d[3].router[i] for d in drafts])
    for d in drafts:
        top = np.sort(d[1], axis=1)
        margin = min(margin, v41.safety(d[3]), np.min((top[:, -1] - top[:, -2]) / np.max(np.abs(top))))
    return out, margin


def self_test():
    problems, (cfg, w, tokens) = [], model()
    for quantise in (True, False):
        exact, _ = run(cfg, w, tokens, quantise)
        with c.arithmetic(np.float32):
            single, _ = run(cfg, c.cast(w, np.float32), tokens, quantise)
        for name in ("draft.ids", "draft.logits", "draft.confidence"):
            d = c.relative_difference(single[name][1], exact[name][1])
            if d > c.SAME_DECISIONS:
                problems.append("deepseek41_draft: %s differs by %.2g in float32: choose another seed" % (name, d))
    return problems


def fixtures():
    cfg, w, tokens = model()
    f = c.Fixture("deepseek41_draft")
    f.add_json("hf/config.json", v41.hf_config(cfg))
    f.add_tensors("hf/model.safetensors", v41.checkpoint(w))
    for file, quantise in (("expected", True), ("expected_plain", False)):
        out, margin = run(cfg, w, tokens, quantise)
        state = "on" if quantise else "off"
        f.add_tensors(file + ".safetensors", out, {"quantise_kv": state, "quantise_index": state,
                                                   "safety": "%.1e" % margin})
    yield f
