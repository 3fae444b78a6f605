#!/usr/bin/env python3
"""Multi-head latent attention (MLA) models in float64: DeepSeek-V3, GLM-4.7-Flash and DeepSeek-V2-Lite shapes.
Writes fixtures/deepseek2, fixtures/glm47_flash and fixtures/deepseek2_lite; --check compares with what is committed.

Per layer: x += O(attention(rms(x))); x += ffn(rms(x)), where the first layers have a plain SwiGLU of their own width.
- Query: W x, or W_b rms(W_a x) when there is a query rank; each head is [nope | rope].
- Key and value: W_a x = [latent | rope part]; latent = rms(latent); kv_b maps the latent to [key nope | value] of each
  head; the rope part is one for all heads.
- Rotary pairs are (2i, 2i+1). YaRN rounds its ramp outwards to whole pairs. Cosine and sine are multiplied by
  m(mscale) / m(mscale_all_dim) and the softmax scale by m(mscale_all_dim)^2, m(s) = 0.1 s ln(factor) + 1.
- Router, sigmoid: score = sigmoid(W x); selection = score + bias; with groups, the groups of the largest sum of their
  two best selections stay; weights are the scores of the k best selections, divided by their sum, times a factor.
- Router, softmax (V2-Lite): the k largest of softmax(W x), not renormalised.
- One more SwiGLU, of the width of all shared experts together, is added to every token.

GGUF holds kv_b as two tensors: k_b [H, latent, nope] (transposed) and v_b [H, value, latent]; the absorbed form that
they invite (queries in the latent space, one key and value head) is computed here too and must agree to 1e-10.

Sources: DeepSeek-V2 and V3 papers, the published config.json files, the public reference implementations (formulas).
"""
import sys

import numpy as np

import common
import parts

D, HEADS, LATENT, NOPE, ROPE, VALUE = 32, 4, 32, 16, 8, 8
EXPERTS, TOP_K, WIDTH, DENSE_WIDTH, EPS = 8, 2, 16, 32, 1e-6

VARIANTS = {
    "deepseek2": dict(
        layers=2, query_rank=32, base=10000.0, factor=40.0, original=4096, mscale=1.0, scoring="sigmoid", groups=2,
        groups_used=1, shared=1, scale=2.5, renormalise=True, tied=False, pre="deepseek-v3", seed=43, margin=0.02),
    "glm47_flash": dict(
        layers=2, query_rank=32, base=1000000.0, factor=1.0, original=0, mscale=0.0, scoring="sigmoid", groups=1,
        groups_used=1, shared=1, scale=1.8, renormalise=True, tied=False, pre="glm4", seed=22, margin=0.02),
    "deepseek2_lite": dict(
        layers=2, query_rank=0, base=10000.0, factor=40.0, original=4096, mscale=0.707, scoring="softmax", groups=1,
        groups_used=1, shared=2, scale=1.0, renormalise=False, tied=False, pre="deepseek-v3", seed=23, margin=0.01),
}


def make_weights(v):
    draw, w = common.Draw(v["seed"]), {}

    def matrix(name, rows, columns, gain=1.0):
        w[name + ".weight"] = draw.grid(name, (rows, columns), gain / np.sqrt(columns))

    def norm(name, n):
        w[name + ".weight"] = draw.around_one(name, (n,))

    def mlp(name, width):
        matrix(name + ".gate_proj", width, D, 1.5)
        matrix(name + ".up_proj", width, D)
        matrix(name + ".down_proj", D, width)

    w["model.embed_tokens.weight"] = draw.grid("embed", (parts.VOCABULARY, D), 1.0)
    for i in range(v["layers"]):
        p = "model.layers.%d." % i
        norm(p + "input_layernorm", D)
        a = p + "self_attn."
        if v["query_rank"]:
            matrix(a + "q_a_proj", v["query_rank"], D)
            norm(a + "q_a_layernorm", v["query_rank"])
            matrix(a + "q_b_proj", HEADS * (NOPE + ROPE), v["query_rank"], 1.5)
        else:
            matrix(a + "q_proj", HEADS * (NOPE + ROPE), D, 1.5)
        matrix(a + "kv_a_proj_with_mqa", LATENT + ROPE, D)
        norm(a + "kv_a_layernorm", LATENT)
        matrix(a + "kv_b_proj", HEADS * (NOPE + VALUE), LATENT)
        matrix(a + "o_proj", D, HEADS * VALUE)
        norm(p + "post_attention_layernorm", D)
        if i == 0:
            mlp(p + "mlp", DENSE_WIDTH)
            continue
        matrix(p + "mlp.gate", EXPERTS, D, 2.0)
        if v["scoring"] == "sigmoid":
            w[p + "mlp.gate.e_score_correction_bias"] = draw.grid(p + "bias", (EXPERTS,), 0.15)
        for e in range(EXPERTS):
            mlp(p + "mlp.experts.%d" % e, WIDTH)
        mlp(p + "mlp.shared_experts", WIDTH * v["shared"])
    norm("model.norm", D)
    matrix("lm_head", parts.VOCABULARY, D, 2.0)
    return w


