"""The `engramd` network in PyTorch, parameters named and shaped like the GGUF tensors.

Owns the mathematics of training. engine/blocks states the same formulas for inference and
tests/oracles independently; models/train/check_network.py compares.

The streams are h [batch, positions, n_streams, width]. Matrices may be bfloat16, then so are the
streams; norms, routing, mixing of streams and softmax are computed in float32 in any case.

Runs on PyTorch 1.13 (Debian, CPU) and on 2.x; what only 2.x has is guarded.
"""
import math

import torch
import torch.nn.functional as F

from shape import EngramPlan, tensor_shapes

MASKED = -1e30  # not -inf: differences of two of these must stay numbers
CAPACITY_FACTOR = 1.25


def initial_weights(shape, seed):
    """{GGUF name: float32 tensor}, seeded; what writes into the streams starts at zero."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, dims in tensor_shapes(shape).items():
        part = name.split(".")[-2]

        def normal(scale):
            return torch.randn(dims, generator=generator) * scale

        if part.startswith("hc_") or part.startswith("output_hc_"):
            weights[name] = _initial_mixing(name, part, dims, shape, normal)
        elif part in ("attn_sinks", "exp_probs_b", "attn_compressor_ape"):
            weights[name] = torch.zeros(dims)
        elif part in ("engram_q", "engram_k") or len(dims) == 1:
            # Heads of 64 with unit norms cannot pick one of 1024 positions; start sharper.
            sharp = part in ("attn_q_norm", "attn_k_norm")
            weights[name] = torch.full(dims, 1.5 if sharp else 1.0)
        elif part in ("attn_output", "attn_output_b", "ffn_down", "ffn_down_exps",
                      "ffn_down_shexp"):
            weights[name] = torch.zeros(dims)
        elif part in ("token_embd", "engram_embd"):
            # A tied head sees the embedding itself at first: larger ones would be sure of the
            # last token again.
            weights[name] = normal(0.02)
        else:
            weights[name] = normal(1.0 / math.sqrt(dims[-1]))
            if part == "engram_wkv":
                weights[name][-shape.width:] = 0.0
    return weights


def _initial_mixing(name, part, dims, shape, normal):
    """Near a plain residual: streams keep themselves, every branch reads mostly one of them (in
    turn, so that they part) and writes to all."""
    s = shape.n_streams
    if part.endswith("_fn"):
        return normal(1.0 / math.sqrt(dims[-1]))
    if part.endswith("_scale"):
        return torch.full(dims, 0.1)
    base = torch.zeros(dims)
    if not part.startswith("output"):
        turn = 2 * int(name.split(".")[1]) + ("ffn" in part)
        reads = torch.arange(s) == turn % s
        base[:s] = torch.where(reads, 1.0, -1.0)
        base[s:2 * s] = torch.where(reads, 0.5, -0.5)
        base[2 * s:] = 4.0 * torch.eye(s).flatten()
    return base


# ---------------------------------------------------------------------------------- small parts


def rms_norm(x, weight, epsilon):
    y = x.float()
    y = y * torch.rsqrt(y.square().mean(dim=-1, keepdim=True) + epsilon)
    return (y if weight is None else y * weight).to(x.dtype)


def swiglu(x, gate, up, down):
    return F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)


def rope_table(n, n_rotated, base):
    """(cosines, sines), each [n, n_rotated / 2]."""
    frequency = base ** (-2.0 * torch.arange(n_rotated // 2).double() / n_rotated)
    angle = torch.arange(n).double()[:, None] * frequency
    return angle.cos().float(), angle.sin().float()


def rope_halves(x, cos, sin):
    """x [batch, positions, heads, head_dim]; all elements turn, pairs are half a head apart."""
    half = x.shape[-1] // 2
    a, b = x[..., :half].float(), x[..., half:].float()
    cos, sin = cos[:, None], sin[:, None]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1).to(x.dtype)


def rope_tail(x, cos, sin):
    """x [..., positions, anything, head_dim]; the last elements turn, pairs are neighbours."""
    n_rotated = 2 * cos.shape[-1]
    pairs = x[..., -n_rotated:].float().unflatten(-1, (n_rotated // 2, 2))
    a, b = pairs[..., 0], pairs[..., 1]
    cos, sin = cos[:, None], sin[:, None]
    turned = torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)
    return torch.cat([x[..., :-n_rotated], turned.to(x.dtype)], dim=-1)


# --------------------------------------------------------------------------- hyper-connections


def sinkhorn(logits, rounds, epsilon):
    """logits [..., S, S] -> the mixing matrix, in the order of engine/blocks/hyper_connection.cpp."""
    if logits.shape[-1] == 2:
        return sinkhorn_of_two(logits, rounds)
    mix = torch.softmax(logits, dim=-1) + epsilon
    mix = mix / (mix.sum(dim=-2, keepdim=True) + epsilon)
    for _ in range(rounds - 1):
        mix = mix / (mix.sum(dim=-1, keepdim=True) + epsilon)
        mix = mix / (mix.sum(dim=-2, keepdim=True) + epsilon)
    return mix


def sinkhorn_of_two(logits, rounds):
    """The same for two streams, without an epsilon: shape.hyper_epsilon changes no float32.

    Columns that sum to one leave two numbers, p and q in the first row. A round divides the rows by
    p + q and 2 - p - q and the columns by their sums: both logits fall by log((p + q) / (2 - p -
    q)), so that a round is one number. As 2 x 2 arrays the rounds were most of a compilation.
    """
    x = logits[..., 0, 0] - logits[..., 0, 1]
    y = logits[..., 1, 1] - logits[..., 1, 0]
    p, q = F.logsigmoid(x) - F.logsigmoid(-y), F.logsigmoid(-x) - F.logsigmoid(y)
    for _ in range(rounds - 1):
        fall = torch.log((torch.sigmoid(p) + torch.sigmoid(q))
                         / (torch.sigmoid(-p) + torch.sigmoid(-q)))
        p, q = p - fall, q - fall
    p, q = torch.sigmoid(p), torch.sigmoid(q)
    return torch.stack([p, q, 1 - p, 1 - q], dim=-1).unflatten(-1, (2, 2))


def mix_values(h, fn, epsilon):
    """fn u, u being the streams over their common root mean square; float32."""
    flat = h.flatten(-2)
    scale = torch.rsqrt(flat.float().square().mean(dim=-1, keepdim=True) + epsilon)
    return F.linear(flat, fn.to(h.dtype)).float() * scale


def weighted(streams, weights):
    """Sum of the streams [..., S, d] with weights [..., S]."""
    total = streams[..., 0, :].float() * weights[..., 0, None]
    for i in range(1, streams.shape[-2]):
        total = total + streams[..., i, :].float() * weights[..., i, None]
    return total.to(streams.dtype)


def with_residual(shape, h, w, site, branch):
    """The streams after one branch; branch maps [batch, positions, width] to (same, extra)."""
    norm, s = w[f"{site}_norm.weight"], shape.n_streams
    if s == 1:
        y, extra = branch(rms_norm(h[..., 0, :], norm, shape.epsilon))
        return h + y[..., None, :], extra
    base, scale = w[f"hc_{site}_base.weight"], w[f"hc_{site}_scale.weight"]
    m = mix_values(h, w[f"hc_{site}_fn.weight"], shape.epsilon)
    pre = torch.sigmoid(scale[0] * m[..., :s] + base[:s]) + shape.hyper_epsilon
    post = 2 * torch.sigmoid(scale[1] * m[..., s:2 * s] + base[s:2 * s])
    mix = sinkhorn((scale[2] * m[..., 2 * s:] + base[2 * s:]).unflatten(-1, (s, s)),
                   shape.sinkhorn_rounds, shape.hyper_epsilon)
    y, extra = branch(rms_norm(weighted(h, pre), norm, shape.epsilon))
    new, wide = [], y.float()
    for k in range(s):
        total = post[..., k, None] * wide
        for j in range(s):
            total = total + mix[..., j, k, None] * h[..., j, :].float()
        new.append(total.to(h.dtype))
    return torch.stack(new, dim=-2), extra


def collapse(shape, h, fn, base, scale, norm):
    """What the head sees."""
    if shape.n_streams == 1:
        return rms_norm(h[..., 0, :], norm, shape.epsilon)
    weights = torch.sigmoid(scale * mix_values(h, fn, shape.epsilon) + base) + shape.hyper_epsilon
    return rms_norm(weighted(h, weights), norm, shape.epsilon)


# ------------------------------------------------------------------------------------ attention


def plain_attention(shape, x, w, cos, sin):
    batch, n, _ = x.shape
    hd, group = shape.head_dim, shape.n_heads // shape.n_kv_heads
    q = F.linear(x, w["attn_q.weight"]).view(batch, n, shape.n_heads, hd)
    k = F.linear(x, w["attn_k.weight"]).view(batch, n, shape.n_kv_heads, hd)
    v = F.linear(x, w["attn_v.weight"]).view(batch, n, shape.n_kv_heads, hd)
    q = rope_halves(rms_norm(q, w["attn_q_norm.weight"], shape.epsilon), cos[:n], sin[:n])
    k = rope_halves(rms_norm(k, w["attn_k_norm.weight"], shape.epsilon), cos[:n], sin[:n])
    k = k[:, :, :, None].expand(-1, -1, -1, group, -1).reshape(batch, n, shape.n_heads, hd)
    v = v[:, :, :, None].expand(-1, -1, -1, group, -1).reshape(batch, n, shape.n_heads, hd)
    q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
    if hasattr(F, "scaled_dot_product_attention"):
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    else:
        scores = (q / math.sqrt(hd)) @ k.transpose(2, 3)
        future = torch.full((n, n), MASKED, device=x.device).triu(1)
        out = torch.softmax(scores.float() + future, dim=-1).to(v.dtype) @ v
    out = out.transpose(1, 2).reshape(batch, n, shape.n_heads * hd)
    return F.linear(out, w["attn_output.weight"])


def compressed_rows(shape, ratio, x, w, cos, sin):
    """One row for each complete group: [batch, positions / ratio, head_dim]."""
    batch, n, _ = x.shape
    groups, hd = n // ratio, shape.head_dim
    x = x[:, :groups * ratio]
    content = F.linear(x, w["attn_compressor_kv.weight"]).view(batch, groups, ratio, 2 * hd)
    logits = F.linear(x, w["attn_compressor_gate.weight"]).view(batch, groups, ratio, 2 * hd)
    content, logits = content.float(), logits.float() + w["attn_compressor_ape.weight"]
    # The softmax runs over the first halves of the group before and the second ones of this.
    before = F.pad(content[:, :-1, :, :hd], (0, 0, 0, 0, 1, 0))
    before_logits = F.pad(logits[:, :-1, :, :hd], (0, 0, 0, 0, 1, 0), value=MASKED)
    content = torch.cat([before, content[..., hd:]], dim=2)
    share = torch.softmax(torch.cat([before_logits, logits[..., hd:]], dim=2), dim=2)
    rows = rms_norm((share * content).sum(dim=2), w["attn_compressor_norm.weight"], shape.epsilon)
    at = slice(0, groups * ratio, ratio)
    return rope_tail(rows[:, :, None].to(x.dtype), cos[at], sin[at])[:, :, 0]


def hybrid_mask(shape, ratio, n, device):
    """Added to the scores. In chunks of a window: [chunks, window, 2 window + groups], the keys
    being the chunk before, this one, all groups. Otherwise [1, n, n + groups]."""
    groups = n // ratio
    if n % shape.window == 0 and shape.window % ratio == 0:
        position = torch.arange(n, device=device).view(-1, shape.window, 1)
        first = position[:, :1] - shape.window
        key = first + torch.arange(2 * shape.window, device=device)
    else:
        position = torch.arange(n, device=device).view(1, n, 1)
        key = torch.arange(n, device=device).view(1, 1, n)
    near = (key >= 0) & (key <= position) & (key > position - shape.window)
    past = torch.arange(groups, device=device) < torch.div(position + 1, ratio,
                                                           rounding_mode="floor")
    seen = torch.cat([near, past], dim=-1)
    return torch.zeros(seen.shape, device=device).masked_fill(~seen, MASKED)


def hybrid_attention(shape, ratio, x, w, cos, sin, mask):
    batch, n, _ = x.shape
    hd, heads = shape.head_dim, shape.n_heads
    a = rms_norm(F.linear(x, w["attn_q_a.weight"]), w["attn_q_a_norm.weight"], shape.epsilon)
    q = F.linear(a, w["attn_q_b.weight"]).view(batch, n, heads, hd)
    q = rope_tail(rms_norm(q, None, shape.epsilon), cos[:n], sin[:n])
    kv = rms_norm(F.linear(x, w["attn_kv.weight"]), w["attn_kv_a_norm.weight"], shape.epsilon)
    kv = rope_tail(kv[:, :, None], cos[:n], sin[:n])[:, :, 0]
    rows = compressed_rows(shape, ratio, x, w, cos, sin)

    chunks = mask.shape[0]
    size = n // chunks
    if chunks > 1 or n == shape.window:
        near = kv.view(batch, chunks, size, hd)
        before = F.pad(near[:, :-1], (0, 0, 0, 0, 1, 0))
        past = rows[:, None].expand(-1, chunks, -1, -1)
        keys = torch.cat([before, near, past], dim=2)
    else:
        keys = torch.cat([kv, rows], dim=1)[:, None]
    # All heads share the keys, so that heads stand beside positions as rows of one product.
    scores = (q.view(batch, chunks, size * heads, hd) @ keys.transpose(2, 3)).float()
    scores = scores.view(batch, chunks, size, heads, -1) * (1 / math.sqrt(hd)) + mask[:, :, None]
    sinks = w["attn_sinks.weight"].view(heads, 1)
    total = torch.logaddexp(torch.logsumexp(scores, dim=-1, keepdim=True), sinks)
    share = torch.exp(scores - total).to(keys.dtype).view(batch, chunks, size * heads, -1)
    out = (share @ keys).view(batch, n, heads, hd)
    out = rope_tail(out, cos[:n], -sin[:n]).reshape(batch, n, shape.n_groups, -1)
    slices = w["attn_output_a.weight"].view(shape.n_groups, shape.group_rank, -1)
    low = torch.cat([F.linear(out[:, :, g], slices[g]) for g in range(shape.n_groups)], dim=-1)
    return F.linear(low, w["attn_output_b.weight"])


# ---------------------------------------------------------------------------------- the mixture


class Spread(torch.autograd.Function):
    """Rows of x [tokens, d] into the experts' slots. PyTorch's own backward would add with
    atomics; every token knows its slots, so that reading them is enough."""

    @staticmethod
    def forward(ctx, x, token_of_slot, slot_of_choice, kept):
        ctx.save_for_backward(slot_of_choice, kept)
        return x[token_of_slot]

    @staticmethod
    def backward(ctx, gradient):
        slot_of_choice, kept = ctx.saved_tensors
        n, k = slot_of_choice.shape
        total = gradient[slot_of_choice[:, 0]] * kept[:, 0, None]
        for i in range(1, k):
            total = total + gradient[slot_of_choice[:, i]] * kept[:, i, None]
        return total, None, None, None


class Collect(torch.autograd.Function):
    """The sum of a token's slots; a choice that found no room counts nothing."""

    @staticmethod
    def forward(ctx, y, token_of_slot, slot_of_choice, kept):
        ctx.save_for_backward(token_of_slot)
        total = y[slot_of_choice[:, 0]] * kept[:, 0, None]
        for i in range(1, slot_of_choice.shape[1]):
            total = total + y[slot_of_choice[:, i]] * kept[:, i, None]
        return total

    @staticmethod
    def backward(ctx, gradient):
        # Empty slots get some token's gradient; their share of 0 stops it.
        (token_of_slot,) = ctx.saved_tensors
        return gradient[token_of_slot], None, None, None


