"""The engramd-moe network in PyTorch, parameters named and shaped like the GGUF tensors.

Owns the mathematics of training; tests/engine/reference/forward_numpy.py states the same
mathematics independently and evaluate.py compares the two on the exported file.

Per layer, pre-norm: h += attention(norm(h)); h += experts(norm(h)). The output head is the
embedding table. A GGUF tensor with dims [in, out] is a parameter of shape [out, in].
"""
import math

import torch
import torch.nn.functional as F

import recipe


def tensor_shapes():
    """GGUF tensor name -> PyTorch shape, in file order."""
    d, hd = recipe.WIDTH, recipe.HEAD_DIM
    heads, kv = recipe.N_HEADS * hd, recipe.N_KV_HEADS * hd
    e, f, s = recipe.N_EXPERTS, recipe.EXPERT_WIDTH, recipe.SHARED_EXPERT_WIDTH
    shapes = {"token_embd.weight": (recipe.VOCABULARY_SIZE, d), "output_norm.weight": (d,)}
    for layer in range(recipe.N_LAYERS):
        for name, shape in (
                ("attn_norm", (d,)), ("attn_q", (heads, d)), ("attn_k", (kv, d)),
                ("attn_v", (kv, d)), ("attn_q_norm", (hd,)), ("attn_k_norm", (hd,)),
                ("attn_output", (d, heads)), ("ffn_norm", (d,)), ("ffn_gate_inp", (e, d)),
                ("ffn_gate_exps", (e, f, d)), ("ffn_up_exps", (e, f, d)),
                ("ffn_down_exps", (e, d, f)), ("ffn_gate_shexp", (s, d)),
                ("ffn_up_shexp", (s, d)), ("ffn_down_shexp", (d, s))):
            shapes[f"blk.{layer}.{name}.weight"] = shape
    return shapes


def initial_weights():
    """Seeded; what writes into the residual stream starts at zero."""
    generator = torch.Generator().manual_seed(recipe.SEED)
    weights = {}
    for name, shape in tensor_shapes().items():
        if len(shape) == 1:
            # With heads of 32 and unit norms no attention logit can exceed sqrt(32), too flat
            # to pick one of 512 positions; start sharper instead of waiting for it.
            sharpness = 1.5 if "attn_q_norm" in name or "attn_k_norm" in name else 1.0
            weights[name] = torch.full(shape, sharpness)
        elif "attn_output" in name or "ffn_down" in name:
            weights[name] = torch.zeros(shape)
        else:
            scale = 0.05 if name == "token_embd.weight" else 1.0 / math.sqrt(shape[-1])
            weights[name] = torch.randn(shape, generator=generator) * scale
    return weights


class Network:
    """Holds {GGUF name: tensor}; stateless otherwise."""

    def __init__(self, weights):
        self.weights = weights
        half = recipe.HEAD_DIM // 2
        frequency = recipe.ROPE_BASE ** (-2.0 * torch.arange(half).double() / recipe.HEAD_DIM)
        angle = torch.arange(recipe.CONTEXT).double()[:, None] * frequency
        self._cos, self._sin = angle.cos().float(), angle.sin().float()
        self._future = torch.full((recipe.CONTEXT, recipe.CONTEXT), -math.inf).triu(1)

    def hidden(self, tokens):
        """[batch, positions] -> (normed hidden state, load-balance loss)."""
        w = self.weights
        h = F.embedding(tokens, w["token_embd.weight"])
        balance = torch.zeros(())
        for layer in range(recipe.N_LAYERS):
            p = f"blk.{layer}."
            h = h + self._attention(p, rms_norm(h, w[p + "attn_norm.weight"]))
            y, layer_balance = self._experts(p, rms_norm(h, w[p + "ffn_norm.weight"]))
            h, balance = h + y, balance + layer_balance
        return rms_norm(h, w["output_norm.weight"]), balance / recipe.N_LAYERS

    def logits(self, tokens):
        return F.linear(self.hidden(tokens)[0], self.weights["token_embd.weight"])

    def _attention(self, p, x):
        w, (batch, n, _) = self.weights, x.shape

        def heads(name, count):
            y = F.linear(x, w[p + name + ".weight"])
            return y.view(batch, n, count, recipe.HEAD_DIM).transpose(1, 2)

        q = self._rope(rms_norm(heads("attn_q", recipe.N_HEADS), w[p + "attn_q_norm.weight"]))
        k = self._rope(rms_norm(heads("attn_k", recipe.N_KV_HEADS), w[p + "attn_k_norm.weight"]))
        v = heads("attn_v", recipe.N_KV_HEADS)
        # Query heads that share a key head are stacked along the positions.
        group = recipe.N_HEADS // recipe.N_KV_HEADS
        q = (q / math.sqrt(recipe.HEAD_DIM)).reshape(batch, recipe.N_KV_HEADS, group * n, -1)
        scores = (q @ k.transpose(2, 3)).view(batch, recipe.N_KV_HEADS, group, n, n)
        mixed = torch.softmax(scores + self._future[:n, :n], dim=-1)
        out = mixed.view(batch, recipe.N_KV_HEADS, group * n, n) @ v
        out = out.view(batch, recipe.N_HEADS, n, -1).transpose(1, 2).reshape(batch, n, -1)
        return F.linear(out, w[p + "attn_output.weight"])

    def _rope(self, x):
        n, half = x.shape[2], recipe.HEAD_DIM // 2
        a, b = x[..., :half], x[..., half:]
        cos, sin = self._cos[:n], self._sin[:n]
        return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)

    def _experts(self, p, x):
        w, shape, k = self.weights, x.shape, recipe.N_EXPERTS_USED
        x = x.reshape(-1, recipe.WIDTH)
        probabilities = torch.softmax(F.linear(x, w[p + "ffn_gate_inp.weight"]), dim=-1)
        top, chosen = probabilities.topk(k, dim=-1)
        top = top / top.sum(dim=-1, keepdim=True)

        chosen = chosen.reshape(-1)
        order = torch.argsort(chosen, stable=True)
        counts = torch.bincount(chosen, minlength=recipe.N_EXPERTS)
        rows = torch.div(order, k, rounding_mode="floor")
        parts = x.index_select(0, rows).split(counts.tolist())
        # unbind, not indexing: its backward does not build a full-size zero tensor per expert.
        experts = zip(*(w[p + f"ffn_{part}_exps.weight"].unbind(0)
                        for part in ("gate", "up", "down")))
        out = torch.cat([swiglu(part, *expert) for part, expert in zip(parts, experts)])
        out = out * top.reshape(-1).index_select(0, order)[:, None]
        shared = swiglu(x, *(w[p + f"ffn_{part}_shexp.weight"] for part in ("gate", "up", "down")))

        share = counts.float() / counts.sum()
        balance = recipe.N_EXPERTS * (share * probabilities.mean(dim=0)).sum()
        return shared.index_add(0, rows, out).view(shape), balance


def rms_norm(x, weight):
    return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + recipe.NORM_EPS) * weight


def swiglu(x, gate, up, down):
    return F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)