def mscale(v, factor):
    return 0.1 * v["mscale"] * np.log(factor) + 1 if factor > 1 else 1.0


def attention(v, w, a, h, absorbed):
    """The attention block without the residual; absorbed chooses between two forms that must agree."""
    positions = np.arange(len(h))
    if v["original"]:
        frequencies = parts.yarn_frequencies(ROPE, v["base"], v["factor"], v["original"], 32.0, 1.0, truncate=True)
    else:
        frequencies = common.rope_frequencies(ROPE, v["base"])
    if v["query_rank"]:
        low = common.rms_norm(common.linear(h, w[a + "q_a_proj.weight"]), w[a + "q_a_layernorm.weight"], EPS)
        q = common.linear(low, w[a + "q_b_proj.weight"])
    else:
        q = common.linear(h, w[a + "q_proj.weight"])
    q = parts.heads(q, HEADS)
    q_nope, q_rope = q[..., :NOPE], common.rope(q[..., NOPE:], positions, frequencies)
    kv = common.linear(h, w[a + "kv_a_proj_with_mqa.weight"])
    latent = common.rms_norm(kv[:, :LATENT], w[a + "kv_a_layernorm.weight"], EPS)
    k_rope = common.rope(kv[:, None, LATENT:], positions, frequencies)
    scale = (NOPE + ROPE) ** -0.5 * mscale(v, v["factor"]) ** 2
    if absorbed:
        k_b, v_b = split_kv_b(w[a + "kv_b_proj.weight"])
        q_latent = np.einsum("thn,hln->thl", q_nope, k_b)
        mixed = parts.attention(np.concatenate([q_latent, q_rope], axis=2),
                                np.concatenate([latent[:, None, :], k_rope], axis=2), latent[:, None, :], scale)
        mixed = np.einsum("thl,hvl->thv", parts.heads(mixed, HEADS), v_b).reshape(len(h), -1)
    else:
        both = parts.heads(common.linear(latent, w[a + "kv_b_proj.weight"]), HEADS)
        k = np.concatenate([both[..., :NOPE], np.repeat(k_rope, HEADS, axis=1)], axis=2)
        mixed = parts.attention(np.concatenate([q_nope, q_rope], axis=2), k, both[..., NOPE:], scale)
    return common.linear(mixed, w[a + "o_proj.weight"])


def split_kv_b(kv_b):
    """kv_b [H * (nope + value), latent] -> k_b [H, latent, nope], v_b [H, value, latent]."""
    by_head = kv_b.reshape(HEADS, NOPE + VALUE, LATENT)
    return by_head[:, :NOPE].transpose(0, 2, 1), by_head[:, NOPE:]


def route(v, w, p, h, layer, trace):
    scores = common.linear(h, w[p + "mlp.gate.weight"])
    if v["scoring"] == "sigmoid":
        scores = common.sigmoid(scores)
        selection = scores + w[p + "mlp.gate.e_score_correction_bias"]
    else:
        scores = selection = common.softmax(scores)
    if v["groups"] > 1:
        grouped = selection.reshape(len(h), v["groups"], -1)
        strength = np.sum(-np.sort(-grouped, axis=2)[:, :, :2], axis=2)
        order = -np.sort(-strength, axis=1)
        trace.margin = np.minimum(trace.margin, order[:, v["groups_used"] - 1] - order[:, v["groups_used"]])
        kept = np.zeros(strength.shape, bool)
        np.put_along_axis(kept, parts.top_k(strength, v["groups_used"]), True, axis=1)
        selection = np.where(kept[:, :, None], grouped, -np.inf).reshape(len(h), -1)
    chosen = parts.top_k(selection, TOP_K)
    weights = np.take_along_axis(scores, chosen, axis=1)
    if v["renormalise"]:
        weights = weights / (np.sum(weights, axis=1, keepdims=True) + 1e-20)
    weights = weights * v["scale"]
    trace.routed(layer, chosen, weights, selection)
    return chosen, weights


