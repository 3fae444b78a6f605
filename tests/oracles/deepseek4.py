"""Oracle of the DeepSeek-V4 forward pass (arch `deepseek4`), float64, whole sequence at once.

Sources: the DeepSeek-V4 and mHC papers (arXiv 2512.24880), HF transformers' deepseek_v4 and deepseek_v41
(names, orders), llama.cpp's deepseek4 (GGUF names and shapes). Where they leave a choice open, README.md in
this folder says what was taken.

Weights live in a dict under the checkpoint's own names without ".weight": `layers.0.attn.wq_a` [out, in].
"""
from dataclasses import dataclass, field, replace

import numpy as np

import common as c


@dataclass
class Config:
    vocab: int = 264
    width: int = 32
    heads: int = 4
    head_dim: int = 72  # 64 plain dimensions = one e4m3 block, 8 rotated ones at the end
    rope_dim: int = 8
    q_rank: int = 16
    o_groups: int = 2
    o_rank: int = 8
    experts: int = 8
    top_k: int = 2
    expert_width: int = 8
    route_scale: float = 1.5
    hash_layers: int = 1
    limit: float = 1.5  # V4 has 10; small here, so that the clamp really acts
    window: int = 16
    ratios: list = field(default_factory=lambda: [0, 0, 4, 128, 4])
    index_heads: int = 8
    index_dim: int = 64
    index_top_k: int = 8
    streams: int = 4
    sinkhorn: int = 20
    hc_eps: float = 1e-6
    eps: float = 1e-6
    theta: float = 1e4
    compress_theta: float = 1.6e5
    yarn_factor: float = 16.0
    yarn_context: int = 65536
    yarn_fast: float = 32.0
    yarn_slow: float = 1.0
    next_layers: int = 0  # MTP blocks
    e4m3_block: int = 64
    e2m1_block: int = 32

    @property
    def layers(self):
        return len(self.ratios)


class Trace:
    """What a forward pass leaves behind besides its logits, and how near it came to a different rounding."""

    def __init__(self):
        self.layers, self.router, self.router_margin, self.router_weights = [], [], [], []
        self.index, self.index_margin, self.rounding = {}, {}, []
        self.streams = None


# ---------------------------------------------------------------------------------------------- mHC


def sinkhorn(logits, rounds, eps):
    """logits [..., n, n] -> nearly doubly stochastic. Softmax over the last axis, + eps, one column step,
    then rounds - 1 times {row step, column step}; the last step is a column step."""
    m = c.softmax(logits, axis=-1) + eps
    m = m / (np.sum(m, axis=-2, keepdims=True) + eps)
    for _ in range(rounds - 1):
        m = m / (np.sum(m, axis=-1, keepdims=True) + eps)
        m = m / (np.sum(m, axis=-2, keepdims=True) + eps)
    return m


def hc_split(streams, fn, base, scale, cfg):
    """streams [T, n, d] -> pre [T, n], post [T, n], mix [T, n, n]. fn [(2+n)n, n*d]."""
    t, n, d = streams.shape
    m = c.linear(c.rms_norm(streams.reshape(t, n * d), None, cfg.eps), fn)
    pre = c.sigmoid(scale[0] * m[:, :n] + base[:n]) + cfg.hc_eps
    post = 2.0 * c.sigmoid(scale[1] * m[:, n:2 * n] + base[n:2 * n])
    mix = (scale[2] * m[:, 2 * n:] + base[2 * n:]).reshape(t, n, n)
    return pre, post, sinkhorn(mix, cfg.sinkhorn, cfg.hc_eps)


def hc_collapse(streams, pre):
    return np.einsum("tn,tnd->td", pre, streams)


def hc_expand(y, streams, post, mix):
    """New stream k = post_k * y + sum over j of mix[j, k] * stream j."""
    return post[:, :, None] * y[:, None, :] + np.einsum("tjk,tjd->tkd", mix, streams)


def hc_head(streams, fn, base, scale, cfg):
    """Weighted sum of the streams before the output norm. fn [n, n*d], scale [1]."""
    t, n, d = streams.shape
    m = c.linear(c.rms_norm(streams.reshape(t, n * d), None, cfg.eps), fn)
    return hc_collapse(streams, c.sigmoid(scale[0] * m + base) + cfg.hc_eps)


# ---------------------------------------------------------------------------------------------- attention


def frequencies(cfg, ratio):
    if ratio == 0:
        return c.rope_frequencies(cfg.rope_dim, cfg.theta)
    return c.rope_frequencies(cfg.rope_dim, cfg.compress_theta, cfg.yarn_factor, cfg.yarn_context, cfg.yarn_fast,
                              cfg.yarn_slow)


