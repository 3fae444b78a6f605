"""The layers that Qwen3-Next and Qwen3.5-MoE share: gated delta net, gated attention, experts with a shared one.

Gated delta net, one token t, for each value head (S is [key, value], zero at the start):
    S <- exp(g) S;  S <- S + k (beta (v - k^T S))^T;  o = q^T S
with q, k, v from a causal depthwise convolution over 4 tokens followed by SiLU, q and k scaled to length one (epsilon
1e-6 under the root) and q by key^-1/2, beta = sigmoid(b), g = -exp(A_log) softplus(a + dt_bias). Key head j serves the
r consecutive value heads j r .. j r + r - 1. The output of each value head is rms(o) * weight * silu(z).

Gated attention: q_proj gives, head by head, [query | gate]; queries and keys are RMS-normed over the head; only the
first quarter (here: ROTARY) of each head is rotated, pairs (i, i + half); the attention output is multiplied by
sigmoid(gate) before o_proj. The three position axes of the multimodal rotary embedding coincide for text.

RMS norms of the residual stream, of queries and keys multiply by 1 + weight; the delta net's own by weight.

Sources: "Gated Delta Networks" (2412.06464), the published config.json files, the public reference implementations
(formulas only).
"""
import numpy as np

import common
import parts
from qwen3moe import QWEN_CONTROL, qwen_vocabulary  # noqa: F401  (the families use them from here)

D, HEADS, KV_HEADS, HEAD, ROTARY = 32, 4, 2, 16, 8
KEY_HEADS, VALUE_HEADS, STATE, KERNEL = 2, 4, 16, 4
GROUP = VALUE_HEADS // KEY_HEADS
KEY, VALUE = KEY_HEADS * STATE, VALUE_HEADS * STATE
LAYERS, INTERVAL, TOP_K, WIDTH = 3, 2, 2, 16
BASE, EPS = 10000000.0, 1e-6


def is_full(layer):
    return (layer + 1) % INTERVAL == 0


def norm1p(x, weight):
    return common.rms_norm(x, 1.0 + weight, EPS)


class Maker:
    """Random weights under checkpoint names; norms that act as 1 + weight are drawn around zero."""

    def __init__(self, seed):
        self.draw, self.w = common.Draw(seed), {}

    def matrix(self, name, rows, columns, gain=1.0):
        self.w[name + ".weight"] = self.draw.grid(name, (rows, columns), gain / np.sqrt(columns))

    def zero_norm(self, name, n):
        self.w[name + ".weight"] = self.draw.around_one(name, (n,)) - 1.0

    def attention(self, p):
        self.matrix(p + "q_proj", HEADS * 2 * HEAD, D)
        self.matrix(p + "k_proj", KV_HEADS * HEAD, D)
        self.matrix(p + "v_proj", KV_HEADS * HEAD, D)
        self.matrix(p + "o_proj", D, HEADS * HEAD, 1.5)
        self.zero_norm(p + "q_norm", HEAD)
        self.zero_norm(p + "k_norm", HEAD)

    def delta_net_rest(self, p):
        """Everything but the input projections, which the two families lay out differently."""
        channels = 2 * KEY + VALUE
        self.w[p + "conv1d.weight"] = self.draw.grid(p + "conv", (channels, 1, KERNEL), 0.5)
        self.w[p + "A_log"] = self.draw.grid(p + "A", (VALUE_HEADS,), 0.7) - 1.5
        self.w[p + "dt_bias"] = self.draw.grid(p + "dt", (VALUE_HEADS,), 0.5)
        self.w[p + "norm.weight"] = self.draw.around_one(p + "norm", (STATE,))
        self.matrix(p + "out_proj", D, VALUE)

    def mlp(self, p, width):
        self.matrix(p + "gate_proj", width, D, 1.5)
        self.matrix(p + "up_proj", width, D)
        self.matrix(p + "down_proj", D, width)


def convolution(x, weight):
    """Causal, depthwise, then SiLU: x [T, channels], weight [channels, 1, KERNEL]; the last tap is the token itself."""
    padded = np.concatenate([np.zeros((KERNEL - 1, x.shape[1])), x])
    taps = weight[:, 0, :]
    return common.silu(sum(padded[j : j + len(x)] * taps[:, j] for j in range(KERNEL)))