def forward(v, w, tokens, absorbed=False):
    trace = parts.Trace(tokens)
    x = w["model.embed_tokens.weight"][tokens]
    for i in range(v["layers"]):
        p = "model.layers.%d." % i
        h = common.rms_norm(x, w[p + "input_layernorm.weight"], EPS)
        x = x + attention(v, w, p + "self_attn.", h, absorbed)
        h = common.rms_norm(x, w[p + "post_attention_layernorm.weight"], EPS)
        if i == 0:
            x = x + parts.mlp_swiglu(h, *(w[p + "mlp.%s_proj.weight" % n] for n in ("gate", "up", "down")))
        else:
            chosen, weights = route(v, w, p, h, i, trace)
            stacks = (stack(w, p, n) for n in ("gate", "up", "down"))
            x = x + parts.mixture(chosen, weights, parts.experts_swiglu(h, *stacks))
            x = x + parts.mlp_swiglu(h, *(w[p + "mlp.shared_experts.%s_proj.weight" % n] for n in ("gate", "up", "down")))
        trace.layers.append(x)
    trace.logits = common.linear(common.rms_norm(x, w["model.norm.weight"], EPS), w["lm_head.weight"])
    return trace


def stack(w, p, part):
    return np.stack([w[p + "mlp.experts.%d.%s_proj.weight" % (e, part)] for e in range(EXPERTS)])


def hf_config(name, v):
    glm = name == "glm47_flash"
    config = {
        "architectures": ["Glm4MoeLiteForCausalLM" if glm else "DeepseekV3ForCausalLM"],
        "model_type": "glm4_moe_lite" if glm else "deepseek_v3", "attention_bias": False, "attention_dropout": 0.0,
        "first_k_dense_replace": 1, "hidden_act": "silu", "hidden_size": D, "initializer_range": 0.02,
        "intermediate_size": DENSE_WIDTH, "kv_lora_rank": LATENT, "max_position_embeddings": 163840,
        "moe_intermediate_size": WIDTH, "moe_layer_freq": 1, "n_group": v["groups"], "n_routed_experts": EXPERTS,
        "n_shared_experts": v["shared"], "norm_topk_prob": v["renormalise"], "num_attention_heads": HEADS,
        "num_experts_per_tok": TOP_K, "num_hidden_layers": v["layers"], "num_key_value_heads": HEADS,
        "num_nextn_predict_layers": 0, "q_lora_rank": v["query_rank"] or None, "qk_nope_head_dim": NOPE,
        "qk_rope_head_dim": ROPE, "rms_norm_eps": EPS, "rope_theta": v["base"], "routed_scaling_factor": v["scale"],
        "scoring_func": v["scoring"], "tie_word_embeddings": False, "topk_group": v["groups_used"],
        "topk_method": "noaux_tc", "torch_dtype": "bfloat16", "use_cache": True, "v_head_dim": VALUE,
        "vocab_size": parts.VOCABULARY}
    config["rope_scaling"] = None
    if v["original"]:
        config["rope_scaling"] = {"beta_fast": 32, "beta_slow": 1, "factor": v["factor"], "mscale": v["mscale"],
                                  "mscale_all_dim": v["mscale"], "original_max_position_embeddings": v["original"],
                                  "type": "yarn"}
    if glm:
        config["partial_rotary_factor"] = 1.0
        del config["scoring_func"], config["moe_layer_freq"]
    return config