def store_kv(rows, cfg, quantise, trace=None):
    """Key/value rows as the published cache layout holds them: the plain dimensions in e4m3, the rotated ones in
    BF16."""
    if not quantise:
        return rows
    plain, margins, out = cfg.head_dim - cfg.rope_dim, [], rows.copy()
    out[..., :plain] = c.fake_e4m3(rows[..., :plain], cfg.e4m3_block, margins)
    out[..., plain:] = c.round_bf16(rows[..., plain:])
    if trace is not None:
        top = np.max(np.abs(rows), axis=-1, keepdims=True)
        trace.rounding += margins + [c.rounding_margin(rows[..., plain:], np.ones_like(top), top, 7, -126)]
    return out


def store_index(rows, cfg, quantise, trace=None):
    """Index queries and keys: Hadamard over the whole row, then e2m1."""
    rows = c.hadamard(rows)
    return c.fake_e2m1(rows, cfg.e2m1_block, margins=None if trace is None else trace.rounding) if quantise else rows


def compress(x, wkv, wgate, ape, norm, ratio, eps):
    """Rows of the complete groups of x [T, d], before RoPE: [T // ratio, width].

    ratio 4 overlaps: wkv and wgate give 2 * width channels; the previous group's tokens take part with the
    first half of the channels, the current group's tokens with the second half. ape [ratio, channels].
    """
    groups = x.shape[0] // ratio
    used = groups * ratio
    kv = c.linear(x[:used], wkv).reshape(groups, ratio, -1)
    gate = c.linear(x[:used], wgate).reshape(groups, ratio, -1) + ape
    if ratio == 4:
        width = kv.shape[-1] // 2
        before_kv = np.zeros((groups, ratio, width))
        before_gate = np.full((groups, ratio, width), -np.inf)
        before_kv[1:], before_gate[1:] = kv[:-1, :, :width], gate[:-1, :, :width]
        kv = np.concatenate([before_kv, kv[:, :, width:]], axis=1)
        gate = np.concatenate([before_gate, gate[:, :, width:]], axis=1)
    return c.rms_norm(np.sum(c.softmax(gate, axis=1) * kv, axis=1), norm, eps)


def pick_rows(scores, visible, k):
    """scores [T, n]; query t may see rows < visible[t]. Returns ([T, k] picked rows ascending, -1 padded, and
    [T] margins: how far the scores are from another choice, relative to the largest score seen)."""
    t = scores.shape[0]
    picks, margins = np.full((t, k), -1, np.int64), np.full(t, 1e9)
    for i in range(t):
        s = scores[i, :visible[i]]
        chosen = c.top_k_low_index(s, min(k, len(s)))
        picks[i, :len(chosen)] = np.sort(chosen)
        if len(s) > k:
            margins[i] = choice_margin(s, chosen)
    return picks, margins


def choice_margin(s, chosen):
    """Gap between the last chosen and the first rejected value. When both are exactly equal (ReLU makes exact
    zeros) the lowest index wins and the gap that counts is the one to the next different value."""
    rest = np.delete(s, chosen)
    if not rest.size:
        return 1e9
    last, first = np.min(s[chosen]), np.max(rest)
    top = max(np.max(np.abs(s)), 1e-30)
    if last != first:
        return (last - first) / top
    others = s[s != last]
    return np.min(np.abs(others - last)) / top if others.size else 1e9


def index_scores(x, a, keys, w, p, freqs, cfg, quantise, trace):
    """score[t, i] = sum over heads of w_h * ReLU(q_h . k_i), w = (W_w x) / sqrt(heads * dim)."""
    t = x.shape[0]
    q = c.linear(a, w[p + "wq_b"]).reshape(t, cfg.index_heads, cfg.index_dim)
    q = store_index(c.rope(q, np.arange(t), freqs, trailing=True), cfg, quantise, trace)
    weight = c.linear(x, w[p + "weights_proj"]) / np.sqrt(cfg.index_heads * cfg.index_dim)
    return np.einsum("th,thn->tn", weight, np.maximum(np.einsum("thd,nd->thn", q, keys), 0.0))


def attend(q, window_kv, extra_kv, extra_allowed, sink, cfg):
    """q [T, heads, dim]; window rows are visible to the last `window` tokens, extra rows where
    extra_allowed [T, n]. K = V. The sink joins the denominator only."""
    t = q.shape[0]
    i, j = np.arange(t)[:, None], np.arange(t)[None, :]
    allowed = (j <= i) & (j > i - cfg.window)
    kv = window_kv
    if extra_kv is not None and len(extra_kv):
        kv = np.concatenate([window_kv, extra_kv])
        allowed = np.concatenate([allowed, extra_allowed], axis=1)
    logits = np.einsum("thd,nd->thn", q, kv) / np.sqrt(q.shape[-1])
    logits = np.where(allowed[:, None, :], logits, -np.inf)
    logits = np.concatenate([logits, np.broadcast_to(sink[None, :, None], logits.shape[:2] + (1,))], axis=-1)
    return np.einsum("thn,nd->thd", c.softmax(logits)[..., :-1], kv)


