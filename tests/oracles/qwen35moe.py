#!/usr/bin/env python3
"""Qwen3.5/3.6-MoE (35B-A3B) in float64. Writes fixtures/qwen35moe; --check compares with what is committed.

The layers are in delta_net.py. What is this family's own:
- The checkpoint has four input projections for the delta net (qkv, z, b, a), value heads grouped by key head, experts
  stacked in two tensors (gate rows, then up rows), names under model.language_model, text settings under text_config.
- GGUF files hold value heads the other way round: first of each key head's group, then second of each, ... (tiled), in
  the value rows of attn_qkv, attn_gate, ssm_alpha, ssm_beta, ssm_a, ssm_dt, the value channels of ssm_conv1d and the
  columns of ssm_out. Value head h of the file belongs to key head h mod key heads. Norm weights are stored as 1 + weight.
  There is no feed_forward_length.
"""
import sys

import numpy as np

import common
import delta_net as dn
import parts

PREFIX, EXPERTS = "model.language_model.", 4


def make_weights(seed):
    m = dn.Maker(seed)
    m.w[PREFIX + "embed_tokens.weight"] = m.draw.grid("embed", (parts.VOCABULARY, dn.D), 1.0)
    for i in range(dn.LAYERS):
        p = PREFIX + "layers.%d." % i
        m.zero_norm(p + "input_layernorm", dn.D)
        if dn.is_full(i):
            m.attention(p + "self_attn.")
        else:
            a = p + "linear_attn."
            m.matrix(a + "in_proj_qkv", 2 * dn.KEY + dn.VALUE, dn.D)
            m.matrix(a + "in_proj_z", dn.VALUE, dn.D)
            m.matrix(a + "in_proj_b", dn.VALUE_HEADS, dn.D)
            m.matrix(a + "in_proj_a", dn.VALUE_HEADS, dn.D)
            m.delta_net_rest(a)
        m.zero_norm(p + "post_attention_layernorm", dn.D)
        m.matrix(p + "mlp.gate", EXPERTS, dn.D, 2.0)
        e = p + "mlp.experts."
        m.w[e + "gate_up_proj"] = m.draw.grid(e + "gu", (EXPERTS, 2 * dn.WIDTH, dn.D), 1.2 / np.sqrt(dn.D))
        m.w[e + "down_proj"] = m.draw.grid(e + "dn", (EXPERTS, dn.D, dn.WIDTH), 1.0 / np.sqrt(dn.WIDTH))
        m.mlp(p + "mlp.shared_expert.", dn.WIDTH)
        m.matrix(p + "mlp.shared_expert_gate", 1, dn.D)
    m.zero_norm(PREFIX + "norm", dn.D)
    m.matrix("lm_head", parts.VOCABULARY, dn.D, 2.0)
    return m.w


def project(w, p, h):
    mixed = common.linear(h, w[p + "in_proj_qkv.weight"])
    q, k, v = np.split(mixed, [dn.KEY, 2 * dn.KEY], axis=1)
    return (q, k, v) + tuple(common.linear(h, w[p + "in_proj_%s.weight" % n]) for n in "zba")


def expert_stacks(w, p):
    both = w[p + "experts.gate_up_proj"]
    return both[:, : dn.WIDTH], both[:, dn.WIDTH :], w[p + "experts.down_proj"]


def forward(w, tokens):
    return dn.forward(w, PREFIX, tokens, project, expert_stacks)


def tiled(array, axis, width):
    """Value heads from grouped order [key head][member] to tiled order [member][key head] along an axis."""
    array = np.moveaxis(array, axis, 0)
    shape = array.shape
    heads = array.reshape((dn.KEY_HEADS, dn.GROUP, width) + shape[1:])
    return np.moveaxis(np.swapaxes(heads, 0, 1).reshape(shape), 0, axis)


def gguf_file(w):
    g = parts.start_gguf("qwen35moe", "qwen35moe oracle", dn.gguf_keys(EXPERTS) + [
        ("rope.dimension_sections", common.ARR, (common.I32, [2, 1, 1, 0]))])
    dn.qwen_vocabulary(g, "qwen35")
    dn.gguf_common(g, w, PREFIX, expert_stacks, tiled)
    for i in range(dn.LAYERS):
        if dn.is_full(i):
            continue
        a, b = PREFIX + "layers.%d.linear_attn." % i, "blk.%d." % i
        mixed = w[a + "in_proj_qkv.weight"]
        g.tensor(b + "attn_qkv.weight", np.concatenate([mixed[: 2 * dn.KEY], tiled(mixed[2 * dn.KEY :], 0, dn.STATE)]))
        g.tensor(b + "attn_gate.weight", tiled(w[a + "in_proj_z.weight"], 0, dn.STATE))
        g.tensor(b + "ssm_beta.weight", tiled(w[a + "in_proj_b.weight"], 0, 1))
        g.tensor(b + "ssm_alpha.weight", tiled(w[a + "in_proj_a.weight"], 0, 1))
    return g


def hf_config():
    return {
        "architectures": ["Qwen3_5MoeForConditionalGeneration"], "model_type": "qwen3_5_moe", "image_token_id": 284,
        "video_token_id": 285, "vision_start_token_id": 286, "vision_end_token_id": 287, "tie_word_embeddings": False,
        "text_config": {
            "model_type": "qwen3_5_moe_text", "attention_bias": False, "attention_dropout": 0.0,
            "attn_output_gate": True, "dtype": "bfloat16", "eos_token_id": 281, "full_attention_interval": dn.INTERVAL,
            "head_dim": dn.HEAD, "hidden_act": "silu", "hidden_size": dn.D, "initializer_range": 0.02,
            "layer_types": dn.layer_types(), "linear_conv_kernel_dim": dn.KERNEL, "linear_key_head_dim": dn.STATE,
            "linear_num_key_heads": dn.KEY_HEADS, "linear_num_value_heads": dn.VALUE_HEADS,
            "linear_value_head_dim": dn.STATE, "mamba_ssm_dtype": "float32", "max_position_embeddings": 262144,
            "moe_intermediate_size": dn.WIDTH, "mtp_num_hidden_layers": 0, "num_attention_heads": dn.HEADS,
            "num_experts": EXPERTS, "num_experts_per_tok": dn.TOP_K, "num_hidden_layers": dn.LAYERS,
            "num_key_value_heads": dn.KV_HEADS, "output_router_logits": False, "rms_norm_eps": dn.EPS,
            "rope_parameters": {"mrope_interleaved": True, "mrope_section": [2, 1, 1],
                                "partial_rotary_factor": dn.ROTARY / dn.HEAD, "rope_theta": dn.BASE,
                                "rope_type": "default"},
            "shared_expert_intermediate_size": dn.WIDTH, "use_cache": True, "vocab_size": parts.VOCABULARY}}


def fixtures():
    w = make_weights(41)
    trace = forward(w, parts.choose_tokens(41, lambda t: forward(w, t), 0.02))
    fixture = common.Fixture("qwen35moe")
    fixture.add_gguf("model.gguf", gguf_file(w))
    fixture.add_tensors("expected.safetensors", trace.tensors())
    fixture.add_json("hf/config.json", hf_config())
    tensors = parts.bf16_tensors(w)
    for name in w:
        if name.endswith("A_log") or name.endswith("linear_attn.norm.weight"):
            tensors[name] = ("F32", w[name])
    fixture.add_tensors("hf/model.safetensors", tensors)
    fixture.trace = trace
    return [fixture]


if __name__ == "__main__":
    sys.exit(parts.main(fixtures))