def gguf_file(name, v, w):
    c = common
    keys = [
        ("block_count", c.U32, v["layers"]), ("context_length", c.U32, 163840), ("embedding_length", c.U32, D),
        ("feed_forward_length", c.U32, DENSE_WIDTH), ("attention.head_count", c.U32, HEADS),
        ("attention.head_count_kv", c.U32, 1), ("rope.freq_base", c.F32, v["base"]),
        ("attention.layer_norm_rms_epsilon", c.F32, EPS), ("expert_count", c.U32, EXPERTS),
        ("expert_used_count", c.U32, TOP_K)]
    if v["groups"] > 1:
        keys += [("expert_group_count", c.U32, v["groups"]), ("expert_group_used_count", c.U32, v["groups_used"])]
    keys += [("expert_gating_func", c.U32, 2 if v["scoring"] == "sigmoid" else 1),
             ("leading_dense_block_count", c.U32, 1), ("vocab_size", c.U32, parts.VOCABULARY)]
    if v["query_rank"]:
        keys += [("attention.q_lora_rank", c.U32, v["query_rank"])]
    keys += [
        ("attention.kv_lora_rank", c.U32, LATENT), ("attention.key_length", c.U32, LATENT + ROPE),
        ("attention.value_length", c.U32, LATENT), ("attention.key_length_mla", c.U32, NOPE + ROPE),
        ("attention.value_length_mla", c.U32, VALUE), ("expert_feed_forward_length", c.U32, WIDTH),
        ("expert_shared_count", c.U32, v["shared"]), ("expert_weights_scale", c.F32, v["scale"])]
    if v["renormalise"]:
        keys += [("expert_weights_norm", c.BOOL, True)]
    keys += [("rope.dimension_count", c.U32, ROPE)]
    if v["original"]:
        keys += [("rope.scaling.type", c.STR, "yarn"), ("rope.scaling.factor", c.F32, v["factor"]),
                 ("rope.scaling.original_context_length", c.U32, v["original"]),
                 ("rope.scaling.yarn_beta_fast", c.F32, 32.0), ("rope.scaling.yarn_beta_slow", c.F32, 1.0),
                 ("rope.scaling.yarn_log_multiplier", c.F32, 0.1 * v["mscale"])]
    g = parts.start_gguf("deepseek2", name + " oracle", keys)
    if name == "glm47_flash":
        control = ["<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>",
                   "<|assistant|>", "<|observation|>", "<|code_prefix|>", "<|code_middle|>", "<|code_suffix|>"]
        parts.gguf_vocabulary(g, v["pre"], control, eos="<|endoftext|>", pad="<|endoftext|>")
    else:
        bar, low = "\uff5c", "\u2581"
        control = [t.replace("|", bar).replace("_", low) for t in (
            "<|begin_of_sentence|>", "<|end_of_sentence|>", "<|_pad_|>", "<|fim_begin|>", "<|fim_hole|>", "<|fim_end|>",
            "<|User|>", "<|Assistant|>")]
        parts.gguf_vocabulary(g, v["pre"], control, bos=control[0], eos=control[1], pad=control[2])
    g.tensor("token_embd.weight", w["model.embed_tokens.weight"], "BF16")
    g.tensor("output_norm.weight", w["model.norm.weight"])
    g.tensor("output.weight", w["lm_head.weight"])
    names = [("input_layernorm", "attn_norm"), ("post_attention_layernorm", "ffn_norm"), ("self_attn.q_proj", "attn_q"),
             ("self_attn.q_a_proj", "attn_q_a"), ("self_attn.q_a_layernorm", "attn_q_a_norm"),
             ("self_attn.q_b_proj", "attn_q_b"), ("self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa"),
             ("self_attn.kv_a_layernorm", "attn_kv_a_norm"), ("self_attn.o_proj", "attn_output"),
             ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down"),
             ("mlp.gate", "ffn_gate_inp"), ("mlp.shared_experts.gate_proj", "ffn_gate_shexp"),
             ("mlp.shared_experts.up_proj", "ffn_up_shexp"), ("mlp.shared_experts.down_proj", "ffn_down_shexp")]
    for i in range(v["layers"]):
        p, b = "model.layers.%d." % i, "blk.%d." % i
        for hf, short in names:
            if p + hf + ".weight" in w:
                g.tensor(b + short + ".weight", w[p + hf + ".weight"])
        k_b, v_b = split_kv_b(w[p + "self_attn.kv_b_proj.weight"])
        g.tensor(b + "attn_k_b.weight", k_b)
        g.tensor(b + "attn_v_b.weight", v_b)
        if i == 0:
            continue
        if v["scoring"] == "sigmoid":
            g.tensor(b + "exp_probs_b.bias", w[p + "mlp.gate.e_score_correction_bias"])
        for part in ("gate", "up", "down"):
            g.tensor(b + "ffn_%s_exps.weight" % part, stack(w, p, part))
    return g


def fixtures():
    made = []
    for name, v in VARIANTS.items():
        w = make_weights(v)
        tokens = parts.choose_tokens(v["seed"], lambda t: forward(v, w, t), v["margin"])
        trace = forward(v, w, tokens)
        difference = np.max(np.abs(forward(v, w, tokens, absorbed=True).logits - trace.logits))
        if difference > 1e-10:
            raise ValueError("%s: absorbed and plain attention differ by %g" % (name, difference))
        fixture = common.Fixture(name)
        fixture.add_gguf("model.gguf", gguf_file(name, v, w))
        fixture.add_tensors("expected.safetensors", trace.tensors())
        if name != "deepseek2_lite":
            fixture.add_json("hf/config.json", hf_config(name, v))
            tensors = parts.bf16_tensors(w)
            for key in tensors:
                if key.endswith("e_score_correction_bias"):
                    tensors[key] = ("F32", w[key])
            fixture.add_tensors("hf/model.safetensors", tensors)
        fixture.trace = trace
        made.append(fixture)
    return made


if __name__ == "__main__":
    sys.exit(parts.main(fixtures))