def grouped_output(o, wo_a, wo_b, cfg):
    """o [T, heads, dim] -> groups of neighbouring heads, each through its block of wo_a, then wo_b."""
    t = o.shape[0]
    per = cfg.heads * cfg.head_dim // cfg.o_groups
    blocks = wo_a.reshape(cfg.o_groups, cfg.o_rank, per)
    mid = np.einsum("tgi,goi->tgo", o.reshape(t, cfg.o_groups, per), blocks)
    return c.linear(mid.reshape(t, -1), wo_b)


def attention(x, w, p, ratio, layer, cfg, quantise_kv, quantise_index, trace):
    t = x.shape[0]
    positions, freqs = np.arange(t), frequencies(cfg, ratio)
    a = c.rms_norm(c.linear(x, w[p + "wq_a"]), w[p + "q_norm"], cfg.eps)
    q = c.linear(a, w[p + "wq_b"]).reshape(t, cfg.heads, cfg.head_dim)
    q = c.rope(c.rms_norm(q, None, cfg.eps), positions, freqs, trailing=True)
    kv = c.rope(c.rms_norm(c.linear(x, w[p + "wkv"]), w[p + "kv_norm"], cfg.eps), positions, freqs, trailing=True)
    kv = store_kv(kv, cfg, quantise_kv, trace)
    rows, allowed = None, None
    if ratio:
        def pooled(prefix):
            return compress(x, *(w[prefix + n] for n in ("wkv", "wgate", "ape", "norm")), ratio, cfg.eps)

        rows = pooled(p + "compressor.")
        starts = np.arange(len(rows)) * ratio
        rows = store_kv(c.rope(rows, starts, freqs, trailing=True), cfg, quantise_kv, trace)
        visible = (positions + 1) // ratio
        allowed = np.arange(len(rows))[None, :] < visible[:, None]
        if ratio == 4:
            keys = c.rope(pooled(p + "indexer.compressor."), starts, freqs, trailing=True)
            keys = store_index(keys, cfg, quantise_index, trace)
            scores = index_scores(x, a, keys, w, p + "indexer.", freqs, cfg, quantise_index, trace)
            picks, margins = pick_rows(scores, visible, cfg.index_top_k)
            trace.index[layer], trace.index_margin[layer] = picks, margins
            allowed = np.zeros_like(allowed)
            for i in range(t):
                allowed[i, picks[i][picks[i] >= 0]] = True
    o = attend(q, kv, rows, allowed, w[p + "attn_sink"], cfg)
    o = c.rope(o, positions, freqs, trailing=True, inverse=True)
    return grouped_output(o, w[p + "wo_a"], w[p + "wo_b"], cfg)


# ---------------------------------------------------------------------------------------------- experts


def route(x, gate, bias, table_rows, cfg):
    """Returns chosen experts [T, k] and their weights, by descending weight, and the margin [T] of the choice.
    table_rows [T, k]: fixed choice of a hash-routed layer; then bias is not used."""
    score = np.sqrt(c.softplus(c.linear(x, gate)))
    t, k = x.shape[0], cfg.top_k
    chosen, margins = np.zeros((t, k), np.int64), np.full(t, 1e9)
    for i in range(t):
        if table_rows is not None:
            pick = np.asarray(table_rows[i])
        else:
            biased = score[i] + bias
            pick = c.top_k_low_index(biased, k)
            margins[i] = choice_margin(biased, pick)
        chosen[i] = pick[np.lexsort((pick, -score[i][pick]))]
    weight = np.take_along_axis(score, chosen, axis=1)
    weight = weight / (np.sum(weight, axis=1, keepdims=True) + 1e-20) * cfg.route_scale
    return chosen, weight, margins


def expert(x, w, p, limit):
    return c.linear(c.swiglu(c.linear(x, w[p + "w1"]), c.linear(x, w[p + "w3"]), limit), w[p + "w2"])


def feed_forward(x, w, p, tokens, cfg, trace):
    table = w.get(p + "gate.tid2eid")
    chosen, weight, margins = route(x, w[p + "gate"], w.get(p + "gate.bias"), None if table is None else table[tokens],
                                    cfg)
    trace.router.append(chosen)
    trace.router_weights.append(weight)
    trace.router_margin.append(margins)
    y = expert(x, w, p + "shared_experts.", cfg.limit)
    for e in range(cfg.experts):
        token, slot = np.nonzero(chosen == e)
        if len(token):
            y[token] += weight[token, slot][:, None] * expert(x[token], w, p + "experts.%d." % e, cfg.limit)
    return y


