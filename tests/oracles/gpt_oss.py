#!/usr/bin/env python3
"""gpt-oss in float64: attention with sinks and biases, every other layer with a sliding window, YaRN, and experts
with a clamped SwiGLU. Writes fixtures/gpt_oss; --check compares with what is committed.

Per layer: x += O(attention(rms(x))); x += experts(rms(x)).
- Rotary pairs are (i, i + half). YaRN's ramp is not rounded to whole pairs (the checkpoints say "truncate": false);
  cosine and sine are multiplied by 0.1 ln(factor) + 1, on queries and on keys.
- Sliding layers are 0, 2, 4, ...: a token sees itself and the window - 1 tokens before it.
- sinks: one logit a head beside the scaled scores; it takes part in the softmax and has no value.
- Router: top k of the biased logits, then a softmax over the k.
- Expert: gate = min(g, 7), up = clip(u, -7, 7), hidden = gate * sigmoid(1.702 gate) * (up + 1), then down + bias.
  gate_up_proj rows alternate gate, up.
- Expert weights lie on the MXFP4 grid, so the checkpoint stores them as it does in the published files (blocks of 32
  along the input, two codes a byte, the low nibble first, one power-of-two scale a block), without rounding.

GGUF has no key for "truncate", and its best-known reader rounds the ramp to whole pairs. The fixture's base puts the
ramp's end 1e-5 before pair 5 and its start before pair 0, so both readings agree here; `rope_frequencies` in expected
holds the frequencies, and fixtures/rope has the published model's, which tell the two readings apart.

Sources: the published model card and config.json, the public reference implementations (formulas only).
"""
import sys

import numpy as np

import common
import parts

D, HEADS, KV_HEADS, HEAD, LAYERS = 32, 4, 2, 16, 3
EXPERTS, TOP_K, WIDTH, WINDOW = 4, 2, 32, 16
FACTOR, ORIGINAL, BETA_FAST, BETA_SLOW = 8.0, 192, 32.0, 1.0
BASE = float(np.float32((ORIGINAL / (2 * np.pi)) ** (HEAD / 2 / (5 - 1e-5))))  # one turn at pair 5 - 1e-5: about 237
ALPHA, LIMIT, EPS = 1.702, 7.0, 1e-5


def make_weights(seed):
    draw = common.Draw(seed)
    w, experts = {}, {}

    def matrix(name, rows, columns, gain=1.0):
        w[name] = draw.grid(name, (rows, columns), gain / np.sqrt(columns))

    def vector(name, n, sigma):
        w[name] = draw.grid(name, (n,), sigma)

    w["model.embed_tokens.weight"] = draw.grid("embed", (parts.VOCABULARY, D), 1.0)
    for i in range(LAYERS):
        p = "model.layers.%d." % i
        w[p + "input_layernorm.weight"] = draw.around_one(p + "n1", (D,))
        for n, rows in (("q", HEADS * HEAD), ("k", KV_HEADS * HEAD), ("v", KV_HEADS * HEAD)):
            matrix(p + "self_attn.%s_proj.weight" % n, rows, D, 1.5 if n != "v" else 1.0)
            vector(p + "self_attn.%s_proj.bias" % n, rows, 0.25)
        matrix(p + "self_attn.o_proj.weight", D, HEADS * HEAD)
        vector(p + "self_attn.o_proj.bias", D, 0.25)
        vector(p + "self_attn.sinks", HEADS, 1.0)
        w[p + "post_attention_layernorm.weight"] = draw.around_one(p + "n2", (D,))
        matrix(p + "mlp.router.weight", EXPERTS, D, 1.5)
        vector(p + "mlp.router.bias", EXPERTS, 0.5)
        e = p + "mlp.experts."
        experts[e + "gate_up_proj"] = draw.grid_e2m1(e + "gu", (EXPERTS, 2 * WIDTH, D), 0.35)
        experts[e + "down_proj"] = draw.grid_e2m1(e + "dn", (EXPERTS, D, WIDTH), 0.08)
        # Biases of a few units are large enough to meet the clamp.
        bias = draw.grid(e + "gub", (EXPERTS, 2 * WIDTH), 0.5)
        big = draw.integers(e + "big", (EXPERTS, 2 * WIDTH), 8)
        w[e + "gate_up_proj_bias"] = bias + np.where(big == 0, 6.5, 0.0) - np.where(big == 1, 6.5, 0.0)
        w[e + "down_proj_bias"] = draw.grid(e + "dnb", (EXPERTS, D), 0.1)
    w["model.norm.weight"] = draw.around_one("norm", (D,))
    matrix("lm_head.weight", parts.VOCABULARY, D, 2.0)
    return w, experts


