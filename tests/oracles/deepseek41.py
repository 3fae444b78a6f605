"""Oracle of the DeepSeek-V4.1 forward pass (arch `deepseek41`), float64, text only, whole sequence at once.

Sources: HF transformers' deepseek_v41 (formulas, names, quantised caches), llama.cpp's deepseek41 (GGUF names),
the facts of the Engram paper. What V4.1 shares with V4 comes from deepseek4.py. README.md in this folder names
the choices where sources leave one.

Weights live in a dict under the checkpoint's own names without ".weight".
"""
from dataclasses import dataclass, field

import numpy as np

import common as c
import deepseek4 as v4
import engram


@dataclass
class Config:
    vocab: int = 264
    width: int = 16
    heads: int = 4
    head_dim: int = 64  # two e4m3 blocks of 32, four e2m1 blocks of 16
    rope_dim: int = 8
    q_rank: int = 16
    o_groups: int = 2
    o_rank: int = 8
    experts: int = 8
    top_k: int = 2
    expert_width: int = 8
    route_scale: float = 1.5
    gate_temp: float = 1.0
    limit: float = 1.5
    window: int = 16
    ratios: list = field(default_factory=lambda: [0, 2, 2, 1, 1, 1])
    kv_sources: list = field(default_factory=lambda: [1, 3])
    index_sources: list = field(default_factory=lambda: [1, 3, 5])
    candidate_source: int = 3
    candidate_blocks: int = 3
    candidate_block: int = 4
    index_heads: int = 8
    index_dim: int = 32
    index_top_k: int = 8
    streams: int = 4
    sinkhorn: int = 20
    hc_eps: float = 1e-6
    eps: float = 1e-20
    theta: float = 1e4
    compress_theta: float = 1.6e5
    yarn_factor: float = 16.0
    yarn_context: int = 65536
    yarn_fast: float = 32.0
    yarn_slow: float = 1.0
    engram_layers: list = field(default_factory=lambda: [1, 4])
    engram_vocab: int = 11
    engram_ngram: int = 4
    engram_heads: int = 2
    engram_dim: int = 32
    engram_pad: int = 2
    draft_stages: int = 0
    draft_block: int = 5
    draft_noise: int = 260
    draft_targets: list = field(default_factory=lambda: [3, 4, 5])
    draft_experts: int = 4
    draft_top_k: int = 2
    draft_rank: int = 8
    e4m3_block: int = 32
    e2m1_kv_block: int = 16
    e2m1_block: int = 32

    @property
    def layers(self):
        return len(self.ratios)


class Trace(v4.Trace):
    def __init__(self):
        super().__init__()
        self.candidates, self.candidate_margin, self.gates, self.hash_rows, self.inputs = None, None, {}, {}, []


class Shared:
    """What source layers publish to the layers after them."""

    def __init__(self):
        self.rows = self.keys = self.picks = self.candidates = None


# ---------------------------------------------------------------------------------------------- Engram tables


class EngramPlan:
    """Constants of the model's Engram layers: primes, offsets, multipliers, token map."""

    def __init__(self, cfg):
        spell = c.byte_characters()
        texts = v4.FIRST + [bytes([b]).decode("utf-8", "replace") for b in range(256)] + v4.LAST
        self.map = engram.token_map(texts, v4.FIRST + spell + v4.LAST)
        self.size = len(set(self.map))
        self.pad = self.map[cfg.engram_pad]
        self.primes = engram.bucket_primes(cfg.engram_layers, cfg.engram_vocab, cfg.engram_ngram, cfg.engram_heads)
        self.offsets = [engram.column_offsets(p) for p in self.primes]
        self.rows = [sum(x for row in p for x in row) for p in self.primes]
        self.multipliers = engram.multipliers(cfg.engram_layers, cfg.engram_ngram, self.size)

    def hash(self, tokens, which):
        ids = np.array(self.map)[tokens]
        return engram.hash_rows(ids, np.ones(len(ids), bool), self.pad, self.multipliers[which], self.primes[which],
                                self.offsets[which])