# ---------------------------------------------------------------------------------------------- model


def block(streams, tokens, w, p, ratio, layer, cfg, quantise_kv, quantise_index, trace):
    """One layer over the streams [T, n, d]: an attention site, then a feed-forward site."""
    pre, post, mix = hc_split(streams, w[p + "hc_attn_fn"], w[p + "hc_attn_base"], w[p + "hc_attn_scale"], cfg)
    x = c.rms_norm(hc_collapse(streams, pre), w[p + "attn_norm"], cfg.eps)
    y = attention(x, w, p + "attn.", ratio, layer, cfg, quantise_kv, quantise_index, trace)
    streams = hc_expand(y, streams, post, mix)
    pre, post, mix = hc_split(streams, w[p + "hc_ffn_fn"], w[p + "hc_ffn_base"], w[p + "hc_ffn_scale"], cfg)
    x = c.rms_norm(hc_collapse(streams, pre), w[p + "ffn_norm"], cfg.eps)
    return hc_expand(feed_forward(x, w, p + "ffn.", tokens, cfg, trace), streams, post, mix)


def output(streams, w, head, norm, cfg):
    x = hc_head(streams, w[head + "hc_head_fn"], w[head + "hc_head_base"], w[head + "hc_head_scale"], cfg)
    return c.linear(c.rms_norm(x, w[norm], cfg.eps), w["head"])


def forward(tokens, w, cfg, quantise_kv=True, quantise_index=True):
    """tokens [T] -> (logits [T, vocab], Trace)."""
    trace = Trace()
    streams = np.repeat(w["embed"][tokens][:, None, :], cfg.streams, axis=1)
    for i, ratio in enumerate(cfg.ratios):
        streams = block(streams, tokens, w, "layers.%d." % i, ratio, i, cfg, quantise_kv, quantise_index, trace)
        trace.layers.append(streams)
    trace.streams = streams
    return output(streams, w, "", "norm", cfg), trace


def forward_mtp(streams, next_tokens, w, cfg, quantise_kv=True):
    """The draft block over the final streams [T, n, d]: row t takes the streams of token t and the token that
    follows it, and gives logits of the token after that. A window-only block with no cache of earlier rows but
    its own. Returns (logits, streams after the block, Trace)."""
    trace, p = Trace(), "mtp.0."
    e = c.linear(c.rms_norm(w["embed"][next_tokens], w[p + "enorm"], cfg.eps), w[p + "e_proj"])
    h = c.linear(c.rms_norm(streams, w[p + "hnorm"], cfg.eps), w[p + "h_proj"])
    streams = block(e[:, None, :] + h, next_tokens, w, p, 0, cfg.layers, cfg, quantise_kv, False, trace)
    return output(streams, w, p, p + "norm", cfg), streams, trace


# ---------------------------------------------------------------------------------------------- random models


