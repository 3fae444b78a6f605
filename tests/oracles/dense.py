#!/usr/bin/env python3
"""Dense models in float64: Qwen2, Qwen3 and Llama 3. Writes fixtures/qwen2, qwen3 and llama; --check compares with what
is committed.

Per layer: x += O(attention(rms(x))); x += down(silu(gate) * up). All rotate pairs (i, i + half) of the checkpoint.
- Qwen2: biases on q, k, v. The output matrix is the embedding.
- Qwen3: queries and keys are RMS-normed over each head; the head size is given, not hidden / heads. Tied likewise.
- Llama 3: frequencies are rescaled by wavelength: longer than original / low_freq_factor, divided by factor; shorter than
  original / high_freq_factor, kept; a linear blend in original / wavelength between. The output matrix is the embedding.
  GGUF files hold q and k with the rows of each head reordered so that pairs are (2i, 2i + 1), and the rescaling as a
  tensor rope_freqs of divisors.

Sources: the published config.json files and the public reference implementations (formulas only).
"""
import sys

import numpy as np

import common
import parts
from qwen3moe import qwen_vocabulary

D, WIDTH, LAYERS = 32, 64, 2
VARIANTS = {
    "qwen2": dict(heads=4, kv_heads=2, head=8, base=1000000.0, eps=1e-6, bias=True, qk_norm=False, tied=True, seed=51),
    "qwen3": dict(heads=4, kv_heads=2, head=16, base=1000000.0, eps=1e-6, bias=False, qk_norm=True, tied=True, seed=52),
    "llama": dict(heads=4, kv_heads=2, head=16, base=500000.0, eps=1e-5, bias=False, qk_norm=False, tied=True, seed=53,
                  scaling={"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                           "original_max_position_embeddings": 64, "rope_type": "llama3"}),
}


def make_weights(v):
    draw, w = common.Draw(v["seed"]), {}

    def matrix(name, rows, columns, gain=1.0):
        w[name + ".weight"] = draw.grid(name, (rows, columns), gain / np.sqrt(columns))

    def norm(name, n):
        w[name + ".weight"] = draw.around_one(name, (n,))

    w["model.embed_tokens.weight"] = draw.grid("embed", (parts.VOCABULARY, D), 0.5 if v["tied"] else 1.0)
    for i in range(LAYERS):
        p = "model.layers.%d." % i
        norm(p + "input_layernorm", D)
        for n, count in (("q", v["heads"]), ("k", v["kv_heads"]), ("v", v["kv_heads"])):
            matrix(p + "self_attn.%s_proj" % n, count * v["head"], D, 1.5 if n != "v" else 1.0)
            if v["bias"]:
                w[p + "self_attn.%s_proj.bias" % n] = draw.grid(p + n + "bias", (count * v["head"],), 0.5)
        if v["qk_norm"]:
            norm(p + "self_attn.q_norm", v["head"])
            norm(p + "self_attn.k_norm", v["head"])
        matrix(p + "self_attn.o_proj", D, v["heads"] * v["head"])
        norm(p + "post_attention_layernorm", D)
        matrix(p + "mlp.gate_proj", WIDTH, D, 1.5)
        matrix(p + "mlp.up_proj", WIDTH, D)
        matrix(p + "mlp.down_proj", D, WIDTH)
    norm("model.norm", D)
    if not v["tied"]:
        matrix("lm_head", parts.VOCABULARY, D, 2.0)
    return w


def llama3_frequencies(plain, s):
    wavelength = 2 * np.pi / plain
    original, low, high = s["original_max_position_embeddings"], s["low_freq_factor"], s["high_freq_factor"]
    blend = np.clip((original / wavelength - low) / (high - low), 0, 1)
    return plain / s["factor"] * (1 - blend) + plain * blend


def frequencies_of(v):
    plain = common.rope_frequencies(v["head"], v["base"])
    return llama3_frequencies(plain, v["scaling"]) if "scaling" in v else plain


def forward(v, w, tokens):
    trace = parts.Trace(tokens)
    positions, frequencies = np.arange(len(tokens)), frequencies_of(v)
    trace.extra["rope_frequencies"] = frequencies
    x = w["model.embed_tokens.weight"][tokens]
    for i in range(LAYERS):
        p = "model.layers.%d." % i
        a = p + "self_attn."
        h = common.rms_norm(x, w[p + "input_layernorm.weight"], v["eps"])
        q, k, value = (common.linear(h, w[a + n + "_proj.weight"]) + w.get(a + n + "_proj.bias", 0.0) for n in "qkv")
        q, k = parts.heads(q, v["heads"]), parts.heads(k, v["kv_heads"])
        if v["qk_norm"]:
            q = common.rms_norm(q, w[a + "q_norm.weight"], v["eps"])
            k = common.rms_norm(k, w[a + "k_norm.weight"], v["eps"])
        q = common.rope(q, positions, frequencies, interleaved=False)
        k = common.rope(k, positions, frequencies, interleaved=False)
        mixed = parts.attention(q, k, parts.heads(value, v["kv_heads"]), v["head"] ** -0.5)
        x = x + common.linear(mixed, w[a + "o_proj.weight"])
        h = common.rms_norm(x, w[p + "post_attention_layernorm.weight"], v["eps"])
        x = x + parts.mlp_swiglu(h, *(w[p + "mlp.%s_proj.weight" % n] for n in ("gate", "up", "down")))
        trace.layers.append(x)
    head = w["model.embed_tokens.weight" if v["tied"] else "lm_head.weight"]
    trace.logits = common.linear(common.rms_norm(x, w["model.norm.weight"], v["eps"]), head)
    return trace


def paired_rows(rows, count):
    """Rows of each head from halves [0 .. half-1 | half .. ] to pairs [0, half, 1, half + 1, ...]."""
    return rows.reshape(count, 2, -1, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def gguf_file(name, v, w):
    c = common
    keys = [
        ("block_count", c.U32, LAYERS), ("context_length", c.U32, 32768), ("embedding_length", c.U32, D),
        ("feed_forward_length", c.U32, WIDTH), ("attention.head_count", c.U32, v["heads"]),
        ("attention.head_count_kv", c.U32, v["kv_heads"]), ("rope.freq_base", c.F32, v["base"]),
        ("attention.layer_norm_rms_epsilon", c.F32, v["eps"])]
    if name != "qwen2":
        keys += [("attention.key_length", c.U32, v["head"]), ("attention.value_length", c.U32, v["head"])]
    if name == "llama":
        keys += [("rope.dimension_count", c.U32, v["head"]), ("vocab_size", c.U32, parts.VOCABULARY)]
    g = parts.start_gguf(name, name + " oracle", keys)
    if name == "llama":
        control = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>",
                   "<|eot_id|>", "<|python_tag|>"]
        parts.gguf_vocabulary(g, "llama-bpe", control, bos="<|begin_of_text|>", eos="<|eot_id|>")
        g.tensor("rope_freqs.weight", common.rope_frequencies(v["head"], v["base"]) / frequencies_of(v))
    else:
        qwen_vocabulary(g, "qwen2")
    g.tensor("token_embd.weight", w["model.embed_tokens.weight"])
    g.tensor("output_norm.weight", w["model.norm.weight"])
    if not v["tied"]:
        g.tensor("output.weight", w["lm_head.weight"])
    names = [("input_layernorm", "attn_norm"), ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
             ("self_attn.v_proj", "attn_v"), ("self_attn.q_norm", "attn_q_norm"), ("self_attn.k_norm", "attn_k_norm"),
             ("self_attn.o_proj", "attn_output"), ("post_attention_layernorm", "ffn_norm"),
             ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down")]
    paired = {"attn_q": v["heads"], "attn_k": v["kv_heads"]} if name == "llama" else {}
    for i in range(LAYERS):
        p, b = "model.layers.%d." % i, "blk.%d." % i
        for hf, short in names:
            if p + hf + ".weight" in w:
                value = w[p + hf + ".weight"]
                g.tensor(b + short + ".weight", paired_rows(value, paired[short]) if short in paired else value)
            if p + hf + ".bias" in w:
                g.tensor(b + short + ".bias", w[p + hf + ".bias"])
    return g


def hf_config(name, v):
    config = {
        "architectures": [{"qwen3": "Qwen3ForCausalLM", "llama": "LlamaForCausalLM"}[name]], "model_type": name,
        "attention_bias": False, "attention_dropout": 0.0, "head_dim": v["head"], "hidden_act": "silu", "hidden_size": D,
        "initializer_range": 0.02, "intermediate_size": WIDTH, "max_position_embeddings": 32768,
        "num_attention_heads": v["heads"], "num_hidden_layers": LAYERS, "num_key_value_heads": v["kv_heads"],
        "rms_norm_eps": v["eps"], "rope_scaling": v.get("scaling"), "rope_theta": v["base"],
        "tie_word_embeddings": v["tied"], "torch_dtype": "bfloat16", "use_cache": True, "vocab_size": parts.VOCABULARY}
    if name == "llama":
        config.update(mlp_bias=False, pretraining_tp=1)
    else:
        config.update(max_window_layers=LAYERS, sliding_window=None, use_sliding_window=False)
    return config


def fixtures():
    made = []
    for name, v in VARIANTS.items():
        w = make_weights(v)
        trace = forward(v, w, common.Draw(v["seed"]).integers("tokens", (parts.TOKENS,), parts.VOCABULARY))
        fixture = common.Fixture(name)
        fixture.add_gguf("model.gguf", gguf_file(name, v, w))
        fixture.add_tensors("expected.safetensors", trace.tensors())
        if name != "qwen2":
            fixture.add_json("hf/config.json", hf_config(name, v))
            fixture.add_tensors("hf/model.safetensors", parts.bf16_tensors(w))
        fixture.trace = trace
        made.append(fixture)
    return made


if __name__ == "__main__":
    sys.exit(parts.main(fixtures))
