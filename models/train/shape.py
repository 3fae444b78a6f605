"""The shape of an `engramd` network: its sizes, its tensors, the constants of its hashed memory.

One Shape describes a network everywhere: the trainer builds it, the export writes its keys, the
ablations switch parts off. Parts that are off have no tensors and no keys:

  n_streams 1       plain residual instead of hyper-connections
  n_experts 0       one dense feed-forward of `feed_forward_width` instead of the mixture
  engram_layers ()  no Engram tables

Needs no PyTorch. A GGUF tensor with dims [in, out] is a shape (out, in) here.
"""
import dataclasses
import random

# Hyper-connections have an epsilon where they divide: it keeps zeros out of a division, and changes
# no float32 number. The closed form of two streams (network.py) has none at all, and what it learns
# is so sharp that 1e-6 in the engine cost 0.4 nats a token. Fixed: no shape has another.
HYPER_EPSILON = 1e-30


@dataclasses.dataclass(frozen=True)
class Shape:
    vocabulary: int = 12288
    width: int = 512
    context: int = 1024
    epsilon: float = 1e-6
    # One entry a layer: 4 = window and compressed past, 0 = plain attention over everything.
    ratios: tuple = (4, 0, 4, 0, 4, 0, 4, 0)
    rope_base: float = 10000.0
    n_heads: int = 8
    head_dim: int = 64
    n_kv_heads: int = 2           # of the plain layers
    window: int = 64              # the rest: of the hybrid layers
    q_rank: int = 256
    n_groups: int = 2
    group_rank: int = 128
    n_rotated: int = 32
    n_streams: int = 2
    sinkhorn_rounds: int = 3
    n_experts: int = 8
    n_experts_used: int = 2
    expert_width: int = 192
    shared_width: int = 384
    feed_forward_width: int = 768  # shared + used experts: the same work for each token
    engram_layers: tuple = (1, 4)
    max_ngram: int = 3
    engram_heads: int = 2
    row_dim: int = 64
    rows_per_column: int = 6000    # the primes start here
    pad_token: int = 0             # <|endoftext|>, known once there is a tokenizer

    @property
    def n_layers(self):
        return len(self.ratios)

    @property
    def n_columns(self):
        return (self.max_ngram - 1) * self.engram_heads

    @property
    def hyper_epsilon(self):
        return HYPER_EPSILON

    def to_dict(self):
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values):
        """Of a checkpoint's metadata. Older ones name an epsilon that no network computed with."""
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
                      if k != "hyper_epsilon"})