def _layer_weights(d, w, p, ratio, hashed, cfg, fp4_experts):
    width, hd, n = cfg.width, cfg.head_dim, cfg.streams

    def g(name, shape, gain=1.0):
        w[p + name] = d.grid(p + name, shape, gain / np.sqrt(shape[-1]))

    for site in ("attn", "ffn"):
        g("hc_%s_fn" % site, ((2 + n) * n, n * width), 1.5)
        w[p + "hc_%s_base" % site] = d.grid(p + site + "base", ((2 + n) * n,), 0.7)
        w[p + "hc_%s_scale" % site] = np.array([0.75, 0.5, 2.5])
        w[p + "%s_norm" % site] = d.around_one(p + site + "norm", (width,))
    g("attn.wq_a", (cfg.q_rank, width))
    w[p + "attn.q_norm"] = d.around_one(p + "q_norm", (cfg.q_rank,))
    g("attn.wq_b", (cfg.heads * hd, cfg.q_rank), 1.5)
    g("attn.wkv", (hd, width))
    w[p + "attn.kv_norm"] = d.around_one(p + "kv_norm", (hd,))
    w[p + "attn.attn_sink"] = d.grid(p + "sink", (cfg.heads,), 1.0)
    g("attn.wo_a", (cfg.o_groups * cfg.o_rank, cfg.heads * hd // cfg.o_groups), 3.0)
    g("attn.wo_b", (width, cfg.o_groups * cfg.o_rank), 1.5)
    if ratio:
        parts = [("attn.compressor.", hd)] + ([("attn.indexer.compressor.", cfg.index_dim)] if ratio == 4 else [])
        for prefix, size in parts:
            channels = 2 * size if ratio == 4 else size
            g(prefix + "wkv", (channels, width))
            g(prefix + "wgate", (channels, width), 1.5)
            w[p + prefix + "ape"] = d.grid(p + prefix + "ape", (ratio, channels), 0.5)
            w[p + prefix + "norm"] = d.around_one(p + prefix + "norm", (size,))
    if ratio == 4:
        g("attn.indexer.wq_b", (cfg.index_heads * cfg.index_dim, cfg.q_rank))
        g("attn.indexer.weights_proj", (cfg.index_heads, width), 1.5)
    g("ffn.gate", (cfg.experts, width), 2.0)
    if hashed:
        first = d.integers(p + "tid2eid", (cfg.vocab, 1), cfg.experts)
        step = 1 + d.integers(p + "tid2eid.step", (cfg.vocab, 1), cfg.experts // cfg.top_k)
        w[p + "ffn.gate.tid2eid"] = (first + step * np.arange(cfg.top_k)) % cfg.experts
    else:
        w[p + "ffn.gate.bias"] = d.grid(p + "ffn.gate.bias", (cfg.experts,), 0.2)
    names = ["experts.%d." % e for e in range(cfg.experts)] + ["shared_experts."]
    for name in names:
        draw = d.grid_e2m1 if fp4_experts and name != "shared_experts." else d.grid
        for m, shape in (("w1", (cfg.expert_width, width)), ("w3", (cfg.expert_width, width)),
                         ("w2", (width, cfg.expert_width))):
            key = p + "ffn." + name + m
            w[key] = draw(key, shape, (2.0 if m == "w2" else 1.25) / np.sqrt(shape[-1]))


def random_weights(cfg, seed, fp4_experts=False):
    d, w = c.Draw(seed), {}
    w["embed"] = d.grid("embed", (cfg.vocab, cfg.width), 1.0)
    w["head"] = d.grid("head", (cfg.vocab, cfg.width), 2.0 / np.sqrt(cfg.width))
    w["norm"] = d.around_one("norm", (cfg.width,))
    n = cfg.streams
    w["hc_head_fn"] = d.grid("hc_head_fn", (n, n * cfg.width), 1.5 / np.sqrt(n * cfg.width))
    w["hc_head_base"] = d.grid("hc_head_base", (n,), 0.5)
    w["hc_head_scale"] = np.array([0.75])
    for i, ratio in enumerate(cfg.ratios):
        _layer_weights(d, w, "layers.%d." % i, ratio, i < cfg.hash_layers, cfg, fp4_experts)
    for i in range(cfg.next_layers):
        p = "mtp.%d." % i
        _layer_weights(d, w, p, 0, False, cfg, fp4_experts)
        for name in ("e_proj", "h_proj"):
            w[p + name] = d.grid(p + name, (cfg.width, cfg.width), 0.75 / np.sqrt(cfg.width))
        for name in ("enorm", "hnorm", "norm"):
            w[p + name] = d.around_one(p + name, (cfg.width,))
        for name in ("hc_head_fn", "hc_head_base", "hc_head_scale"):
            w[p + name] = w[name]  # a llama.cpp file has no place for a draft block's own head
    return w


def random_tokens(cfg, seed, n):
    return 3 + c.Draw(seed).integers("tokens", (n,), cfg.vocab - 8)


# ---------------------------------------------------------------------------------------------- files

FIRST = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>"]
LAST = ["<｜User｜>", "<｜Assistant｜>", "<think>", "</think>", "｜DSML｜"]

_GGUF_LAYER = [
    ("attn_norm", "attn_norm.weight"), ("ffn_norm", "ffn_norm.weight"),
    ("hc_attn_fn", "hc_attn_fn.weight"), ("hc_attn_base", "hc_attn_base.weight"),
    ("hc_attn_scale", "hc_attn_scale.weight"), ("hc_ffn_fn", "hc_ffn_fn.weight"),
    ("hc_ffn_base", "hc_ffn_base.weight"), ("hc_ffn_scale", "hc_ffn_scale.weight"),
    ("attn.wq_a", "attn_q_a.weight"), ("attn.q_norm", "attn_q_a_norm.weight"), ("attn.wq_b", "attn_q_b.weight"),
    ("attn.wkv", "attn_kv.weight"), ("attn.kv_norm", "attn_kv_a_norm.weight"), ("attn.attn_sink", "attn_sinks.weight"),
    ("attn.wo_a", "attn_output_a.weight"), ("attn.wo_b", "attn_output_b.weight"),
    ("attn.compressor.wkv", "attn_compressor_kv.weight"), ("attn.compressor.wgate", "attn_compressor_gate.weight"),
    ("attn.compressor.ape", "attn_compressor_ape.weight"), ("attn.compressor.norm", "attn_compressor_norm.weight"),
    ("attn.indexer.wq_b", "indexer.attn_q_b.weight"), ("attn.indexer.weights_proj", "indexer.proj.weight"),
    ("attn.indexer.compressor.wkv", "indexer_compressor_kv.weight"),
    ("attn.indexer.compressor.wgate", "indexer_compressor_gate.weight"),
    ("attn.indexer.compressor.ape", "indexer_compressor_ape.weight"),
    ("attn.indexer.compressor.norm", "indexer_compressor_norm.weight"),
    ("ffn.gate", "ffn_gate_inp.weight"), ("ffn.gate.bias", "exp_probs_b.bias"),
    ("ffn.gate.tid2eid", "ffn_gate_tid2eid.weight"),
    ("ffn.shared_experts.w1", "ffn_gate_shexp.weight"), ("ffn.shared_experts.w3", "ffn_up_shexp.weight"),
    ("ffn.shared_experts.w2", "ffn_down_shexp.weight"),
    ("enorm", "nextn.enorm.weight"), ("hnorm", "nextn.hnorm.weight"), ("norm", "nextn.shared_head_norm.weight"),
]


def gguf(w, cfg, name):
    g = c.Gguf("deepseek4", name)
    total = cfg.layers + cfg.next_layers
    for key, value in (("block_count", total), ("context_length", 4096), ("embedding_length", cfg.width),
                       ("feed_forward_length", cfg.expert_width), ("vocab_size", cfg.vocab),
                       ("attention.head_count", cfg.heads), ("attention.head_count_kv", 1),
                       ("attention.key_length", cfg.head_dim), ("attention.value_length", cfg.head_dim),
                       ("attention.q_lora_rank", cfg.q_rank), ("attention.output_lora_rank", cfg.o_rank),
                       ("attention.output_group_count", cfg.o_groups), ("attention.sliding_window", cfg.window),
                       ("attention.indexer.head_count", cfg.index_heads),
                       ("attention.indexer.key_length", cfg.index_dim), ("attention.indexer.top_k", cfg.index_top_k),
                       ("rope.dimension_count", cfg.rope_dim),
                       ("rope.scaling.original_context_length", cfg.yarn_context),
                       ("expert_count", cfg.experts), ("expert_used_count", cfg.top_k), ("expert_shared_count", 1),
                       ("expert_feed_forward_length", cfg.expert_width), ("expert_gating_func", 4),
                       ("hash_layer_count", cfg.hash_layers), ("hyper_connection.count", cfg.streams),
                       ("hyper_connection.sinkhorn_iterations", cfg.sinkhorn),
                       ("embedding_length_out", cfg.width * cfg.streams)):
        g.akv(key, c.U32, value)
    if cfg.next_layers:
        g.akv("nextn_predict_layers", c.U32, cfg.next_layers)
    for key, value in (("attention.layer_norm_rms_epsilon", cfg.eps), ("hyper_connection.epsilon", cfg.hc_eps),
                       ("rope.freq_base", cfg.theta), ("attention.compress_rope_freq_base", cfg.compress_theta),
                       ("rope.scaling.factor", cfg.yarn_factor), ("rope.scaling.yarn_beta_fast", cfg.yarn_fast),
                       ("rope.scaling.yarn_beta_slow", cfg.yarn_slow), ("expert_weights_scale", cfg.route_scale)):
        g.akv(key, c.F32, value)
    g.akv("rope.scaling.type", c.STR, "yarn")
    g.akv("expert_weights_norm", c.BOOL, True)
    g.akv("swiglu_clamp_exp", c.ARR, (c.F32, [cfg.limit] * total))
    g.akv("swiglu_clamp_shexp", c.ARR, (c.F32, [cfg.limit] * total))
    g.akv("attention.compress_ratios", c.ARR, (c.I32, cfg.ratios + [0] * cfg.next_layers))
    size = c.tokenizer_keys(g, "deepseek-v3", FIRST, LAST, bos=FIRST[0], eos=FIRST[1], pad=FIRST[2])
    if size != cfg.vocab:
        raise ValueError("vocabulary of %d, model of %d" % (size, cfg.vocab))
    for key, target in (("embed", "token_embd.weight"), ("norm", "output_norm.weight"), ("head", "output.weight"),
                        ("hc_head_fn", "output_hc_fn.weight"), ("hc_head_base", "output_hc_base.weight"),
                        ("hc_head_scale", "output_hc_scale.weight")):
        g.tensor(target, w[key])
    for i in range(total):
        p = "layers.%d." % i if i < cfg.layers else "mtp.%d." % (i - cfg.layers)
        for key, target in _GGUF_LAYER:
            if p + key in w:
                g.tensor("blk.%d.%s" % (i, target), w[p + key], "I32" if "tid2eid" in key else "F32")
        for m, target in (("w1", "gate"), ("w3", "up"), ("w2", "down")):
            g.tensor("blk.%d.ffn_%s_exps.weight" % (i, target),
                     np.stack([w["%sffn.experts.%d.%s" % (p, e, m)] for e in range(cfg.experts)]))
        if p + "e_proj" in w:
            g.tensor("blk.%d.nextn.eh_proj.weight" % i, np.concatenate([w[p + "e_proj"], w[p + "h_proj"]], axis=1))
    return g


_F32_NAMES = ("hc_", "attn_sink", "gate.bias", ".ape")
_BF16_NAMES = ("norm", "embed", "head", "ffn.gate", "compressor.w", "weights_proj")


def checkpoint(w, cfg, fp4_experts):
    """The same weights in the published checkpoint's formats: e4m3 with 128 x 128 ue8m0 scales, routed experts
    in packed e2m1 with ue8m0 scales of 32, the small parts in BF16 or F32. No value changes."""
    out = {}
    for name, value in w.items():
        last = name.split(".")[-1]
        if last == "tid2eid":
            out[name] = ("I64", value)
        elif any(s in name for s in _F32_NAMES):
            out[name] = ("F32", value)
        elif last in ("enorm", "hnorm") or any(s in name for s in _BF16_NAMES):
            out[name + ".weight"] = ("BF16", value)
        elif ".experts." in name and fp4_experts:
            blocks = value.reshape(value.shape[0], -1, 32)
            scale = c.pow2_ceil(np.max(np.abs(blocks), axis=-1, keepdims=True) / 6.0)
            codes = c.encode_e2m1(blocks / scale).reshape(value.shape)
            out[name + ".weight"] = ("I8", (codes[:, 0::2] | (codes[:, 1::2] << 4)).view(np.int8))
            out[name + ".scale"] = ("F8_E8M0", c.encode_ue8m0(scale[..., 0]))
        else:
            rows, cols = value.shape
            codes, scales = np.zeros(value.shape, np.uint8), np.zeros((-(-rows // 128), -(-cols // 128)))
            for r in range(scales.shape[0]):
                for k in range(scales.shape[1]):
                    at = np.s_[r * 128:(r + 1) * 128, k * 128:(k + 1) * 128]
                    scales[r, k] = c.pow2_ceil(np.max(np.abs(value[at])) / 448.0)
                    codes[at] = c.encode_e4m3(value[at] / scales[r, k])
            out[name + ".weight"] = ("F8_E4M3", codes)
            out[name + ".scale"] = ("F8_E8M0", c.encode_ue8m0(scales))
    return out


def hf_config(cfg, fp4_experts):
    return {
        "architectures": ["DeepseekV4ForCausalLM"], "model_type": "deepseek_v4", "torch_dtype": "bfloat16",
        "vocab_size": cfg.vocab, "hidden_size": cfg.width, "num_hidden_layers": cfg.layers,
        "num_attention_heads": cfg.heads, "num_key_value_heads": 1, "head_dim": cfg.head_dim,
        "qk_rope_head_dim": cfg.rope_dim, "q_lora_rank": cfg.q_rank, "o_groups": cfg.o_groups,
        "o_lora_rank": cfg.o_rank, "n_routed_experts": cfg.experts, "num_experts_per_tok": cfg.top_k,
        "n_shared_experts": 1, "moe_intermediate_size": cfg.expert_width, "routed_scaling_factor": cfg.route_scale,
        "scoring_func": "sqrtsoftplus", "topk_method": "noaux_tc", "norm_topk_prob": True,
        "num_hash_layers": cfg.hash_layers, "swiglu_limit": cfg.limit, "sliding_window": cfg.window,
        "compress_ratios": cfg.ratios + [0] * cfg.next_layers, "index_n_heads": cfg.index_heads,
        "index_head_dim": cfg.index_dim, "index_topk": cfg.index_top_k, "hc_mult": cfg.streams,
        "hc_sinkhorn_iters": cfg.sinkhorn, "hc_eps": cfg.hc_eps, "rms_norm_eps": cfg.eps, "rope_theta": cfg.theta,
        "compress_rope_theta": cfg.compress_theta, "max_position_embeddings": 4096,
        "rope_scaling": {"type": "yarn", "factor": cfg.yarn_factor, "beta_fast": cfg.yarn_fast,
                         "beta_slow": cfg.yarn_slow, "original_max_position_embeddings": cfg.yarn_context},
        "num_nextn_predict_layers": cfg.next_layers, "bos_token_id": 0, "eos_token_id": 1,
        "tie_word_embeddings": False, "hidden_act": "silu", "expert_dtype": "fp4" if fp4_experts else "fp8",
        "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "scale_fmt": "ue8m0",
                                "activation_scheme": "dynamic", "weight_block_size": [128, 128]},
    }


# ---------------------------------------------------------------------------------------------- fixtures


def expected(tokens, positions, logits, trace, cfg):
    out = {"tokens": ("I32", tokens), "positions": ("I32", positions), "logits": ("F32", logits[positions])}
    for i in range(cfg.layers):
        out["layer.%d" % i] = ("F32", trace.layers[i][positions].reshape(len(positions), -1))
        out["router.%d" % i] = ("I32", trace.router[i])
        out["router_margin.%d" % i] = ("F32", trace.router_margin[i])
    for i in trace.index:
        out["index.%d" % i] = ("I32", trace.index[i])
        out["index_margin.%d" % i] = ("F32", trace.index_margin[i])
    return out


def safety(trace):
    """How far a run stays from every discrete decision: the smallest relative margin of a rounding, a routing
    and an index choice. Seeds are chosen for it, so that float32 noise does not decide anything."""
    parts = list(trace.rounding)
    parts += [m.min() for m in trace.router_margin + list(trace.index_margin.values())]
    return min(parts) if parts else 1.0


def main_model(seed=None):
    cfg, seed = Config(), MAIN_SEED if seed is None else seed
    return cfg, random_weights(cfg, seed), random_tokens(cfg, seed, 300)


def small_model(seed=None):
    """One layer, wide enough for packed FP4, with a draft block: checkpoint formats and MTP."""
    cfg = replace(Config(), ratios=[4], experts=4, expert_width=32, next_layers=1, index_top_k=4)
    seed = SMALL_SEED if seed is None else seed
    return cfg, random_weights(cfg, seed, fp4_experts=True), random_tokens(cfg, seed, 65)


MAIN_SEED, SMALL_SEED = 627, 50
QUANTISED_TOKENS = 144  # one group of 128 closes; more tokens would mean more roundings near a boundary
MAIN_POSITIONS = [0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 35, 36, 47, 63, 64, 95, 126, 127, 128, 129, 159, 191, 223,
                  254, 255, 256, 257, 283, 298, 299]


def self_test():
    """A float32 run of every fixture takes the same decisions and stays close to the float64 one."""
    problems = []
    for name, model, count in (("deepseek4", main_model, QUANTISED_TOKENS), ("deepseek4_small", small_model, 64)):
        cfg, w, tokens = model()
        for quantise, few in ((True, tokens[:count]), (False, tokens[:300])):
            exact, _ = forward(few, w, cfg, quantise, quantise)
            with c.arithmetic(np.float32):
                single, _ = forward(few, c.cast(w, np.float32), cfg, quantise, quantise)
            d = c.relative_difference(single, exact)
            if d > c.SAME_DECISIONS:
                problems.append("%s: float32 differs by %.2g (quantise %s): choose another seed" % (name, d, quantise))
    return problems


def fixtures():
    cfg, w, tokens = main_model()
    f, at = c.Fixture("deepseek4"), np.array(MAIN_POSITIONS)
    f.add_gguf("model.gguf", gguf(w, cfg, "oracle-deepseek4"))
    few, at_few = tokens[:QUANTISED_TOKENS], at[at < QUANTISED_TOKENS]
    logits, trace = forward(few, w, cfg)
    f.add_tensors("expected.safetensors", expected(few, at_few, logits, trace, cfg),
                  {"quantise_kv": "on", "quantise_index": "on", "safety": "%.1e" % safety(trace)})
    logits, trace = forward(tokens, w, cfg, quantise_kv=False, quantise_index=False)
    f.add_tensors("expected_plain.safetensors", expected(tokens, at, logits, trace, cfg),
                  {"quantise_kv": "off", "quantise_index": "off", "safety": "%.1e" % safety(trace)})
    yield f

    cfg, w, tokens = small_model()
    f, at = c.Fixture("deepseek4_small"), np.arange(0, 64, 4)
    f.add_gguf("model.gguf", gguf(w, cfg, "oracle-deepseek4-small"))
    f.add_json("hf/config.json", hf_config(cfg, True))
    f.add_tensors("hf/model.safetensors", checkpoint(w, cfg, True))
    for file, quantise in (("expected", True), ("expected_plain", False)):
        logits, trace = forward(tokens[:-1], w, cfg, quantise, quantise)
        out = expected(tokens[:-1], at, logits, trace, cfg)
        draft, streams, draft_trace = forward_mtp(trace.streams, tokens[1:], w, cfg, quantise)
        out["mtp.tokens"] = ("I32", tokens[1:])
        out["mtp.logits"] = ("F32", draft[at])
        out["mtp.layer"] = ("F32", streams[at].reshape(len(at), -1))
        out["mtp.router"] = ("I32", draft_trace.router[0])
        state = "on" if quantise else "off"
        f.add_tensors(file + ".safetensors", out, {"quantise_kv": state, "quantise_index": state})
    yield f