def forward(w, experts, tokens):
    trace = parts.Trace(tokens)
    frequencies = parts.yarn_frequencies(HEAD, BASE, FACTOR, ORIGINAL, BETA_FAST, BETA_SLOW, truncate=False)
    trace.extra["rope_frequencies"] = frequencies
    factor = 0.1 * np.log(FACTOR) + 1
    positions = np.arange(len(tokens))
    x = w["model.embed_tokens.weight"][tokens]
    for i in range(LAYERS):
        p = "model.layers.%d." % i
        a = p + "self_attn."
        h = common.rms_norm(x, w[p + "input_layernorm.weight"], EPS)
        q, k, v = (common.linear(h, w[a + n + "_proj.weight"]) + w[a + n + "_proj.bias"] for n in "qkv")
        q, k, v = parts.heads(q, HEADS), parts.heads(k, KV_HEADS), parts.heads(v, KV_HEADS)
        q = common.rope(q, positions, frequencies, interleaved=False, attention_factor=factor)
        k = common.rope(k, positions, frequencies, interleaved=False, attention_factor=factor)
        mixed = parts.attention(q, k, v, HEAD**-0.5, WINDOW if i % 2 == 0 else 0, w[a + "sinks"])
        x = x + common.linear(mixed, w[a + "o_proj.weight"]) + w[a + "o_proj.bias"]

        h = common.rms_norm(x, w[p + "post_attention_layernorm.weight"], EPS)
        scores = common.linear(h, w[p + "mlp.router.weight"]) + w[p + "mlp.router.bias"]
        chosen = parts.top_k(scores, TOP_K)
        weights = common.softmax(np.take_along_axis(scores, chosen, axis=1))
        trace.routed(i, chosen, weights, scores)
        e = p + "mlp.experts."
        both = np.einsum("td,efd->etf", h, experts[e + "gate_up_proj"]) + w[e + "gate_up_proj_bias"][:, None, :]
        gate, up = both[:, :, 0::2], both[:, :, 1::2]
        if not (np.any(gate > LIMIT) and np.any(up > LIMIT) and np.any(up < -LIMIT)) and len(tokens) == parts.TOKENS:
            raise ValueError("layer %d never meets the clamp" % i)
        gate, up = np.minimum(gate, LIMIT), np.clip(up, -LIMIT, LIMIT)
        hidden = gate * common.sigmoid(ALPHA * gate) * (up + 1)
        out = np.einsum("etf,edf->etd", hidden, experts[e + "down_proj"]) + w[e + "down_proj_bias"][:, None, :]
        x = x + parts.mixture(chosen, weights, out)
        trace.layers.append(x)
    trace.logits = common.linear(common.rms_norm(x, w["model.norm.weight"], EPS), w["lm_head.weight"])
    return trace


