"""Compares the PyTorch network with the independent numpy statements in tests/oracles.

  python3 check_network.py              every variant of a tiny shape, random weights
  python3 check_network.py FOLDER ...   and the weights that train.py left there: what is learnt is
                                        sharper than what is drawn

Exits 1 on a difference.
"""
import dataclasses
import json
import pathlib
import sys

import numpy as np
import torch

import network
import quantise
from shape import TINY, EngramPlan, Shape, storage_type, tensor_shapes

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "tests/oracles"))
import common as c  # noqa: E402
import deepseek4 as v4  # noqa: E402
import engram as oracle_engram  # noqa: E402
import parts  # noqa: E402

MAX_DIFFERENCE = 1e-4


def random_weights(shape, seed):
    """No zeros and nothing near a symmetry, unlike the weights that training starts from."""
    draw = np.random.default_rng(seed)
    weights = {}
    for name, dims in tensor_shapes(shape).items():
        scale = 1.5 / np.sqrt(dims[-1]) if len(dims) > 1 else 0.5
        value = draw.normal(size=dims) * scale
        if "norm" in name or "engram_q" in name or "engram_k" in name:
            value = 1 + 0.3 * draw.normal(size=dims)
        weights[name] = value.astype(np.float32)
    return weights


def rope_halves(x, base):
    n = x.shape[-1]
    angle = np.arange(len(x))[:, None] * base ** (-2.0 * np.arange(n // 2) / n)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    a, b = x[..., :n // 2], x[..., n // 2:]
    return np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=-1)


def expected_logits(shape, weights, tokens):
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    cfg = v4.Config(width=shape.width, heads=shape.n_heads, head_dim=shape.head_dim,
                    rope_dim=shape.n_rotated, q_rank=shape.q_rank, o_groups=shape.n_groups,
                    o_rank=shape.group_rank, window=shape.window, streams=shape.n_streams,
                    sinkhorn=shape.sinkhorn_rounds, hc_eps=shape.hyper_epsilon, eps=shape.epsilon)
    freqs, position = c.rope_frequencies(shape.n_rotated, shape.rope_base), np.arange(len(tokens))
    plan, eps = EngramPlan(shape), shape.epsilon
    streams = np.repeat(w["token_embd.weight"][tokens][:, None], shape.n_streams, axis=1)

    def hybrid(x, p, ratio):
        a = c.rms_norm(c.linear(x, w[p + "q_a.weight"]), w[p + "q_a_norm.weight"], eps)
        q = c.linear(a, w[p + "q_b.weight"]).reshape(len(x), shape.n_heads, -1)
        q = c.rope(c.rms_norm(q, None, eps), position, freqs, trailing=True)
        kv = c.rms_norm(c.linear(x, w[p + "kv.weight"]), w[p + "kv_a_norm.weight"], eps)
        kv = c.rope(kv, position, freqs, trailing=True)
        rows = v4.compress(x, *(w[f"{p}compressor_{n}.weight"]
                                for n in ("kv", "gate", "ape", "norm")), ratio, eps)
        rows = c.rope(rows, np.arange(len(rows)) * ratio, freqs, trailing=True)
        allowed = np.arange(len(rows))[None] < ((position + 1) // ratio)[:, None]
        out = v4.attend(q, kv, rows, allowed, w[p + "sinks.weight"], cfg)
        out = c.rope(out, position, freqs, trailing=True, inverse=True)
        return v4.grouped_output(out, w[p + "output_a.weight"], w[p + "output_b.weight"], cfg)

    def plain(x, p):
        q, k, v = (parts.heads(c.linear(x, w[f"{p}{n}.weight"]), count) for n, count in (
            ("q", shape.n_heads), ("k", shape.n_kv_heads), ("v", shape.n_kv_heads)))
        q = rope_halves(c.rms_norm(q, w[p + "q_norm.weight"], eps), shape.rope_base)
        k = rope_halves(c.rms_norm(k, w[p + "k_norm.weight"], eps), shape.rope_base)
        out = parts.attention(q, k, v, shape.head_dim ** -0.5)
        return c.linear(out, w[p + "output.weight"])

    def feed_forward(x, p):
        names = [f"{p}ffn_{part}%s.weight" for part in ("gate", "up", "down")]
        if not shape.n_experts:
            return parts.mlp_swiglu(x, *(w[n % ""] for n in names))
        score = np.sqrt(c.softplus(c.linear(x, w[p + "ffn_gate_inp.weight"])))
        chosen = parts.top_k(score + w[p + "exp_probs_b.bias"], shape.n_experts_used)
        share = np.take_along_axis(score, chosen, axis=1)
        share /= share.sum(axis=1, keepdims=True)
        made = parts.experts_swiglu(x, *(w[n % "_exps"] for n in names))
        return (parts.mixture(chosen, share, made)
                + parts.mlp_swiglu(x, *(w[n % "_shexp"] for n in names)))

    def site(p, name, branch):
        nonlocal streams
        norm = w[f"{p}{name}_norm.weight"]
        if shape.n_streams == 1:
            streams = streams + branch(c.rms_norm(streams[:, 0], norm, eps))[:, None]
            return
        pre, post, mix = v4.hc_split(streams, *(w[f"{p}hc_{name}_{n}.weight"]
                                                for n in ("fn", "base", "scale")), cfg)
        y = branch(c.rms_norm(v4.hc_collapse(streams, pre), norm, eps))
        streams = v4.hc_expand(y, streams, post, mix)

    for layer, ratio in enumerate(shape.ratios):
        p = f"blk.{layer}."
        if layer in shape.engram_layers:
            i = shape.engram_layers.index(layer)
            primes = [plan.primes[i][k:k + shape.engram_heads]
                      for k in range(0, shape.n_columns, shape.engram_heads)]
            rows = oracle_engram.hash_rows(tokens, np.ones(len(tokens), bool), shape.pad_token,
                                           plan.multipliers[i], primes, plan.offsets[i])
            kv = c.linear(w[p + "engram_embd.weight"][rows].reshape(len(tokens), -1),
                          w[p + "engram_wkv.weight"])
            keys, value = np.split(kv, [shape.n_streams * shape.width], axis=1)
            keys = keys.reshape(streams.shape)
            d = np.sum(c.rms_norm(streams, w[p + "engram_q.weight"], eps)
                       * c.rms_norm(keys, w[p + "engram_k.weight"], eps), axis=-1)
            gate = oracle_engram.signed_root_gate(d / np.sqrt(shape.width))
            streams = streams + gate[..., None] * value[:, None]
        if ratio:
            site(p, "attn", lambda x: hybrid(x, p + "attn_", ratio))
        else:
            site(p, "attn", lambda x: plain(x, p + "attn_"))
        site(p, "ffn", lambda x: feed_forward(x, p))
    if shape.n_streams == 1:
        x = streams[:, 0]
    else:
        x = v4.hc_head(streams, *(w[f"output_hc_{n}.weight"] for n in ("fn", "base", "scale")), cfg)
    return c.linear(c.rms_norm(x, w["output_norm.weight"], eps), w["token_embd.weight"])


def check_logits(name, shape, weights, n_tokens):
    tokens = np.random.default_rng(3).integers(0, shape.vocabulary, n_tokens)
    expected = expected_logits(shape, weights, tokens)
    found = network.Network(shape, {n: torch.tensor(v) for n, v in weights.items()}).logits(
        torch.tensor(tokens)[None])[0].numpy()
    difference = np.abs(found - expected).max() / np.abs(expected).max()
    print(f"{name}, {n_tokens} tokens: relative difference {difference:.1e}")
    return difference <= MAX_DIFFERENCE


def check_capacity():
    """With room for all, the experts with capacity do what the exact ones do, gradients too."""
    torch.manual_seed(5)
    x = torch.randn(64, 32)
    experts = [torch.randn(4, 48, 32), torch.randn(4, 48, 32), torch.randn(4, 32, 48)]
    scores = torch.rand(64, 4)
    results = []
    before, network.CAPACITY_FACTOR = network.CAPACITY_FACTOR, 4.0
    for function in (lambda *a: network.routed_with_capacity(*a, rows=16), network.routed_exactly):
        inputs = [t.clone().requires_grad_() for t in [x, scores] + experts]
        chosen = inputs[1].detach().topk(2, dim=-1)[1]
        y = function(inputs[0], chosen, inputs[1].gather(1, chosen), *inputs[2:])
        y.square().sum().backward()
        results.append([y.detach()] + [t.grad for t in inputs])
    network.CAPACITY_FACTOR = before
    worst = max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(*results))
    print(f"experts with capacity: relative difference {worst:.1e}")
    return worst <= MAX_DIFFERENCE


def check_rounding():
    good = True
    for kind in ("q4_0", "q5_0", "q8_0"):
        x = torch.randn(3, 96) * 0.1
        x[0, :32] = 0
        read = quantise.block_values(quantise.block_bytes(x, kind), kind, x.shape)
        same = np.array_equal(read, quantise.rounded(x, kind).numpy())
        print(f"{kind}: read back {'as rounded' if same else 'DIFFERS'}, "
              f"error {np.abs(read - x.numpy()).max():.4f}")
        good &= same
    return good


def main():
    assert storage_type("token_embd.weight", (512, 64)) == "q5_0"
    variants = {"full": TINY,
                "plain residual": dataclasses.replace(TINY, n_streams=1),
                "three streams": dataclasses.replace(TINY, n_streams=3),
                "no Engram": dataclasses.replace(TINY, engram_layers=()),
                "dense": dataclasses.replace(TINY, n_experts=0)}
    good = True
    for name, shape in variants.items():
        for n_tokens in (64, 53):  # in chunks of a window, and not
            good &= check_logits(name, shape, random_weights(shape, 7), n_tokens)
    for folder in sys.argv[1:]:
        arrays, metadata = quantise.load_result(folder)
        shape = Shape.from_dict(json.loads(metadata["shape"]))
        good &= check_logits(folder, shape, quantise.as_floats(arrays, metadata), 64)
    good &= check_capacity() & check_rounding()
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
