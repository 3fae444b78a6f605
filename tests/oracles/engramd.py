#!/usr/bin/env python3
"""The family of the model that ships, `engramd`, in float64. Writes fixtures/engramd*; --check compares.

It is made of parts that other files here state: V4's hyper-connection, its window and compressed past without an
indexer (deepseek4.py), V4.1's Engram tables (engram.py), plain grouped attention and a mixture (parts.py). What is
its own is how they are put together: docs/formats/engramd-model.md.

Per layer: an Engram block in front of some layers; then attention and feed-forward, each behind a norm, around the
streams. A layer with ratio 4 sees a window of tokens and one row for each complete group of four before; a layer with
ratio 0 sees everything. Weights live under their GGUF names.
"""
import sys
from dataclasses import dataclass, field

import numpy as np

import common as c
import deepseek4 as v4
import engram
import parts


@dataclass
class Config:
    width: int = 32
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 16
    rope_dim: int = 8  # of a layer with a compressed past; the others rotate whole heads
    q_rank: int = 16
    o_groups: int = 2
    o_rank: int = 8
    window: int = 16
    ratios: list = field(default_factory=lambda: [4, 0, 4, 0])
    experts: int = 8  # 0: dense
    top_k: int = 2
    expert_width: int = 8
    shared_width: int = 16
    dense_width: int = 24
    streams: int = 2  # 1: a plain residual
    sinkhorn: int = 8
    hc_eps: float = 1e-6
    eps: float = 1e-6
    theta: float = 1e4
    engram_layers: list = field(default_factory=lambda: [1, 2])
    engram_rows: int = 11
    engram_ngram: int = 3
    engram_heads: int = 2
    engram_dim: int = 8

    @property
    def layers(self):
        return len(self.ratios)


class EngramPlan:
    """Identity map of tokens; the padding id is <|endoftext|>."""

    def __init__(self, cfg):
        self.primes = engram.bucket_primes(cfg.engram_layers, cfg.engram_rows, cfg.engram_ngram, cfg.engram_heads)
        self.offsets = [engram.column_offsets(p) for p in self.primes]
        self.multipliers = engram.multipliers(cfg.engram_layers, cfg.engram_ngram, parts.VOCABULARY)
        self.pad = parts.VOCABULARY - len(CONTROL)

    def rows(self, which):
        return sum(p for row in self.primes[which] for p in row)

    def hash(self, tokens, which):
        return engram.hash_rows(tokens, np.ones(len(tokens), bool), self.pad, self.multipliers[which],
                                self.primes[which], self.offsets[which])


# ---------------------------------------------------------------------------------------------- the forward pass