def mxfp4(values):
    """values [E, rows, n] on the grid -> (blocks [E, rows, n/32, 16], scales [E, rows, n/32]), both bytes."""
    tiles = values.reshape(values.shape[:2] + (values.shape[2] // 32, 32))
    top = np.max(np.abs(tiles), axis=3, keepdims=True)
    scale = common.pow2_ceil(top / 6.0)
    codes = common.encode_e2m1(tiles / scale)
    blocks = codes[..., 0::2] | (codes[..., 1::2] << 4)
    return blocks.astype(np.uint8), common.encode_ue8m0(scale)[..., 0]


def hf_files(fixture, w, experts):
    fixture.add_json("hf/config.json", {
        "architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "attention_bias": True, "attention_dropout": 0.0,
        "bos_token_id": 279, "eos_token_id": 287, "pad_token_id": 280, "experts_per_token": TOP_K, "head_dim": HEAD,
        "hidden_act": "silu", "hidden_size": D, "initial_context_length": ORIGINAL, "initializer_range": 0.02,
        "intermediate_size": WIDTH,
        "layer_types": ["full_attention" if i % 2 else "sliding_attention" for i in range(LAYERS)],
        "max_position_embeddings": int(ORIGINAL * FACTOR), "num_attention_heads": HEADS,
        "num_experts_per_tok": TOP_K, "num_hidden_layers": LAYERS, "num_key_value_heads": KV_HEADS,
        "num_local_experts": EXPERTS, "output_router_logits": False,
        "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": [
            "model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]},
        "rms_norm_eps": EPS,
        "rope_scaling": {"rope_type": "yarn", "factor": FACTOR, "beta_fast": BETA_FAST, "beta_slow": BETA_SLOW,
                         "original_max_position_embeddings": ORIGINAL, "truncate": False},
        "rope_theta": BASE, "router_aux_loss_coef": 0.9, "sliding_window": WINDOW, "swiglu_limit": LIMIT,
        "tie_word_embeddings": False, "torch_dtype": "bfloat16", "use_cache": True, "vocab_size": parts.VOCABULARY})
    tensors = parts.bf16_tensors(w)
    for name, value in experts.items():
        blocks, scales = mxfp4(value)
        tensors[name + "_blocks"], tensors[name + "_scales"] = ("U8", blocks), ("U8", scales)
    fixture.add_tensors("hf/model.safetensors", tensors)


def gguf_file(w, experts):
    c = common
    g = parts.start_gguf("gpt-oss", "gpt-oss oracle", [
        ("block_count", c.U32, LAYERS), ("context_length", c.U32, int(ORIGINAL * FACTOR)), ("embedding_length", c.U32, D),
        ("feed_forward_length", c.U32, WIDTH), ("attention.head_count", c.U32, HEADS),
        ("attention.head_count_kv", c.U32, KV_HEADS), ("rope.scaling.type", c.STR, "yarn"),
        ("rope.scaling.factor", c.F32, FACTOR), ("rope.scaling.original_context_length", c.U32, ORIGINAL),
        ("rope.scaling.yarn_beta_fast", c.F32, BETA_FAST), ("rope.scaling.yarn_beta_slow", c.F32, BETA_SLOW),
        ("rope.freq_base", c.F32, BASE), ("attention.layer_norm_rms_epsilon", c.F32, EPS),
        ("expert_count", c.U32, EXPERTS), ("expert_used_count", c.U32, TOP_K), ("attention.key_length", c.U32, HEAD),
        ("attention.value_length", c.U32, HEAD), ("attention.sliding_window", c.U32, WINDOW),
        ("expert_feed_forward_length", c.U32, WIDTH)])
    control = ["<|startoftext|>", "<|endoftext|>", "<|constrain|>", "<|channel|>", "<|start|>", "<|end|>", "<|message|>",
               "<|call|>", "<|return|>"]
    parts.gguf_vocabulary(g, "gpt-4o", control, bos="<|startoftext|>", eos="<|return|>", pad="<|endoftext|>")
    g.tensor("token_embd.weight", w["model.embed_tokens.weight"], "BF16")
    g.tensor("output_norm.weight", w["model.norm.weight"])
    g.tensor("output.weight", w["lm_head.weight"])
    for i in range(LAYERS):
        p, b = "model.layers.%d." % i, "blk.%d." % i
        g.tensor(b + "attn_norm.weight", w[p + "input_layernorm.weight"])
        g.tensor(b + "post_attention_norm.weight", w[p + "post_attention_layernorm.weight"])
        for hf, name in (("q_proj", "attn_q"), ("k_proj", "attn_k"), ("v_proj", "attn_v"), ("o_proj", "attn_output")):
            g.tensor(b + name + ".weight", w[p + "self_attn.%s.weight" % hf])
            g.tensor(b + name + ".bias", w[p + "self_attn.%s.bias" % hf])
        g.tensor(b + "attn_sinks.weight", w[p + "self_attn.sinks"])
        g.tensor(b + "ffn_gate_inp.weight", w[p + "mlp.router.weight"])
        g.tensor(b + "ffn_gate_inp.bias", w[p + "mlp.router.bias"])
        e = p + "mlp.experts."
        both, bias = experts[e + "gate_up_proj"], w[e + "gate_up_proj_bias"]
        for part, name in ((0, "gate"), (1, "up")):
            g.tensor(b + "ffn_%s_exps.weight" % name, both[:, part::2])
            g.tensor(b + "ffn_%s_exps.bias" % name, bias[:, part::2])
        g.tensor(b + "ffn_down_exps.weight", experts[e + "down_proj"])
        g.tensor(b + "ffn_down_exps.bias", w[e + "down_proj_bias"])
    return g


def fixtures():
    w, experts = make_weights(11)
    tokens = parts.choose_tokens(11, lambda t: forward(w, experts, t), 0.1)
    trace = forward(w, experts, tokens)
    fixture = common.Fixture("gpt_oss")
    fixture.add_gguf("model.gguf", gguf_file(w, experts))
    fixture.add_tensors("expected.safetensors", trace.tensors())
    hf_files(fixture, w, experts)
    fixture.trace = trace
    return [fixture]


if __name__ == "__main__":
    sys.exit(parts.main(fixtures))
