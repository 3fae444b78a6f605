#!/usr/bin/env python3
"""Qwen3-Next (80B-A3B, Qwen3-Coder-Next) in float64. Writes fixtures/qwen3next; --check compares with what is committed.

The layers are in delta_net.py. What is this family's own:
- The checkpoint has two input projections for the delta net. in_proj_qkvz gives, for each key head in turn, its query,
  its key, the values of its group and the gates z of its group; in_proj_ba gives, for each key head, b of its group and
  a of its group. The convolution runs over [all queries | all keys | all values]. Experts are separate tensors.
- GGUF files hold attn_qkv ([all queries | all keys | all values]) and attn_gate (z), value heads in the checkpoint's
  order (grouped by key head, unlike qwen35moe), and ssm_ba as the checkpoint interleaves it. Norm weights are 1 + weight.
"""
import sys

import numpy as np

import common
import delta_net as dn
import parts

PREFIX, EXPERTS = "model.", 4
PER_KEY_HEAD = 2 * dn.STATE + 2 * dn.GROUP * dn.STATE


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
            m.matrix(a + "in_proj_qkvz", dn.KEY_HEADS * PER_KEY_HEAD, dn.D)
            m.matrix(a + "in_proj_ba", 2 * dn.VALUE_HEADS, dn.D)
            m.delta_net_rest(a)
        m.zero_norm(p + "post_attention_layernorm", dn.D)
        m.matrix(p + "mlp.gate", EXPERTS, dn.D, 2.0)
        for e in range(EXPERTS):
            m.mlp(p + "mlp.experts.%d." % e, dn.WIDTH)
        m.mlp(p + "mlp.shared_expert.", dn.WIDTH)
        m.matrix(p + "mlp.shared_expert_gate", 1, dn.D)
    m.zero_norm(PREFIX + "norm", dn.D)
    m.matrix("lm_head", parts.VOCABULARY, dn.D, 2.0)
    return m.w


def split_qkvz(rows):
    """[..., KEY_HEADS * PER_KEY_HEAD] -> q, k [..., KEY], v, z [..., VALUE]."""
    by_head = rows.reshape(rows.shape[:-1] + (dn.KEY_HEADS, PER_KEY_HEAD))
    ends = np.cumsum([dn.STATE, dn.STATE, dn.GROUP * dn.STATE])
    return [part.reshape(rows.shape[:-1] + (-1,)) for part in np.split(by_head, ends, axis=-1)]


def project(w, p, h):
    q, k, v, z = split_qkvz(common.linear(h, w[p + "in_proj_qkvz.weight"]))
    ba = common.linear(h, w[p + "in_proj_ba.weight"]).reshape(len(h), dn.KEY_HEADS, 2, dn.GROUP)
    return q, k, v, z, ba[:, :, 0].reshape(len(h), -1), ba[:, :, 1].reshape(len(h), -1)


def expert_stacks(w, p):
    return [np.stack([w[p + "experts.%d.%s_proj.weight" % (e, part)] for e in range(EXPERTS)])
            for part in ("gate", "up", "down")]


def forward(w, tokens):
    return dn.forward(w, PREFIX, tokens, project, expert_stacks)


def gguf_file(w):
    g = parts.start_gguf("qwen3next", "qwen3next oracle",
                         dn.gguf_keys(EXPERTS) + [("feed_forward_length", common.U32, 96)])
    dn.qwen_vocabulary(g, "qwen2")
    dn.gguf_common(g, w, PREFIX, expert_stacks, lambda array, axis, width: array)
    for i in range(dn.LAYERS):
        if dn.is_full(i):
            continue
        a, b = PREFIX + "layers.%d.linear_attn." % i, "blk.%d." % i
        q, k, v, z = split_qkvz(w[a + "in_proj_qkvz.weight"].T)
        g.tensor(b + "attn_qkv.weight", np.concatenate([q, k, v], axis=-1).T)
        g.tensor(b + "attn_gate.weight", z.T)
        g.tensor(b + "ssm_ba.weight", w[a + "in_proj_ba.weight"])
    return g


def hf_config():
    return {
        "architectures": ["Qwen3NextForCausalLM"], "model_type": "qwen3_next", "attention_bias": False,
        "attention_dropout": 0.0, "decoder_sparse_step": 1, "eos_token_id": 281, "full_attention_interval": dn.INTERVAL,
        "head_dim": dn.HEAD, "hidden_act": "silu", "hidden_size": dn.D, "initializer_range": 0.02,
        "intermediate_size": 96, "linear_conv_kernel_dim": dn.KERNEL, "linear_key_head_dim": dn.STATE,
        "linear_num_key_heads": dn.KEY_HEADS, "linear_num_value_heads": dn.VALUE_HEADS,
        "linear_value_head_dim": dn.STATE, "max_position_embeddings": 262144, "mlp_only_layers": [],
        "moe_intermediate_size": dn.WIDTH, "norm_topk_prob": True, "num_attention_heads": dn.HEADS,
        "num_experts": EXPERTS, "num_experts_per_tok": dn.TOP_K, "num_hidden_layers": dn.LAYERS,
        "num_key_value_heads": dn.KV_HEADS, "output_router_logits": False,
        "partial_rotary_factor": dn.ROTARY / dn.HEAD, "rms_norm_eps": dn.EPS, "rope_scaling": None,
        "rope_theta": dn.BASE, "router_aux_loss_coef": 0.001, "shared_expert_intermediate_size": dn.WIDTH,
        "tie_word_embeddings": False, "torch_dtype": "bfloat16", "use_cache": True, "use_sliding_window": False,
        "vocab_size": parts.VOCABULARY}


def fixtures():
    w = make_weights(42)
    trace = forward(w, parts.choose_tokens(42, lambda t: forward(w, t), 0.02))
    fixture = common.Fixture("qwen3next")
    fixture.add_gguf("model.gguf", gguf_file(w))
    fixture.add_tensors("expected.safetensors", trace.tensors())
    fixture.add_json("hf/config.json", hf_config())
    fixture.add_tensors("hf/model.safetensors", parts.bf16_tensors(w))
    fixture.trace = trace
    return [fixture]


if __name__ == "__main__":
    sys.exit(parts.main(fixtures))
