#!/usr/bin/env python3
"""Qwen3-MoE (Qwen3-30B-A3B, Qwen3-Coder) in float64. Writes fixtures/qwen3moe; --check compares with what is committed.

Per layer: x += O(attention(rms(x))); x += experts(rms(x)).
- Queries and keys are RMS-normed over each head, one weight for all heads, before the rotary embedding, whose pairs are
  (i, i + half). Query heads share key heads in consecutive groups.
- Router: softmax over all experts, the k largest, divided by their sum.

Sources: the published config.json and the public reference implementations (formulas only).
"""
import sys

import numpy as np

import common
import parts

D, HEADS, KV_HEADS, HEAD, LAYERS = 32, 4, 2, 16, 2
EXPERTS, TOP_K, WIDTH = 8, 2, 16
BASE, EPS = 10000000.0, 1e-6


def make_weights(seed):
    draw, w = common.Draw(seed), {}

    def matrix(name, rows, columns, gain=1.0):
        w[name + ".weight"] = draw.grid(name, (rows, columns), gain / np.sqrt(columns))

    def norm(name, n):
        w[name + ".weight"] = draw.around_one(name, (n,))

    w["model.embed_tokens.weight"] = draw.grid("embed", (parts.VOCABULARY, D), 1.0)
    for i in range(LAYERS):
        p = "model.layers.%d." % i
        norm(p + "input_layernorm", D)
        for n, rows in (("q", HEADS * HEAD), ("k", KV_HEADS * HEAD), ("v", KV_HEADS * HEAD)):
            matrix(p + "self_attn.%s_proj" % n, rows, D)
        norm(p + "self_attn.q_norm", HEAD)
        norm(p + "self_attn.k_norm", HEAD)
        matrix(p + "self_attn.o_proj", D, HEADS * HEAD)
        norm(p + "post_attention_layernorm", D)
        matrix(p + "mlp.gate", EXPERTS, D, 2.0)
        for e in range(EXPERTS):
            matrix(p + "mlp.experts.%d.gate_proj" % e, WIDTH, D, 1.5)
            matrix(p + "mlp.experts.%d.up_proj" % e, WIDTH, D)
            matrix(p + "mlp.experts.%d.down_proj" % e, D, WIDTH)
    norm("model.norm", D)
    matrix("lm_head", parts.VOCABULARY, D, 2.0)
    return w


def stack(w, p, part):
    return np.stack([w[p + "mlp.experts.%d.%s_proj.weight" % (e, part)] for e in range(EXPERTS)])


def forward(w, tokens):
    trace = parts.Trace(tokens)
    positions, frequencies = np.arange(len(tokens)), common.rope_frequencies(HEAD, BASE)
    x = w["model.embed_tokens.weight"][tokens]
    for i in range(LAYERS):
        p = "model.layers.%d." % i
        a = p + "self_attn."
        h = common.rms_norm(x, w[p + "input_layernorm.weight"], EPS)
        q, k, v = (common.linear(h, w[a + n + "_proj.weight"]) for n in "qkv")
        q = common.rms_norm(parts.heads(q, HEADS), w[a + "q_norm.weight"], EPS)
        k = common.rms_norm(parts.heads(k, KV_HEADS), w[a + "k_norm.weight"], EPS)
        q = common.rope(q, positions, frequencies, interleaved=False)
        k = common.rope(k, positions, frequencies, interleaved=False)
        x = x + common.linear(parts.attention(q, k, parts.heads(v, KV_HEADS), HEAD**-0.5), w[a + "o_proj.weight"])
        h = common.rms_norm(x, w[p + "post_attention_layernorm.weight"], EPS)
        probability = common.softmax(common.linear(h, w[p + "mlp.gate.weight"]))
        chosen = parts.top_k(probability, TOP_K)
        weights = np.take_along_axis(probability, chosen, axis=1)
        weights = weights / np.sum(weights, axis=1, keepdims=True)
        trace.routed(i, chosen, weights, probability)
        outputs = parts.experts_swiglu(h, *(stack(w, p, n) for n in ("gate", "up", "down")))
        x = x + parts.mixture(chosen, weights, outputs)
        trace.layers.append(x)
    trace.logits = common.linear(common.rms_norm(x, w["model.norm.weight"], EPS), w["lm_head.weight"])
    return trace