# ---------------------------------------------------------------------------------------------- attention


def pooled_latent(x, w, p, ratio, eps):
    """Latent rows before RoPE, [T // ratio, head_dim]: disjoint groups, softmax gate over the group for each
    channel, no position term; ratio 1 is a plain projection without a gate."""
    groups = x.shape[0] // ratio
    kv = c.linear(x[:groups * ratio], w[p + "wkv"]).reshape(groups, ratio, -1)
    if ratio > 1:
        gate = c.linear(x[:groups * ratio], w[p + "wgate"]).reshape(groups, ratio, -1)
        kv = c.softmax(gate, axis=1) * kv
    return c.rms_norm(np.sum(kv, axis=1), w[p + "norm"], eps)


def candidate_rows(scores, visible, blocks, size):
    """First level of the index. scores [T, n], query t sees rows < visible[t]. A block's score is its best
    visible row; the block of the newest visible row always stays. Returns (bool [T, n], margins [T])."""
    t, n = scores.shape
    count = -(-n // size)
    keep, margins = np.zeros((t, n), bool), np.full(t, 1e9)
    for i in range(t):
        if visible[i] == 0:
            continue
        reach = -(-visible[i] // size)
        best = np.array([np.max(scores[i, b * size:min((b + 1) * size, visible[i])]) for b in range(reach)])
        newest = (visible[i] - 1) // size
        finite = best.copy()
        best[newest] = np.inf
        chosen = c.top_k_low_index(best, min(blocks, count))
        if reach > blocks:
            others = [b if b < newest else b - 1 for b in chosen if b != newest]
            margins[i] = v4.choice_margin(np.delete(finite, newest), others) if others else 1e9
        for b in chosen:
            keep[i, b * size:(b + 1) * size] = True
        keep[i, visible[i]:] = False
    return keep, margins


def pick(scores, visible, allowed, k):
    """Like deepseek4.pick_rows, but only rows where allowed [T, n] (None: all visible ones)."""
    if allowed is None:
        return v4.pick_rows(scores, visible, k)
    t = scores.shape[0]
    picks, margins = np.full((t, k), -1, np.int64), np.full(t, 1e9)
    for i in range(t):
        rows = np.nonzero(allowed[i])[0]
        s = scores[i, rows]
        chosen = c.top_k_low_index(s, min(k, len(s)))
        picks[i, :len(chosen)] = np.sort(rows[chosen])
        if len(s) > k:
            margins[i] = v4.choice_margin(s, chosen)
    return picks, margins


def attention(x, w, p, layer, cfg, shared, quantise_kv, quantise_index, trace):
    t, ratio = x.shape[0], cfg.ratios[layer]
    positions, freqs = np.arange(t), v4.frequencies(cfg, ratio)
    a = c.rms_norm(c.linear(x, w[p + "wq_a"]), w[p + "q_norm"], cfg.eps)
    q = c.linear(a, w[p + "wq_b"]).reshape(t, cfg.heads, cfg.head_dim)
    q = c.rope(q, positions, freqs, trailing=True)
    kv = window_rows(x, w, p, positions, freqs, cfg, quantise_kv, trace)
    rows = allowed = None
    if ratio:
        visible = (positions + 1) // ratio
        if layer in cfg.kv_sources:
            latent = pooled_latent(x, w, p + "compressor.", ratio, cfg.eps)
            starts = np.arange(len(latent)) * ratio
            if layer in cfg.index_sources:
                keys = c.rms_norm(c.linear(latent, w[p + "indexer.wk"]), w[p + "indexer.k_norm"], cfg.eps)
                keys = c.rope(keys, starts, freqs, trailing=True)
                shared.keys = index_store(keys, cfg, quantise_index, trace)
            rotated = c.rope(latent, starts, freqs, trailing=True)
            shared.rows = c.fake_e2m1(rotated, cfg.e2m1_kv_block, e4m3_scale=True,
                                      margins=trace.rounding) if quantise_kv else rotated
        if layer in cfg.index_sources:
            scores = index_scores(x, a, shared.keys, w, p + "indexer.", freqs, cfg, quantise_index, trace)
            inside = shared.candidates if 0 <= cfg.candidate_source < layer else None
            if layer == cfg.candidate_source:
                shared.candidates, trace.candidate_margin = candidate_rows(scores, visible, cfg.candidate_blocks,
                                                                          cfg.candidate_block)
                trace.candidates = shared.candidates
            shared.picks, margins = pick(scores, visible, inside, cfg.index_top_k)
            trace.index[layer], trace.index_margin[layer] = shared.picks, margins
        rows = shared.rows
        allowed = np.zeros((t, len(rows)), bool)
        for i in range(t):
            allowed[i, shared.picks[i][shared.picks[i] >= 0]] = True
    o = v4.attend(q, kv, rows, allowed, w[p + "attn_sink"], cfg)
    o = c.rope(o, positions, freqs, trailing=True, inverse=True)
    return v4.grouped_output(o, w[p + "wo_a"], w[p + "wo_b"], cfg)


def window_rows(x, w, p, positions, freqs, cfg, quantise, trace):
    """Key/value rows of the window: the whole row, rotated part included, goes through e4m3."""
    kv = c.rope(c.rms_norm(c.linear(x, w[p + "wkv"]), w[p + "kv_norm"], cfg.eps), positions, freqs, trailing=True)
    return c.fake_e4m3(kv, cfg.e4m3_block, trace.rounding) if quantise else kv


def index_store(rows, cfg, quantise, trace):
    """Index queries and keys: e2m1 without a Hadamard transform."""
    return c.fake_e2m1(rows, cfg.e2m1_block, margins=trace.rounding) if quantise else rows


def index_scores(x, a, keys, w, p, freqs, cfg, quantise, trace):
    t = x.shape[0]
    q = c.linear(a, w[p + "wq_b"]).reshape(t, cfg.index_heads, cfg.index_dim)
    q = index_store(c.rope(q, np.arange(t), freqs, trailing=True), cfg, quantise, trace)
    weight = c.linear(x, w[p + "weights_proj"]) / np.sqrt(cfg.index_heads * cfg.index_dim)
    return np.einsum("th,thn->tn", weight, np.maximum(np.einsum("thd,nd->thn", q, keys), 0.0))


# ---------------------------------------------------------------------------------------------- model


def feed_forward(x, w, p, experts, top_k, cfg, trace):
    score = np.sqrt(c.softplus(c.linear(x, w[p + "gate"]) / cfg.gate_temp))
    t = x.shape[0]
    chosen, margins = np.zeros((t, top_k), np.int64), np.zeros(t)
    for i in range(t):
        biased = score[i] + w[p + "gate.bias"]
        best = c.top_k_low_index(biased, top_k)
        margins[i] = v4.choice_margin(biased, best)
        chosen[i] = best[np.lexsort((best, -score[i][best]))]
    weight = np.take_along_axis(score, chosen, axis=1)
    weight = weight / (np.sum(weight, axis=1, keepdims=True) + 1e-20) * cfg.route_scale
    trace.router.append(chosen)
    trace.router_weights.append(weight)
    trace.router_margin.append(margins)
    y = v4.expert(x, w, p + "shared_experts.", cfg.limit)
    for e in range(experts):
        token, slot = np.nonzero(chosen == e)
        if len(token):
            y[token] += weight[token, slot][:, None] * v4.expert(x[token], w, p + "experts.%d." % e, cfg.limit)
    return y


def block(streams, before, w, p, attend, feed, cfg):
    """One layer of single-pass mHC: each site computes pre, post and mix from the streams it finds, but collapses
    them with the pre of the site before it (`before` [T, n]). Returns (streams, pre of the last site)."""
    pre, post, mix = v4.hc_split(streams, w[p + "hc_attn_fn"], w[p + "hc_attn_base"], w[p + "hc_attn_scale"], cfg)
    x = c.rms_norm(v4.hc_collapse(streams, before), w[p + "attn_norm"], cfg.eps)
    streams, before = v4.hc_expand(attend(x), streams, post, mix), pre
    pre, post, mix = v4.hc_split(streams, w[p + "hc_ffn_fn"], w[p + "hc_ffn_base"], w[p + "hc_ffn_scale"], cfg)
    x = c.rms_norm(v4.hc_collapse(streams, before), w[p + "ffn_norm"], cfg.eps)
    return v4.hc_expand(feed(x), streams, post, mix), pre


def first_pre(t, cfg):
    """The first site has no site before it: it takes stream 0."""
    one = np.zeros((t, cfg.streams), c.F64)
    one[:, 0] = 1.0
    return one


def forward(tokens, w, cfg, quantise_kv=True, quantise_index=True):
    """tokens [T] -> (logits [T, vocab], Trace)."""
    trace, shared, plan = Trace(), Shared(), EngramPlan(cfg)
    streams = np.repeat(w["embed"][tokens][:, None, :], cfg.streams, axis=1)
    before = first_pre(len(tokens), cfg)
    for i in range(cfg.layers):
        p = "layers.%d." % i
        trace.inputs.append(streams)
        if i in cfg.engram_layers:
            at = plan.hash(tokens, cfg.engram_layers.index(i))
            looked_up = w[p + "engram.embed"][at].reshape(len(tokens), -1)
            streams, trace.gates[i] = engram.apply(streams, looked_up, np.ones(len(tokens), bool), w[p + "engram.wkv"],
                                                   w[p + "engram.q_weight"], w[p + "engram.k_weight"], cfg.eps)
            trace.hash_rows[i] = at
        streams, before = block(
            streams, before, w, p,
            lambda x: attention(x, w, p + "attn.", i, cfg, shared, quantise_kv, quantise_index, trace),
            lambda x: feed_forward(x, w, p + "ffn.", cfg.experts, cfg.top_k, cfg, trace), cfg)
        trace.layers.append(streams)
    trace.streams = streams
    x = c.rms_norm(v4.hc_collapse(streams, before), w["norm"], cfg.eps)
    return c.linear(x, w["head"]), trace


def safety(trace):
    parts = [v4.safety(trace)]
    if trace.candidate_margin is not None:
        parts.append(trace.candidate_margin.min())
    return min(parts)


# ---------------------------------------------------------------------------------------------- random models


def _block_weights(d, w, p, experts, cfg):
    width, n = cfg.width, cfg.streams

    def g(name, shape, gain=1.0):
        w[p + name] = d.grid(p + name, shape, gain / np.sqrt(shape[-1]))

    for site in ("attn", "ffn"):
        g("hc_%s_fn" % site, ((2 + n) * n, n * width), 1.5)
        w[p + "hc_%s_base" % site] = d.grid(p + site + "base", ((2 + n) * n,), 0.7)
        w[p + "hc_%s_scale" % site] = np.array([0.75, 0.5, 2.5])
        w[p + "%s_norm" % site] = d.around_one(p + site + "norm", (width,))
    g("attn.wq_a", (cfg.q_rank, width))
    w[p + "attn.q_norm"] = d.around_one(p + "q_norm", (cfg.q_rank,))
    g("attn.wq_b", (cfg.heads * cfg.head_dim, cfg.q_rank), 1.25)
    g("attn.wkv", (cfg.head_dim, width))
    w[p + "attn.kv_norm"] = d.around_one(p + "kv_norm", (cfg.head_dim,))
    w[p + "attn.attn_sink"] = d.grid(p + "sink", (cfg.heads,), 1.0)
    g("attn.wo_a", (cfg.o_groups * cfg.o_rank, cfg.heads * cfg.head_dim // cfg.o_groups), 3.0)
    g("attn.wo_b", (width, cfg.o_groups * cfg.o_rank), 1.5)
    g("ffn.gate", (experts, width), 2.0)
    w[p + "ffn.gate.bias"] = d.grid(p + "ffn.gate.bias", (experts,), 0.2)
    w[p + "ffn.gate.bias_vl"] = d.grid(p + "ffn.gate.bias_vl", (experts,), 0.2)
    for name in ["experts.%d." % e for e in range(experts)] + ["shared_experts."]:
        g("ffn." + name + "w1", (cfg.expert_width, width), 1.25)
        g("ffn." + name + "w3", (cfg.expert_width, width), 1.25)
        g("ffn." + name + "w2", (width, cfg.expert_width), 2.0)


def random_weights(cfg, seed):
    d, w, plan = c.Draw(seed), {}, EngramPlan(cfg)
    w["embed"] = d.grid("embed", (cfg.vocab, cfg.width), 1.0)
    w["head"] = d.grid("head", (cfg.vocab, cfg.width), 2.0 / np.sqrt(cfg.width))
    w["norm"] = d.around_one("norm", (cfg.width,))
    for i, ratio in enumerate(cfg.ratios):
        p = "layers.%d." % i
        _block_weights(d, w, p, cfg.experts, cfg)

        def g(name, shape, gain=1.0):
            w[p + name] = d.grid(p + name, shape, gain / np.sqrt(shape[-1]))

        if i in cfg.kv_sources:
            g("attn.compressor.wkv", (cfg.head_dim, cfg.width))
            if ratio > 1:
                g("attn.compressor.wgate", (cfg.head_dim, cfg.width), 1.5)
            w[p + "attn.compressor.norm"] = d.around_one(p + "cnorm", (cfg.head_dim,))
            g("attn.indexer.wk", (cfg.index_dim, cfg.head_dim))
            w[p + "attn.indexer.k_norm"] = d.around_one(p + "knorm", (cfg.index_dim,))
        if i in cfg.index_sources:
            g("attn.indexer.wq_b", (cfg.index_heads * cfg.index_dim, cfg.q_rank))
            g("attn.indexer.weights_proj", (cfg.index_heads, cfg.width), 1.5)
        if i in cfg.engram_layers:
            columns = (cfg.engram_ngram - 1) * cfg.engram_heads * cfg.engram_dim
            g("engram.wkv", ((cfg.streams + 1) * cfg.width, columns))
            w[p + "engram.embed"] = d.grid(p + "table", (plan.rows[cfg.engram_layers.index(i)], cfg.engram_dim), 1.0)
            w[p + "engram.q_weight"] = d.around_one(p + "eq", (cfg.streams, cfg.width), 0.5)
            w[p + "engram.k_weight"] = d.around_one(p + "ek", (cfg.streams, cfg.width), 0.5)
    return w


# ---------------------------------------------------------------------------------------------- files

_GGUF_LAYER = [pair for pair in v4._GGUF_LAYER if "indexer.compressor" not in pair[0] and "tid2eid" not in pair[0]
               and pair[0] not in ("attn.compressor.ape", "enorm", "hnorm", "norm")] + [
    ("ffn.gate.bias_vl", "exp_probs_b_vl.bias"), ("attn.indexer.wk", "indexer.attn_k.weight"),
    ("attn.indexer.k_norm", "indexer.k_norm.weight"), ("engram.embed", "engram_embd.weight"),
    ("engram.wkv", "engram_wkv.weight"), ("engram.q_weight", "engram_q.weight"),
    ("engram.k_weight", "engram_k.weight")]


def gguf(w, cfg, name):
    g, plan = c.Gguf("deepseek41", name), EngramPlan(cfg)
    for key, value in (("block_count", cfg.layers), ("context_length", 4096), ("embedding_length", cfg.width),
                       ("feed_forward_length", cfg.expert_width), ("vocab_size", cfg.vocab),
                       ("attention.head_count", cfg.heads), ("attention.head_count_kv", 1),
                       ("attention.key_length", cfg.head_dim), ("attention.value_length", cfg.head_dim),
                       ("attention.q_lora_rank", cfg.q_rank), ("attention.output_lora_rank", cfg.o_rank),
                       ("attention.output_group_count", cfg.o_groups), ("attention.sliding_window", cfg.window),
                       ("attention.indexer.head_count", cfg.index_heads),
                       ("attention.indexer.key_length", cfg.index_dim), ("attention.indexer.top_k", cfg.index_top_k),
                       ("attention.indexer.candidate_top_k", cfg.candidate_blocks),
                       ("attention.indexer.candidate_block_size", cfg.candidate_block),
                       ("attention.candidate_topk_blocks", cfg.candidate_blocks),
                       ("attention.candidate_block_size", cfg.candidate_block),
                       ("attention.candidate_source_layer_id", cfg.candidate_source),
                       ("rope.dimension_count", cfg.rope_dim),
                       ("rope.scaling.original_context_length", cfg.yarn_context),
                       ("expert_count", cfg.experts), ("expert_used_count", cfg.top_k), ("expert_shared_count", 1),
                       ("expert_feed_forward_length", cfg.expert_width), ("expert_gating_func", 4),
                       ("hash_layer_count", 0), ("hyper_connection.count", cfg.streams),
                       ("hyper_connection.sinkhorn_iterations", cfg.sinkhorn),
                       ("embedding_length_out", cfg.width * cfg.streams),
                       ("engram.head_count", cfg.engram_heads), ("engram.key_length", cfg.engram_dim),
                       ("engram.max_ngram_size", cfg.engram_ngram), ("engram.pad_id", plan.pad)):
        g.akv(key, c.U32, value)
    g.akv("attention.indexer.candidate_source_layer", c.I32, cfg.candidate_source)
    for key, value in (("attention.layer_norm_rms_epsilon", cfg.eps), ("hyper_connection.epsilon", cfg.hc_eps),
                       ("rope.freq_base", cfg.theta), ("attention.compress_rope_freq_base", cfg.compress_theta),
                       ("rope.scaling.factor", cfg.yarn_factor), ("rope.scaling.yarn_beta_fast", cfg.yarn_fast),
                       ("rope.scaling.yarn_beta_slow", cfg.yarn_slow), ("expert_weights_scale", cfg.route_scale)):
        g.akv(key, c.F32, value)
    g.akv("rope.scaling.type", c.STR, "yarn")
    g.akv("expert_weights_norm", c.BOOL, True)
    for key, kind, values in (
            ("swiglu_clamp_exp", c.F32, [cfg.limit] * cfg.layers),
            ("swiglu_clamp_shexp", c.F32, [cfg.limit] * cfg.layers),
            ("attention.compress_ratios", c.I32, cfg.ratios),
            ("attention.kv_source_layer_ids", c.I32, cfg.kv_sources),
            ("attention.index_source_layer_ids", c.I32, cfg.index_sources),
            ("engram.layer_ids", c.I32, cfg.engram_layers), ("engram.token_map", c.I32, plan.map),
            ("engram.multipliers", c.U64, [m for row in plan.multipliers for m in row]),
            ("engram.primes", c.U64, [x for layer in plan.primes for row in layer for x in row]),
            ("engram.offsets", c.U64, [x for row in plan.offsets for x in row])):
        g.akv(key, c.ARR, (kind, values))
    size = c.tokenizer_keys(g, "joyai-llm", v4.FIRST, v4.LAST, bos=v4.FIRST[0], eos=v4.FIRST[1], pad=v4.FIRST[2])
    if size != cfg.vocab:
        raise ValueError("vocabulary of %d, model of %d" % (size, cfg.vocab))
    for key, target in (("embed", "token_embd.weight"), ("norm", "output_norm.weight"), ("head", "output.weight")):
        g.tensor(target, w[key])
    for i in range(cfg.layers):
        p = "layers.%d." % i
        for key, target in _GGUF_LAYER:
            if p + key in w:
                g.tensor("blk.%d.%s" % (i, target), w[p + key])
        for m, target in (("w1", "gate"), ("w3", "up"), ("w2", "down")):
            g.tensor("blk.%d.ffn_%s_exps.weight" % (i, target),
                     np.stack([w["%sffn.experts.%d.%s" % (p, e, m)] for e in range(cfg.experts)]))
    return g


def checkpoint(w):
    """The published checkpoint's formats: e4m3 in 32 x 32 blocks with ue8m0 scales, Engram tables e4m3 with a
    scale for each 32 channels of a row, small parts in BF16 or F32. No value changes."""
    out = {}
    for name, value in w.items():
        last = name.split(".")[-1]
        if "hc_" in name or last in ("attn_sink", "bias", "bias_vl"):
            out[name] = ("F32", value)
        elif last in ("q_weight", "k_weight"):
            out[name] = ("BF16", value)
        elif name.endswith("engram.embed"):
            b = value.reshape(value.shape[0], -1, 32)
            scale = c.pow2_ceil(np.maximum(np.max(np.abs(b), axis=-1, keepdims=True), 1e-4) / 448.0)
            out[name + ".weight"] = ("F8_E4M3", c.encode_e4m3(b / scale).reshape(value.shape))
            out[name + ".scale"] = ("F8_E8M0", c.encode_ue8m0(scale[..., 0]))
        elif (value.ndim == 1 or last in ("embed", "head", "gate", "weights_proj") or "compressor.w" in name
              or "markov_head" in name or "confidence_head" in name):
            out[name + ".weight"] = ("BF16", value)
        else:
            rows, cols = value.shape
            codes, scales = np.zeros(value.shape, np.uint8), np.zeros((-(-rows // 32), -(-cols // 32)))
            for r in range(scales.shape[0]):
                for k in range(scales.shape[1]):
                    at = np.s_[r * 32:(r + 1) * 32, k * 32:(k + 1) * 32]
                    scales[r, k] = c.pow2_ceil(np.max(np.abs(value[at])) / 448.0)
                    codes[at] = c.encode_e4m3(value[at] / scales[r, k])
            out[name + ".weight"] = ("F8_E4M3", codes)
            out[name + ".scale"] = ("F8_E8M0", c.encode_ue8m0(scales))
    return out


def hf_config(cfg):
    plan = EngramPlan(cfg)
    text = {
        "model_type": "deepseek_v41_text", "vocab_size": cfg.vocab, "hidden_size": cfg.width,
        "num_hidden_layers": cfg.layers, "num_attention_heads": cfg.heads, "num_key_value_heads": 1,
        "head_dim": cfg.head_dim, "qk_rope_head_dim": cfg.rope_dim, "q_lora_rank": cfg.q_rank,
        "o_groups": cfg.o_groups, "o_lora_rank": cfg.o_rank, "n_routed_experts": cfg.experts,
        "num_experts_per_tok": cfg.top_k, "n_shared_experts": 1, "moe_intermediate_size": cfg.expert_width,
        "routed_scaling_factor": cfg.route_scale, "scoring_func": "sqrtsoftplus", "topk_method": "noaux_tc",
        "norm_topk_prob": True, "gate_temp": cfg.gate_temp, "swiglu_limit": cfg.limit, "sliding_window": cfg.window,
        "compress_ratios": cfg.ratios + [0] * cfg.draft_stages, "kv_source_layer_ids": cfg.kv_sources,
        "index_source_layer_ids": cfg.index_sources, "candidate_source_layer_id": cfg.candidate_source,
        "candidate_topk_blocks": cfg.candidate_blocks, "candidate_block_size": cfg.candidate_block,
        "index_n_heads": cfg.index_heads, "index_head_dim": cfg.index_dim, "index_topk": cfg.index_top_k,
        "hc_mult": cfg.streams, "hc_sinkhorn_iters": cfg.sinkhorn, "hc_eps": cfg.hc_eps, "rms_norm_eps": cfg.eps,
        "rope_theta": cfg.theta, "compress_rope_theta": cfg.compress_theta, "max_position_embeddings": 4096,
        "rope_scaling": {"rope_type": "yarn", "factor": cfg.yarn_factor, "beta_fast": cfg.yarn_fast,
                         "beta_slow": cfg.yarn_slow, "original_max_position_embeddings": cfg.yarn_context},
        "engram_layer_ids": cfg.engram_layers, "engram_vocab_size": cfg.engram_vocab,
        "engram_num_embeddings": plan.rows, "engram_max_ngram_size": cfg.engram_ngram,
        "engram_n_heads": cfg.engram_heads, "engram_head_dim": cfg.engram_dim, "engram_pad_id": cfg.engram_pad,
        "engram_compressed_vocab_size": plan.size, "num_nextn_predict_layers": cfg.draft_stages,
        "bos_token_id": 0, "eos_token_id": 1, "tie_word_embeddings": False, "hidden_act": "silu",
    }
    if cfg.draft_stages:
        text.update({"dspark_block_size": cfg.draft_block, "dspark_noise_token_id": cfg.draft_noise,
                     "dspark_target_layer_ids": cfg.draft_targets, "dspark_markov_rank": cfg.draft_rank,
                     "dspark_n_routed_experts": cfg.draft_experts, "dspark_num_experts_per_tok": cfg.draft_top_k})
    return {"architectures": ["DeepseekV41ForCausalLM"], "model_type": "deepseek_v41", "torch_dtype": "bfloat16",
            "text_config": text, "bos_token_id": 0, "eos_token_id": 1,
            "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "scale_fmt": "ue8m0",
                                    "activation_scheme": "dynamic", "weight_block_size": [32, 32]}}


# ---------------------------------------------------------------------------------------------- fixtures

SEED, TOKENS = 139, 96


def model(seed=None):
    cfg, seed = Config(), SEED if seed is None else seed
    tokens = v4.random_tokens(cfg, seed, TOKENS)
    # Runs of repeated text, so that different positions meet in the same Engram rows.
    tokens[40:52] = tokens[10:22]
    return cfg, random_weights(cfg, seed), tokens


def self_test():
    """A float32 run takes the same decisions and stays close to the float64 one."""
    problems, (cfg, w, tokens) = [], model()
    for quantise in (True, False):
        exact, _ = forward(tokens, w, cfg, quantise, quantise)
        with c.arithmetic(np.float32):
            single, _ = forward(tokens, c.cast(w, np.float32), cfg, quantise, quantise)
        d = c.relative_difference(single, exact)
        if d > c.SAME_DECISIONS:
            problems.append("deepseek41: float32 differs by %.2g (quantise %s): choose another seed" % (d, quantise))
    return problems


def fixtures():
    cfg, w, tokens = model()
    f, at = c.Fixture("deepseek41"), np.arange(0, TOKENS, 5)
    f.add_gguf("model.gguf", gguf(w, cfg, "oracle-deepseek41"))
    f.add_json("hf/config.json", hf_config(cfg))
    f.add_tensors("hf/model.safetensors", checkpoint(w))
    for file, quantise in (("expected", True), ("expected_plain", False)):
        logits, trace = forward(tokens, w, cfg, quantise, quantise)
        out = v4.expected(tokens, at, logits, trace, cfg)
        for i, rows in trace.hash_rows.items():
            out["engram_rows.%d" % i] = ("I32", rows)
            out["engram_gate.%d" % i] = ("F32", trace.gates[i])
        out["candidates.%d" % cfg.candidate_source] = ("U8", trace.candidates)
        state = "on" if quantise else "off"
        f.add_tensors(file + ".safetensors", out, {"quantise_kv": state, "quantise_index": state,
                                                   "safety": "%.1e" % safety(trace)})
    yield f