def hybrid_attention(x, w, p, cfg):
    t = len(x)
    positions, frequencies = np.arange(t), c.rope_frequencies(cfg.rope_dim, cfg.theta)

    def turn(rows, at, inverse=False):
        return c.rope(rows, at, frequencies, trailing=True, inverse=inverse)

    a = c.rms_norm(c.linear(x, w[p + "attn_q_a.weight"]), w[p + "attn_q_a_norm.weight"], cfg.eps)
    q = parts.heads(c.linear(a, w[p + "attn_q_b.weight"]), cfg.heads)
    q = turn(c.rms_norm(q, None, cfg.eps), positions)
    kv = c.rms_norm(c.linear(x, w[p + "attn_kv.weight"]), w[p + "attn_kv_a_norm.weight"], cfg.eps)
    past = seen = None
    if len(x) >= 4:
        weights = (w[p + "attn_compressor_%s.weight" % n] for n in ("kv", "gate", "ape", "norm"))
        past = v4.compress(x, *weights, 4, cfg.eps)
        past = turn(past, 4 * np.arange(len(past)))
        seen = np.arange(len(past))[None, :] < ((positions + 1) // 4)[:, None]
    o = v4.attend(q, turn(kv, positions), past, seen, w[p + "attn_sinks.weight"], cfg)
    return v4.grouped_output(turn(o, positions, inverse=True), w[p + "attn_output_a.weight"],
                             w[p + "attn_output_b.weight"], cfg)


def plain_attention(x, w, p, cfg):
    positions, frequencies = np.arange(len(x)), c.rope_frequencies(cfg.head_dim, cfg.theta)
    q, k, v = (c.linear(x, w[p + "attn_%s.weight" % n]) for n in "qkv")
    q = c.rms_norm(parts.heads(q, cfg.heads), w[p + "attn_q_norm.weight"], cfg.eps)
    k = c.rms_norm(parts.heads(k, cfg.kv_heads), w[p + "attn_k_norm.weight"], cfg.eps)
    q, k = (c.rope(z, positions, frequencies, interleaved=False) for z in (q, k))
    mixed = parts.attention(q, k, parts.heads(v, cfg.kv_heads), cfg.head_dim**-0.5)
    return c.linear(mixed, w[p + "attn_output.weight"])


def feed_forward(x, w, p, layer, cfg, trace):
    if not cfg.experts:
        return parts.mlp_swiglu(x, *(w[p + "ffn_%s.weight" % n] for n in ("gate", "up", "down")))
    score = np.sqrt(c.softplus(c.linear(x, w[p + "ffn_gate_inp.weight"])))
    selection = score + w[p + "exp_probs_b.bias"]
    chosen = parts.top_k(selection, cfg.top_k)
    weights = np.take_along_axis(score, chosen, axis=1)
    weights = weights / np.sum(weights, axis=1, keepdims=True)
    trace.routed(layer, chosen, weights, selection)
    outputs = parts.experts_swiglu(x, *(w[p + "ffn_%s_exps.weight" % n] for n in ("gate", "up", "down")))
    shared = parts.mlp_swiglu(x, *(w[p + "ffn_%s_shexp.weight" % n] for n in ("gate", "up", "down")))
    return shared + parts.mixture(chosen, weights, outputs)


def site(streams, w, p, name, cfg, branch):
    """A branch behind its norm, inside the residual connection; streams [T, S, d]."""
    norm = w[p + name + "_norm.weight"]
    if cfg.streams == 1:
        return streams + branch(c.rms_norm(streams[:, 0], norm, cfg.eps))[:, None, :]
    pre, post, mix = v4.hc_split(streams, *(w["%shc_%s_%s.weight" % (p, name, n)] for n in ("fn", "base", "scale")),
                                 cfg)
    x = c.rms_norm(v4.hc_collapse(streams, pre), norm, cfg.eps)
    return v4.hc_expand(branch(x), streams, post, mix)


def forward(w, tokens, cfg):
    tokens = np.asarray(tokens)
    trace, plan = parts.Trace(tokens), EngramPlan(cfg)
    streams = np.repeat(w["token_embd.weight"][tokens][:, None, :], cfg.streams, axis=1)
    for i, ratio in enumerate(cfg.ratios):
        p = "blk.%d." % i
        if i in cfg.engram_layers:
            at = plan.hash(tokens, cfg.engram_layers.index(i))
            rows = w[p + "engram_embd.weight"][at].reshape(len(tokens), -1)
            streams, _ = engram.apply(streams, rows, np.ones(len(tokens), bool), w[p + "engram_wkv.weight"],
                                      w[p + "engram_q.weight"], w[p + "engram_k.weight"], cfg.eps)
        attend = hybrid_attention if ratio else plain_attention
        streams = site(streams, w, p, "attn", cfg, lambda x: attend(x, w, p, cfg))
        streams = site(streams, w, p, "ffn", cfg, lambda x: feed_forward(x, w, p, i, cfg, trace))
        trace.layers.append(streams.reshape(len(tokens), -1))
    x = streams[:, 0]
    if cfg.streams > 1:
        x = v4.hc_head(streams, *(w["output_hc_%s.weight" % n] for n in ("fn", "base", "scale")), cfg)
    trace.logits = c.linear(c.rms_norm(x, w["output_norm.weight"], cfg.eps), w["token_embd.weight"])
    return trace


# ---------------------------------------------------------------------------------------------- random models


def make_weights(cfg, seed):
    draw, w, d, n = c.Draw(seed), {}, cfg.width, cfg.streams

    def matrix(name, *shape, gain=1.0):
        w[name + ".weight"] = draw.grid(name, shape, gain / np.sqrt(shape[-1]))

    def norm(name, *shape):
        w[name + ".weight"] = draw.around_one(name, shape)

    def hyper(name, rows, scale):
        matrix(name + "_fn", rows, n * d, gain=1.5)
        w[name + "_base.weight"] = draw.grid(name + "_base", (rows,), 0.6)
        w[name + "_scale.weight"] = np.array(scale)

    w["token_embd.weight"] = draw.grid("token_embd", (parts.VOCABULARY, d), 0.5)
    norm("output_norm", d)
    if n > 1:
        hyper("output_hc", n, [0.75])
    plan, q_size, kv_size = EngramPlan(cfg), cfg.heads * cfg.head_dim, cfg.kv_heads * cfg.head_dim
    for i, ratio in enumerate(cfg.ratios):
        p = "blk.%d." % i
        if i in cfg.engram_layers:
            columns = (cfg.engram_ngram - 1) * cfg.engram_heads
            w[p + "engram_embd.weight"] = draw.grid(p + "engram_embd",
                                                    (plan.rows(cfg.engram_layers.index(i)), cfg.engram_dim), 1.0)
            matrix(p + "engram_wkv", (n + 1) * d, columns * cfg.engram_dim)
            norm(p + "engram_q", n, d)
            norm(p + "engram_k", n, d)
        if n > 1:
            for name in ("hc_attn", "hc_ffn"):
                hyper(p + name, (2 + n) * n, [0.75, 0.5, 2.5])
        norm(p + "attn_norm", d)
        norm(p + "ffn_norm", d)
        if ratio:
            matrix(p + "attn_q_a", cfg.q_rank, d)
            norm(p + "attn_q_a_norm", cfg.q_rank)
            matrix(p + "attn_q_b", q_size, cfg.q_rank, gain=1.25)
            matrix(p + "attn_kv", cfg.head_dim, d)
            norm(p + "attn_kv_a_norm", cfg.head_dim)
            w[p + "attn_sinks.weight"] = draw.grid(p + "attn_sinks", (cfg.heads,), 1.0)
            matrix(p + "attn_output_a", cfg.o_groups * cfg.o_rank, q_size // cfg.o_groups, gain=1.5)
            matrix(p + "attn_output_b", d, cfg.o_groups * cfg.o_rank)
            matrix(p + "attn_compressor_kv", 2 * cfg.head_dim, d)
            matrix(p + "attn_compressor_gate", 2 * cfg.head_dim, d, gain=2.0)
            w[p + "attn_compressor_ape.weight"] = draw.grid(p + "ape", (ratio, 2 * cfg.head_dim), 1.0)
            norm(p + "attn_compressor_norm", cfg.head_dim)
        else:
            for name, rows in (("q", q_size), ("k", kv_size), ("v", kv_size)):
                matrix(p + "attn_" + name, rows, d)
            norm(p + "attn_q_norm", cfg.head_dim)
            norm(p + "attn_k_norm", cfg.head_dim)
            matrix(p + "attn_output", d, q_size)
        widths = [("", (), cfg.dense_width)]
        if cfg.experts:
            widths = [("_exps", (cfg.experts,), cfg.expert_width), ("_shexp", (), cfg.shared_width)]
            matrix(p + "ffn_gate_inp", cfg.experts, d, gain=2.0)
            w[p + "exp_probs_b.bias"] = draw.grid(p + "exp_probs_b", (cfg.experts,), 0.2)
        for suffix, stacked, f in widths:
            matrix(p + "ffn_gate" + suffix, *stacked, f, d, gain=1.5)
            matrix(p + "ffn_up" + suffix, *stacked, f, d)
            matrix(p + "ffn_down" + suffix, *stacked, d, f)
    return w


CONTROL = ["<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>",
           "<|file_sep|>"]


def gguf_file(w, cfg, name):
    keys = [("block_count", c.U32, cfg.layers), ("context_length", c.U32, 1024), ("embedding_length", c.U32, cfg.width),
            ("attention.head_count", c.U32, cfg.heads), ("attention.head_count_kv", c.U32, cfg.kv_heads),
            ("attention.key_length", c.U32, cfg.head_dim), ("attention.value_length", c.U32, cfg.head_dim),
            ("attention.layer_norm_rms_epsilon", c.F32, cfg.eps), ("rope.freq_base", c.F32, cfg.theta),
            ("rope.dimension_count", c.U32, cfg.head_dim),
            ("attention.compress_ratios", c.ARR, (c.I32, cfg.ratios))]
    if any(cfg.ratios):
        keys += [("rope.dimension_count_compressed", c.U32, cfg.rope_dim),
                 ("attention.sliding_window", c.U32, cfg.window), ("attention.q_lora_rank", c.U32, cfg.q_rank),
                 ("attention.output_group_count", c.U32, cfg.o_groups),
                 ("attention.output_lora_rank", c.U32, cfg.o_rank)]
    if cfg.streams > 1:
        keys += [("hyper_connection.count", c.U32, cfg.streams),
                 ("hyper_connection.sinkhorn_iterations", c.U32, cfg.sinkhorn),
                 ("hyper_connection.epsilon", c.F32, cfg.hc_eps)]
    if cfg.experts:
        keys += [("expert_count", c.U32, cfg.experts), ("expert_used_count", c.U32, cfg.top_k),
                 ("expert_feed_forward_length", c.U32, cfg.expert_width),
                 ("expert_shared_feed_forward_length", c.U32, cfg.shared_width),
                 ("expert_weights_norm", c.BOOL, True)]
    else:
        keys += [("feed_forward_length", c.U32, cfg.dense_width)]
    if cfg.engram_layers:
        plan = EngramPlan(cfg)
        flat = [x for layer in plan.primes for row in layer for x in row]
        keys += [("engram.layer_ids", c.ARR, (c.U32, cfg.engram_layers)),
                 ("engram.max_ngram_size", c.U32, cfg.engram_ngram), ("engram.head_count", c.U32, cfg.engram_heads),
                 ("engram.key_length", c.U32, cfg.engram_dim), ("engram.pad_id", c.U32, plan.pad),
                 ("engram.multipliers", c.ARR, (c.U64, [x for row in plan.multipliers for x in row])),
                 ("engram.primes", c.ARR, (c.U64, flat)),
                 ("engram.offsets", c.ARR, (c.U64, [x for row in plan.offsets for x in row]))]
    g = parts.start_gguf("engramd", name, keys)
    parts.gguf_vocabulary(g, "qwen2", CONTROL, bos=CONTROL[0], eos=CONTROL[0], pad=CONTROL[0])
    for tensor, value in w.items():
        g.tensor(tensor, value)
    return g


# The whole family; what is left when parts of it are left out; sizes that fill no vector register.
MODELS = {
    "engramd": (Config(), 71),
    "engramd_bare": (Config(ratios=[0, 0], experts=0, streams=1, engram_layers=[]), 72),
    "engramd_dense": (Config(ratios=[4, 4], experts=0, engram_layers=[0]), 73),
    "engramd_single": (Config(ratios=[0, 4], streams=1, engram_layers=[1]), 74),
    "engramd_odd": (Config(width=37, heads=6, head_dim=24, rope_dim=10, q_rank=19, o_groups=3, o_rank=11, ratios=[4, 0],
                           experts=5, top_k=3, expert_width=13, shared_width=21, engram_layers=[1], engram_dim=9), 75),
}


def fixtures():
    for name, (cfg, seed) in MODELS.items():
        w = make_weights(cfg, seed)
        trace = forward(w, parts.choose_tokens(seed, lambda t: forward(w, t, cfg), 0.02), cfg)
        fixture = c.Fixture(name)
        fixture.add_gguf("model.gguf", gguf_file(w, cfg, name + " oracle"))
        fixture.add_tensors("expected.safetensors", trace.tensors())
        fixture.trace = trace
        yield fixture


if __name__ == "__main__":
    sys.exit(parts.main(fixtures))