def routed_with_capacity(x, chosen, shares, gate, up, down, rows):
    """x [tokens, d]; every expert takes at most `capacity` tokens, more are dropped from it.

    rows: tokens of one sequence; only splits a long sum into short ones.
    """
    n_experts, (n, k) = gate.shape[0], chosen.shape
    capacity = -(-int(n * k / n_experts * CAPACITY_FACTOR) // 64) * 64
    flat = chosen.reshape(-1)
    hits = (flat.view(1, -1, rows * k) == torch.arange(n_experts, device=x.device)
            .view(-1, 1, 1)).int()
    within = hits.cumsum(dim=-1)
    of_row = within[..., -1]
    place = within + (of_row.cumsum(dim=-1) - of_row)[..., None] - 1
    place = (place * hits).sum(dim=0).view(-1)
    kept = place < capacity
    slot = torch.where(kept, flat * capacity + place, n_experts * capacity)
    choice_of_slot = torch.full((n_experts * capacity + 1,), n * k, device=x.device)
    choice_of_slot = choice_of_slot.scatter(0, slot, torch.arange(n * k, device=x.device))[:-1]
    empty = choice_of_slot == n * k
    token_of_slot = torch.where(empty, 0, torch.div(choice_of_slot, k, rounding_mode="floor"))
    share_of_slot = torch.where(empty, 0.0, shares.reshape(-1)[choice_of_slot.clamp(max=n * k - 1)])
    slot_of_choice = torch.where(kept, slot, 0).view(n, k)
    kept = kept.view(n, k).to(x.dtype)

    taken = Spread.apply(x, token_of_slot, slot_of_choice, kept).view(n_experts, capacity, -1)
    hidden = F.silu(torch.bmm(taken, gate.transpose(1, 2))) * torch.bmm(taken, up.transpose(1, 2))
    hidden = hidden * share_of_slot.view(n_experts, capacity, 1).to(x.dtype)
    y = torch.bmm(hidden, down.transpose(1, 2)).view(n_experts * capacity, -1)
    return Collect.apply(y, token_of_slot, slot_of_choice, kept)


def routed_exactly(x, chosen, shares, gate, up, down):
    """No limit; for CPUs and for measuring."""
    out = torch.zeros_like(x)
    for expert in range(gate.shape[0]):
        token, slot = (chosen == expert).nonzero(as_tuple=True)
        y = swiglu(x[token], gate[expert], up[expert], down[expert])
        out = out.index_add(0, token, y * shares[token, slot][:, None].to(x.dtype))
    return out


def best_experts(keys, k):
    """[tokens, k], best first, equal ones to the lower expert. k passes over a handful of experts
    fuse with what is around them, which a general top-k does not."""
    numbers, chosen = torch.arange(keys.shape[1], device=keys.device), []
    for _ in range(k):
        chosen.append(keys.argmax(dim=-1))
        keys = torch.where(numbers == chosen[-1][:, None], MASKED, keys)
    return torch.stack(chosen, dim=-1)


def feed_forward(shape, x, w, exact):
    """(y, (load of each expert [n_experts], balance loss))."""
    if not shape.n_experts:
        y = swiglu(x, w["ffn_gate.weight"], w["ffn_up.weight"], w["ffn_down.weight"])
        return y, (torch.zeros(1, device=x.device), torch.zeros((), device=x.device))
    rows, dims = x.shape[1], x.shape
    x = x.reshape(-1, shape.width)
    logits = F.linear(x.float(), w["ffn_gate_inp.weight"])
    s = F.softplus(logits).clamp_min(1e-12).sqrt()
    chosen = best_experts(s.detach() + w["exp_probs_b.bias"], shape.n_experts_used)
    shares = s.gather(1, chosen)
    shares = shares / shares.sum(dim=-1, keepdim=True)
    experts = [w[f"ffn_{part}_exps.weight"] for part in ("gate", "up", "down")]
    if exact:
        y = routed_exactly(x, chosen, shares, *experts)
    else:
        y = routed_with_capacity(x, chosen, shares, *experts, rows)
    y = y + swiglu(x, *(w[f"ffn_{part}_shexp.weight"] for part in ("gate", "up", "down")))
    load = (chosen[..., None] == torch.arange(shape.n_experts, device=x.device)).float()
    load = load.sum(dim=1).mean(dim=0) / shape.n_experts_used
    probability = (s / s.sum(dim=-1, keepdim=True)).mean(dim=0)
    return y.view(dims), (load, shape.n_experts * (load * probability).sum())


# --------------------------------------------------------------------------------------- Engram


def engram_rows(tokens, multipliers, primes, offsets, pad):
    """Table rows of every token, [batch, positions, columns]; int64 wraps like the engine's."""
    mixed, columns, heads = tokens * multipliers[0], [], len(primes) // (len(multipliers) - 1)
    for back in range(1, len(multipliers)):
        shifted = F.pad(tokens[:, :-back], (back, 0), value=pad)
        mixed = mixed ^ (shifted * multipliers[back])
        for head in range(heads):
            column = (back - 1) * heads + head
            columns.append(mixed.remainder(primes[column]) + offsets[column])
    return torch.stack(columns, dim=-1)


def engram(shape, h, e, wkv, q_norm, k_norm):
    """h plus what the looked-up rows e [batch, positions, columns row_dim] say."""
    s, d = shape.n_streams, shape.width
    kv = F.linear(e, wkv)
    keys = kv[..., :s * d].unflatten(-1, (s, d)).float()
    wide = h.float()
    product = (wide * q_norm * keys * k_norm).sum(dim=-1)
    norms = torch.sqrt((wide.square().mean(dim=-1) + shape.epsilon)
                       * (keys.square().mean(dim=-1) + shape.epsilon))
    product = product / norms / math.sqrt(d)
    root = product.abs().clamp_min(1e-6).sqrt()
    gate = torch.sigmoid(torch.where(product >= 0, root, -root))
    value = kv[..., s * d:].float()[..., None, :]
    return (wide + gate[..., None] * value).to(h.dtype)


class Lookup(torch.autograd.Function):
    """Rows of a table; their gradients are summed in float32, without a wait for the device."""

    @staticmethod
    def forward(ctx, table, rows):
        ctx.save_for_backward(rows)
        ctx.shape, ctx.type = table.shape, table.dtype
        return F.embedding(rows, table)

    @staticmethod
    def backward(ctx, gradient):
        (rows,) = ctx.saved_tensors
        total = torch.zeros(ctx.shape, device=gradient.device)
        total.index_add_(0, rows.flatten(), gradient.reshape(-1, ctx.shape[1]).float())
        return total.to(ctx.type), None


# ------------------------------------------------------------------------------------- all of it


def _engram_of(shape):
    def engram_site(h, e, wkv, q_norm, k_norm):
        return engram(shape, h, e, wkv, q_norm, k_norm)

    return engram_site


def _collapse_of(shape):
    def collapse_site(h, fn, base, scale, norm):
        return collapse(shape, h, fn, base, scale, norm)

    return collapse_site


class Network:
    """Reads {GGUF name: tensor}, which the caller may change in place between calls.

    wrap: applied once to each kind of site, for torch.compile. exact: no expert drops a token.
    """

    def __init__(self, shape, weights, exact=True, wrap=lambda f: f):
        self.shape, self.weights = shape, weights
        self._device = weights["token_embd.weight"].device
        self._plan = EngramPlan(shape)
        rope = {n: tuple(t.to(self._device) for t in rope_table(shape.context, n, shape.rope_base))
                for n in (shape.n_rotated, shape.head_dim)}
        self._tail, self._full = rope[shape.n_rotated], rope[shape.head_dim]
        self._masks = {}
        # Sites are functions of plain tensors, so that one compiled site serves all its layers.
        self._attention, self._feed_forward, sites = [], [], {}
        for layer, ratio in enumerate(shape.ratios):
            for key, made in (("attn", self._attention), ("ffn", self._feed_forward)):
                prefix = f"blk.{layer}."
                names = [n[len(prefix):] for n in weights if n.startswith(prefix)
                         and (key in n or key == "ffn" and "exp_probs_b" in n)]
                kind = (key, ratio if key == "attn" else 0)
                if kind not in sites:
                    sites[kind] = wrap(self._site(kind, names, exact))
                made.append((sites[kind], [weights[prefix + n] for n in names]))
        self._engram = wrap(_engram_of(shape))
        self._collapse = wrap(_collapse_of(shape))

    def _site(self, kind, names, exact):
        shape, (key, ratio) = self.shape, kind

        def plain_attention_site(h, cos, sin, *tensors):
            w = dict(zip(names, tensors))
            return with_residual(shape, h, w, "attn",
                                 lambda x: (plain_attention(shape, x, w, cos, sin), None))[0]

        def hybrid_attention_site(h, cos, sin, mask, *tensors):
            w = dict(zip(names, tensors))
            return with_residual(
                shape, h, w, "attn",
                lambda x: (hybrid_attention(shape, ratio, x, w, cos, sin, mask), None))[0]

        def feed_forward_site(h, *tensors):
            w = dict(zip(names, tensors))
            return with_residual(shape, h, w, "ffn", lambda x: feed_forward(shape, x, w, exact))

        if key == "ffn":
            return feed_forward_site
        return hybrid_attention_site if ratio else plain_attention_site

    def _mask(self, ratio, n):
        key = (ratio, n)
        if key not in self._masks:
            self._masks[key] = hybrid_mask(self.shape, ratio, n, self._device)
        return self._masks[key]

    def hidden(self, tokens):
        """tokens [batch, positions] int64 -> (what the head sees, loads [layers, experts],
        balance loss)."""
        shape, w, n = self.shape, self.weights, tokens.shape[1]
        h = Lookup.apply(w["token_embd.weight"], tokens)
        h = h[:, :, None].expand(-1, -1, shape.n_streams, -1).contiguous()
        loads, balance = [], 0.0
        for layer, ratio in enumerate(shape.ratios):
            if layer in shape.engram_layers:
                which, p = shape.engram_layers.index(layer), f"blk.{layer}.engram_"
                rows = engram_rows(tokens, self._plan.multipliers[which],
                                   self._plan.primes[which], self._plan.offsets[which],
                                   shape.pad_token)
                e = Lookup.apply(w[p + "embd.weight"], rows).flatten(-2)
                h = self._engram(h, e, w[p + "wkv.weight"], w[p + "q.weight"], w[p + "k.weight"])
            site, tensors = self._attention[layer]
            if ratio:
                h = site(h, *self._tail, self._mask(ratio, n), *tensors)
            else:
                h = site(h, *self._full, *tensors)
            site, tensors = self._feed_forward[layer]
            h, (load, part) = site(h, *tensors)
            loads.append(load.detach())
            balance = balance + part
        head = [w.get(f"output_hc_{part}.weight") for part in ("fn", "base", "scale")]
        x = self._collapse(h, *head, w["output_norm.weight"])
        return x, torch.stack(loads), balance / shape.n_layers

    def logits(self, tokens):
        return F.linear(self.hidden(tokens)[0], self.weights["token_embd.weight"]).float()