def hf_config():
    return {
        "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "attention_bias": False,
        "attention_dropout": 0.0, "decoder_sparse_step": 1, "eos_token_id": 281, "head_dim": HEAD, "hidden_act": "silu",
        "hidden_size": D, "initializer_range": 0.02, "intermediate_size": 96, "max_position_embeddings": 262144,
        "max_window_layers": LAYERS, "mlp_only_layers": [], "moe_intermediate_size": WIDTH, "norm_topk_prob": True,
        "num_attention_heads": HEADS, "num_experts": EXPERTS, "num_experts_per_tok": TOP_K, "num_hidden_layers": LAYERS,
        "num_key_value_heads": KV_HEADS, "output_router_logits": False, "rms_norm_eps": EPS, "rope_scaling": None,
        "rope_theta": BASE, "router_aux_loss_coef": 0.001, "sliding_window": None, "tie_word_embeddings": False,
        "torch_dtype": "bfloat16", "use_cache": True, "use_sliding_window": False, "vocab_size": parts.VOCABULARY}


QWEN_CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>",
                "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"]


def qwen_vocabulary(g, pre):
    parts.gguf_vocabulary(g, pre, QWEN_CONTROL, bos="<|endoftext|>", eos="<|im_end|>", pad="<|endoftext|>")


def gguf_file(w):
    c = common
    g = parts.start_gguf("qwen3moe", "qwen3moe oracle", [
        ("block_count", c.U32, LAYERS), ("context_length", c.U32, 262144), ("embedding_length", c.U32, D),
        ("feed_forward_length", c.U32, 96), ("attention.head_count", c.U32, HEADS),
        ("attention.head_count_kv", c.U32, KV_HEADS), ("rope.freq_base", c.F32, BASE),
        ("attention.layer_norm_rms_epsilon", c.F32, EPS), ("expert_count", c.U32, EXPERTS),
        ("expert_used_count", c.U32, TOP_K), ("attention.key_length", c.U32, HEAD),
        ("attention.value_length", c.U32, HEAD), ("expert_feed_forward_length", c.U32, WIDTH)])
    qwen_vocabulary(g, "qwen2")
    g.tensor("token_embd.weight", w["model.embed_tokens.weight"], "BF16")
    g.tensor("output_norm.weight", w["model.norm.weight"])
    g.tensor("output.weight", w["lm_head.weight"])
    names = [("input_layernorm", "attn_norm"), ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
             ("self_attn.v_proj", "attn_v"), ("self_attn.q_norm", "attn_q_norm"), ("self_attn.k_norm", "attn_k_norm"),
             ("self_attn.o_proj", "attn_output"), ("post_attention_layernorm", "ffn_norm"), ("mlp.gate", "ffn_gate_inp")]
    for i in range(LAYERS):
        p, b = "model.layers.%d." % i, "blk.%d." % i
        for hf, short in names:
            g.tensor(b + short + ".weight", w[p + hf + ".weight"])
        for part in ("gate", "up", "down"):
            g.tensor(b + "ffn_%s_exps.weight" % part, stack(w, p, part))
    return g


def fixtures():
    w = make_weights(31)
    trace = forward(w, parts.choose_tokens(31, lambda t: forward(w, t), 0.02))
    fixture = common.Fixture("qwen3moe")
    fixture.add_gguf("model.gguf", gguf_file(w))
    fixture.add_tensors("expected.safetensors", trace.tensors())
    fixture.add_json("hf/config.json", hf_config())
    fixture.add_tensors("hf/model.safetensors", parts.bf16_tensors(w))
    fixture.trace = trace
    return [fixture]


if __name__ == "__main__":
    sys.exit(parts.main(fixtures))