def tensor_shapes(shape):
    """GGUF tensor name -> (out, in) shape, in file order."""
    d, s, hd = shape.width, shape.n_streams, shape.head_dim
    q_size, n_mix = shape.n_heads * hd, (2 + s) * s
    shapes = {"token_embd.weight": (shape.vocabulary, d), "output_norm.weight": (d,)}
    if s > 1:
        shapes.update({"output_hc_fn.weight": (s, s * d), "output_hc_base.weight": (s,),
                       "output_hc_scale.weight": (1,)})
    for layer, ratio in enumerate(shape.ratios):
        part = {"attn_norm.weight": (d,), "ffn_norm.weight": (d,)}
        if layer in shape.engram_layers:
            rows = sum(EngramPlan(shape).primes[shape.engram_layers.index(layer)])
            part.update({"engram_embd.weight": (rows, shape.row_dim),
                         "engram_wkv.weight": ((s + 1) * d, shape.n_columns * shape.row_dim),
                         "engram_q.weight": (s, d), "engram_k.weight": (s, d)})
        if s > 1:
            for site in ("attn", "ffn"):
                part.update({f"hc_{site}_fn.weight": (n_mix, s * d),
                             f"hc_{site}_base.weight": (n_mix,), f"hc_{site}_scale.weight": (3,)})
        if ratio:
            low = shape.n_groups * shape.group_rank
            part.update({
                "attn_q_a.weight": (shape.q_rank, d), "attn_q_a_norm.weight": (shape.q_rank,),
                "attn_q_b.weight": (q_size, shape.q_rank), "attn_kv.weight": (hd, d),
                "attn_kv_a_norm.weight": (hd,), "attn_sinks.weight": (shape.n_heads,),
                "attn_output_a.weight": (low, q_size // shape.n_groups),
                "attn_output_b.weight": (d, low),
                "attn_compressor_kv.weight": (2 * hd, d),
                "attn_compressor_gate.weight": (2 * hd, d),
                "attn_compressor_ape.weight": (ratio, 2 * hd),
                "attn_compressor_norm.weight": (hd,)})
        else:
            kv_size = shape.n_kv_heads * hd
            part.update({"attn_q.weight": (q_size, d), "attn_k.weight": (kv_size, d),
                         "attn_v.weight": (kv_size, d), "attn_q_norm.weight": (hd,),
                         "attn_k_norm.weight": (hd,), "attn_output.weight": (d, q_size)})
        e, f = shape.n_experts, shape.expert_width
        if e:
            part.update({"ffn_gate_inp.weight": (e, d), "exp_probs_b.bias": (e,),
                         "ffn_gate_exps.weight": (e, f, d), "ffn_up_exps.weight": (e, f, d),
                         "ffn_down_exps.weight": (e, d, f)})
            f, end = shape.shared_width, "_shexp.weight"
        else:
            f, end = shape.feed_forward_width, ".weight"
        part.update({"ffn_gate" + end: (f, d), "ffn_up" + end: (f, d), "ffn_down" + end: (d, f)})
        shapes.update({f"blk.{layer}.{name}": value for name, value in part.items()})
    return shapes


# Kept in full: they are small, and the choice of experts and the mixing of streams hang on them.
EXACT_PARTS = ("ffn_gate_inp", "attn_compressor_ape", "engram_q.", "engram_k.", "hc_", "_norm",
               "_sinks", "exp_probs_b")
EMBEDDING_STORAGE = "q5_0"  # q6_k would pass the 24 MB that the file may have


def storage_type(name, tensor_shape):
    """How the exported file holds a tensor: q4_0, q5_0, q8_0 or f32. The trainer rounds to the
    same at its end, so the exported network is the one that was trained."""
    if len(tensor_shape) < 2 or any(part in name for part in EXACT_PARTS):
        return "f32"
    kind = EMBEDDING_STORAGE if name == "token_embd.weight" else "q4_0"
    return kind if tensor_shape[-1] % 32 == 0 else "f32"


BYTES_PER_32 = {"q4_0": 18, "q5_0": 22, "q8_0": 34, "f32": 128}


def stored_bytes(shape):
    total = 0
    for name, dims in tensor_shapes(shape).items():
        n = 1
        for dim in dims:
            n *= dim
        total += n / 32 * BYTES_PER_32[storage_type(name, dims)]
    return int(total)


class EngramPlan:
    """Multipliers, primes and offsets of each Engram layer, in the order of `engram_layers`."""

    def __init__(self, shape):
        self.multipliers, self.primes, self.offsets = [], [], []
        candidate = shape.rows_per_column
        # The largest multiplier whose product with a token id stays below 2^63.
        bound = ((1 << 63) - 1) // max(shape.vocabulary, 1) // 2
        for layer in shape.engram_layers:
            rng = random.Random(10007 * layer + 1)
            self.multipliers.append([2 * rng.randrange(bound) + 1 for _ in range(shape.max_ngram)])
            primes = []
            for _ in range(shape.n_columns):
                candidate += 1
                while not is_prime(candidate):
                    candidate += 1
                primes.append(candidate)
            self.primes.append(primes)
            self.offsets.append([sum(primes[:i]) for i in range(len(primes))])


def is_prime(n):
    return n > 1 and all(n % d for d in range(2, int(n ** 0.5) + 1))


DEFAULT = Shape()
# For tests and for machines without a GPU: every part is there, nothing is large.
TINY = Shape(vocabulary=512, width=64, context=128, ratios=(4, 0), n_heads=2, head_dim=32,
             n_kv_heads=1, window=16, q_rank=32, group_rank=32, n_rotated=16, n_experts=4,
             expert_width=32, shared_width=32, feed_forward_width=96, engram_layers=(1,),
             row_dim=32, rows_per_column=300)
# Eight runs of it fit into two minutes of a GPU.
ABLATION = Shape(width=256, context=512, ratios=(4, 0, 4, 0, 4, 0), n_heads=4, q_rank=128,
                 group_rank=64, expert_width=96, shared_width=192, feed_forward_width=384,
                 engram_layers=(1, 3))
# Eight runs of it, 1.5 M tokens each, fit into two hours of two processors.
ABLATION_CPU = Shape(width=128, context=512, ratios=(4, 0, 4, 0), n_heads=2, n_kv_heads=1, q_rank=64,
                     group_rank=32, expert_width=48, shared_width=96, feed_forward_width=192,
                     engram_layers=(1,), rows_per_column=4000)