def unit(x):
    return x / np.sqrt(np.sum(x * x, axis=-1, keepdims=True) + 1e-6)


def delta_net(w, p, q, k, v, z, b, a):
    """q, k [T, KEY], v, z [T, VALUE] before the convolution, b, a [T, VALUE_HEADS] -> the block's output [T, D]."""
    mixed = convolution(np.concatenate([q, k, v], axis=1), w[p + "conv1d.weight"])
    q = unit(parts.heads(mixed[:, :KEY], KEY_HEADS)) * STATE**-0.5
    k = unit(parts.heads(mixed[:, KEY : 2 * KEY], KEY_HEADS))
    q, k = np.repeat(q, GROUP, axis=1), np.repeat(k, GROUP, axis=1)
    v = parts.heads(mixed[:, 2 * KEY :], VALUE_HEADS)
    beta = common.sigmoid(b)
    decay = np.exp(-np.exp(w[p + "A_log"]) * common.softplus(a + w[p + "dt_bias"]))
    state = np.zeros((VALUE_HEADS, STATE, STATE))
    out = np.empty(v.shape)
    for t in range(len(q)):
        state = state * decay[t, :, None, None]
        known = np.einsum("hk,hkv->hv", k[t], state)
        state = state + k[t][:, :, None] * (beta[t, :, None] * (v[t] - known))[:, None, :]
        out[t] = np.einsum("hk,hkv->hv", q[t], state)
    gated = common.rms_norm(out, w[p + "norm.weight"], EPS) * common.silu(parts.heads(z, VALUE_HEADS))
    return common.linear(gated.reshape(len(q), -1), w[p + "out_proj.weight"]), state


def gated_attention(w, p, h):
    positions, frequencies = np.arange(len(h)), common.rope_frequencies(ROTARY, BASE)
    both = parts.heads(common.linear(h, w[p + "q_proj.weight"]), HEADS)
    q, gate = both[..., :HEAD], both[..., HEAD:].reshape(len(h), -1)
    q = norm1p(q, w[p + "q_norm.weight"])
    k = norm1p(parts.heads(common.linear(h, w[p + "k_proj.weight"]), KV_HEADS), w[p + "k_norm.weight"])
    v = parts.heads(common.linear(h, w[p + "v_proj.weight"]), KV_HEADS)
    q = common.rope(q, positions, frequencies, interleaved=False)
    k = common.rope(k, positions, frequencies, interleaved=False)
    mixed = parts.attention(q, k, v, HEAD**-0.5) * common.sigmoid(gate)
    return common.linear(mixed, w[p + "o_proj.weight"])


def experts(w, p, h, layer, stacks, trace):
    """stacks: gate, up [E, WIDTH, D] and down [E, D, WIDTH]."""
    probability = common.softmax(common.linear(h, w[p + "gate.weight"]))
    chosen = parts.top_k(probability, TOP_K)
    weights = np.take_along_axis(probability, chosen, axis=1)
    weights = weights / np.sum(weights, axis=1, keepdims=True)
    trace.routed(layer, chosen, weights, probability)
    routed = parts.mixture(chosen, weights, parts.experts_swiglu(h, *stacks))
    shared = parts.mlp_swiglu(h, *(w[p + "shared_expert.%s_proj.weight" % n] for n in ("gate", "up", "down")))
    return routed + common.sigmoid(common.linear(h, w[p + "shared_expert_gate.weight"])) * shared


def forward(w, prefix, tokens, project, expert_stacks):
    """project(w, p, h) -> q, k, v, z, b, a of a delta net; expert_stacks(w, p) -> gate, up, down."""
    trace = parts.Trace(tokens)
    x = w[prefix + "embed_tokens.weight"][tokens]
    for i in range(LAYERS):
        p = prefix + "layers.%d." % i
        h = norm1p(x, w[p + "input_layernorm.weight"])
        if is_full(i):
            x = x + gated_attention(w, p + "self_attn.", h)
        else:
            out, state = delta_net(w, p + "linear_attn.", *project(w, p + "linear_attn.", h))
            x = x + out
            trace.extra["state.%d" % i] = state
        h = norm1p(x, w[p + "post_attention_layernorm.weight"])
        x = x + experts(w, p + "mlp.", h, i, expert_stacks(w, p + "mlp."), trace)
        trace.layers.append(x)
    trace.logits = common.linear(norm1p(x, w[prefix + "norm.weight"]), w["lm_head.weight"])
    return trace


def layer_types():
    return ["full_attention" if is_full(i) else "linear_attention" for i in range(LAYERS)]


def gguf_keys(expert_count):
    c = common
    return [
        ("block_count", c.U32, LAYERS), ("context_length", c.U32, 262144), ("embedding_length", c.U32, D),
        ("attention.head_count", c.U32, HEADS), ("attention.head_count_kv", c.U32, KV_HEADS),
        ("rope.freq_base", c.F32, BASE), ("attention.layer_norm_rms_epsilon", c.F32, EPS),
        ("expert_count", c.U32, expert_count), ("expert_used_count", c.U32, TOP_K), ("attention.key_length", c.U32, HEAD),
        ("attention.value_length", c.U32, HEAD), ("expert_feed_forward_length", c.U32, WIDTH),
        ("expert_shared_feed_forward_length", c.U32, WIDTH), ("ssm.conv_kernel", c.U32, KERNEL),
        ("ssm.state_size", c.U32, STATE), ("ssm.group_count", c.U32, KEY_HEADS),
        ("ssm.time_step_rank", c.U32, VALUE_HEADS), ("ssm.inner_size", c.U32, VALUE),
        ("full_attention_interval", c.U32, INTERVAL), ("rope.dimension_count", c.U32, ROTARY)]


def gguf_common(g, w, prefix, expert_stacks, value_heads):
    """The tensors that both families write alike; value_heads(array, axis, width) puts value heads in the file's order."""
    g.tensor("token_embd.weight", w[prefix + "embed_tokens.weight"], "BF16")
    g.tensor("output_norm.weight", 1.0 + w[prefix + "norm.weight"])
    g.tensor("output.weight", w["lm_head.weight"])
    for i in range(LAYERS):
        p, b = prefix + "layers.%d." % i, "blk.%d." % i
        g.tensor(b + "attn_norm.weight", 1.0 + w[p + "input_layernorm.weight"])
        g.tensor(b + "post_attention_norm.weight", 1.0 + w[p + "post_attention_layernorm.weight"])
        if is_full(i):
            a = p + "self_attn."
            for hf, short in (("q_proj", "attn_q"), ("k_proj", "attn_k"), ("v_proj", "attn_v"), ("o_proj", "attn_output")):
                g.tensor(b + short + ".weight", w[a + hf + ".weight"])
            g.tensor(b + "attn_q_norm.weight", 1.0 + w[a + "q_norm.weight"])
            g.tensor(b + "attn_k_norm.weight", 1.0 + w[a + "k_norm.weight"])
        else:
            a = p + "linear_attn."
            taps = w[a + "conv1d.weight"][:, 0, :]
            taps = np.concatenate([taps[: 2 * KEY], value_heads(taps[2 * KEY :], 0, STATE)])
            g.tensor(b + "ssm_conv1d.weight", taps)
            g.tensor(b + "ssm_dt.bias", value_heads(w[a + "dt_bias"], 0, 1))
            g.tensor(b + "ssm_a", value_heads(-np.exp(w[a + "A_log"]), 0, 1))
            g.tensor(b + "ssm_norm.weight", w[a + "norm.weight"])
            g.tensor(b + "ssm_out.weight", value_heads(w[a + "out_proj.weight"], 1, STATE))
        g.tensor(b + "ffn_gate_inp.weight", w[p + "mlp.gate.weight"])
        for part, values in zip(("gate", "up", "down"), expert_stacks(w, p + "mlp.")):
            g.tensor(b + "ffn_%s_exps.weight" % part, values)
        for part in ("gate", "up", "down"):
            g.tensor(b + "ffn_%s_shexp.weight" % part, w[p + "mlp.shared_expert.%s_proj.weight" % part])
        g.tensor(b + "ffn_gate_inp_shexp.weight", w[p + "mlp.shared_expert_gate.weight"][0])
