#!/usr/bin/python3
"""The slow obvious forward pass: logits of a GGUF model for given token ids, in float64.

Owns the answer the C++ engine is compared with, for the architectures `engramd-moe` and
`qwen3moe`. Shares no code with the engine or with the training code on purpose.
Needs only numpy. Knows nothing about text: tokens go in as ids.

  forward_numpy.py --model F.gguf --tokens 1,2,3 --out logits.f32     # all positions
  forward_numpy.py --model F.gguf --tokens 1,2,3 --last               # summary, last position

The output file holds float32 little-endian, row-major [positions, vocabulary].

What must stay true:
- Every product and sum is float64; weights are dequantised exactly as ggml defines the blocks.
- No cache, no batching tricks: position t attends to positions 0..t of the same call.
- Router ties go to the lower expert index.
"""
import argparse
import math
import mmap
import struct
import sys

import numpy as np

# ---------------------------------------------------------------- GGUF file

SCALAR_FORMATS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f",
                  7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
STRING, ARRAY = 8, 9


class GgufFile:
    """Metadata and tensors of one GGUF file; tensors are dequantised when asked for."""

    def __init__(self, path):
        self._file = open(path, "rb")
        self._bytes = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        self._pos = 0
        if self._bytes[:4] != b"GGUF":
            raise ValueError(f"{path}: not a GGUF file")
        self._pos = 4
        version = self._scalar("<I")
        if version not in (2, 3):
            raise ValueError(f"{path}: GGUF version {version}, expected 2 or 3")
        n_tensors, n_keys = self._scalar("<Q"), self._scalar("<Q")
        self.metadata = {}
        for _ in range(n_keys):
            key = self._string().decode()
            self.metadata[key] = self._value(self._scalar("<I"))
        self.tensors = {}  # name -> (dims, type id, offset); dims[0] is the contiguous one
        for _ in range(n_tensors):
            name = self._string().decode()
            dims = [self._scalar("<Q") for _ in range(self._scalar("<I"))]
            self.tensors[name] = (dims, self._scalar("<I"), self._scalar("<Q"))
        alignment = self.metadata.get("general.alignment", 32)
        self._data_start = (self._pos + alignment - 1) // alignment * alignment

    def _scalar(self, fmt):
        value = struct.unpack_from(fmt, self._bytes, self._pos)[0]
        self._pos += struct.calcsize(fmt)
        return value

    def _string(self):
        n = self._scalar("<Q")
        self._pos += n
        return self._bytes[self._pos - n:self._pos]

    def _value(self, type_id):
        if type_id == STRING:
            return self._string().decode("utf-8", "replace")
        if type_id == ARRAY:
            element, n = self._scalar("<I"), self._scalar("<Q")
            return [self._value(element) for _ in range(n)]
        return self._scalar(SCALAR_FORMATS[type_id])

    def has(self, name):
        return name in self.tensors

    def matrix(self, name, index=None):
        """A tensor as float64 with reversed dims ([out, in] for a matrix).

        `index` picks one slice of the outermost dimension (one expert, or one embedding row)
        so that the rest is never dequantised.
        """
        dims, type_id, offset = self.tensors[name]
        if type_id not in DEQUANTISERS:
            raise ValueError(f"tensor {name}: ggml type {type_id} is not supported here")
        block_size, block_bytes, dequantise = DEQUANTISERS[type_id]
        if dims[0] % block_size:
            raise ValueError(f"tensor {name}: row of {dims[0]} is not a multiple of {block_size}")
        shape = list(reversed(dims))
        start = self._data_start + offset
        if index is not None:
            if not 0 <= index < shape[0]:
                raise ValueError(f"tensor {name}: index {index} of {shape[0]}")
            slice_bytes = math.prod(shape[1:]) // block_size * block_bytes
            start += index * slice_bytes
            shape = shape[1:]
        n_blocks = math.prod(shape) // block_size
        raw = np.frombuffer(self._bytes, np.uint8, n_blocks * block_bytes, start)
        return dequantise(raw.reshape(n_blocks, block_bytes)).reshape(shape)


# ---------------------------------------------------------------- ggml blocks -> float64
# Each takes uint8 [blocks, block bytes] and returns float64 [blocks, block size].

def halves(raw):
    return np.ascontiguousarray(raw).view("<f2").astype(np.float64)


def dequantise_f32(raw):
    return raw.copy().view("<f4").astype(np.float64)


def dequantise_f16(raw):
    return halves(raw)


def dequantise_bf16(raw):
    return (raw.copy().view("<u2").astype(np.uint32) << 16).view(np.float32).astype(np.float64)


def dequantise_q8_0(raw):
    """| d: f16 | 32 x int8 |"""
    return halves(raw[:, :2]) * np.ascontiguousarray(raw[:, 2:]).view(np.int8)


def dequantise_q4_k(raw):
    """| d: f16 | dmin: f16 | 8 scales and 8 mins, 6 bits each, in 12 bytes | 128 bytes of nibbles |

    32 bytes of nibbles hold two sub-blocks of 32: low nibbles first, then high nibbles.
    """
    d, dmin = halves(raw[:, 0:2]), halves(raw[:, 2:4])
    a, b, c = raw[:, 4:8], raw[:, 8:12], raw[:, 12:16]
    scales = np.concatenate([a & 63, (c & 15) | ((a >> 6) << 4)], axis=1)
    mins = np.concatenate([b & 63, (c >> 4) | ((b >> 6) << 4)], axis=1)
    nibbles = raw[:, 16:].reshape(-1, 4, 32)
    quants = np.stack([nibbles & 15, nibbles >> 4], axis=2).reshape(-1, 8, 32)
    values = (d * scales)[:, :, None] * quants - (dmin * mins)[:, :, None]
    return values.reshape(-1, 256)


def dequantise_q6_k(raw):
    """| 128 bytes: low 4 bits | 64 bytes: high 2 bits | 16 x int8 scales | d: f16 |

    Each half of 128 values uses 64 low bytes and 32 high bytes; the four groups of 32 are
    (low nibble of bytes 0-31), (low nibble of 32-63), (high nibble of 0-31), (high of 32-63).
    """
    low = raw[:, :128].reshape(-1, 2, 2, 32)
    high = raw[:, 128:192].reshape(-1, 2, 32)
    scales = np.ascontiguousarray(raw[:, 192:208]).view(np.int8).astype(np.float64)
    d = halves(raw[:, 208:210])
    groups = [(low[:, :, 0] & 15) | ((high & 3) << 4),
              (low[:, :, 1] & 15) | (((high >> 2) & 3) << 4),
              (low[:, :, 0] >> 4) | (((high >> 4) & 3) << 4),
              (low[:, :, 1] >> 4) | ((high >> 6) << 4)]
    quants = np.stack(groups, axis=2).astype(np.float64) - 32.0
    values = (d * scales)[:, :, None] * quants.reshape(-1, 16, 16)
    return values.reshape(-1, 256)


DEQUANTISERS = {  # ggml type id: (block size, block bytes, function)
    0: (1, 4, dequantise_f32),
    1: (1, 2, dequantise_f16),
    8: (32, 34, dequantise_q8_0),
    12: (256, 144, dequantise_q4_k),
    14: (256, 210, dequantise_q6_k),
    30: (1, 2, dequantise_bf16),
}


# ---------------------------------------------------------------- the network

class Model:
    def __init__(self, gguf):
        self.gguf = gguf
        arch = gguf.metadata["general.architecture"]
        if arch not in ("engramd-moe", "qwen3moe"):
            raise ValueError(f"architecture {arch}, expected engramd-moe or qwen3moe")

        def key(name, default=None):
            value = gguf.metadata.get(f"{arch}.{name}", default)
            if value is None:
                raise ValueError(f"metadata key {arch}.{name} is missing")
            return value

        self.n_layers = key("block_count")
        self.n_heads = key("attention.head_count")
        self.n_kv_heads = key("attention.head_count_kv")
        self.head_dim = key("attention.key_length")
        if key("attention.value_length", self.head_dim) != self.head_dim:
            raise ValueError("key_length and value_length differ")
        if key("rope.dimension_count", self.head_dim) != self.head_dim:
            raise ValueError("rope over part of a head is not part of this contract")
        self.eps = key("attention.layer_norm_rms_epsilon")
        self.rope_base = key("rope.freq_base")
        self.n_experts = key("expert_count")
        self.n_experts_used = key("expert_used_count")
        self.renormalise = key("expert_weights_norm", True)
        # engramd-moe only: one always-on expert, and the head is the embedding table.
        self.has_shared_expert = arch == "engramd-moe"
        self.head_name = "token_embd.weight" if arch == "engramd-moe" else "output.weight"

    def logits(self, tokens, last_only=False):
        """float64 [positions, vocabulary]; only the last position when asked."""
        h = np.stack([self.gguf.matrix("token_embd.weight", index=t) for t in tokens])
        for layer in range(self.n_layers):
            prefix = f"blk.{layer}."
            h = h + self.attention(prefix, self.rms_norm(h, prefix + "attn_norm.weight"))
            h = h + self.mixture(prefix, self.rms_norm(h, prefix + "ffn_norm.weight"))
        if last_only:
            h = h[-1:]
        return self.rms_norm(h, "output_norm.weight") @ self.gguf.matrix(self.head_name).T

    def rms_norm(self, x, weight_name):
        scale = 1.0 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + self.eps)
        return x * scale * self.gguf.matrix(weight_name)

    def project(self, x, name):
        return x @ self.gguf.matrix(name).T

    def attention(self, prefix, x):
        n = len(x)
        q = self.project(x, prefix + "attn_q.weight").reshape(n, self.n_heads, self.head_dim)
        k = self.project(x, prefix + "attn_k.weight").reshape(n, self.n_kv_heads, self.head_dim)
        v = self.project(x, prefix + "attn_v.weight").reshape(n, self.n_kv_heads, self.head_dim)
        q = self.rope(self.rms_norm(q, prefix + "attn_q_norm.weight"))
        k = self.rope(self.rms_norm(k, prefix + "attn_k_norm.weight"))
        future = np.triu(np.ones((n, n), dtype=bool), 1)
        out = np.empty_like(q)
        for head in range(self.n_heads):
            kv_head = head // (self.n_heads // self.n_kv_heads)
            scores = q[:, head] @ k[:, kv_head].T / math.sqrt(self.head_dim)
            out[:, head] = softmax(np.where(future, -np.inf, scores)) @ v[:, kv_head]
        return self.project(out.reshape(n, -1), prefix + "attn_output.weight")

    def rope(self, x):
        """NEOX: element i turns with element i + head_dim/2 by position * base^(-2i/head_dim)."""
        half = self.head_dim // 2
        frequency = self.rope_base ** (-2.0 * np.arange(half) / self.head_dim)
        angle = np.arange(len(x))[:, None, None] * frequency
        a, b = x[..., :half], x[..., half:]
        return np.concatenate([a * np.cos(angle) - b * np.sin(angle),
                               a * np.sin(angle) + b * np.cos(angle)], axis=-1)

    def mixture(self, prefix, x):
        probabilities = softmax(self.project(x, prefix + "ffn_gate_inp.weight"))
        chosen = np.argsort(-probabilities, axis=-1, kind="stable")[:, :self.n_experts_used]
        weights = np.take_along_axis(probabilities, chosen, axis=-1)
        if self.renormalise:
            weights = weights / weights.sum(axis=-1, keepdims=True)
        out = np.zeros_like(x)
        for expert in range(self.n_experts):
            rows, slots = np.nonzero(chosen == expert)
            if len(rows):
                y = self.swiglu(x[rows], prefix, "exps", expert)
                out[rows] += weights[rows, slots][:, None] * y
        if self.has_shared_expert:
            out += self.swiglu(x, prefix, "shexp", None)
        return out

    def swiglu(self, x, prefix, suffix, expert):
        gate, up, down = (self.gguf.matrix(f"{prefix}ffn_{part}_{suffix}.weight", index=expert)
                          for part in ("gate", "up", "down"))
        g = x @ gate.T
        return (g / (1.0 + np.exp(-g)) * (x @ up.T)) @ down.T


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


# ---------------------------------------------------------------- command line

def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokens", required=True, help="comma-separated token ids")
    parser.add_argument("--out", help="float32 file, [positions, vocabulary]")
    parser.add_argument("--last", action="store_true", help="only the last position")
    args = parser.parse_args()
    tokens = [int(t) for t in args.tokens.split(",")]
    logits = Model(GgufFile(args.model)).logits(tokens, last_only=args.last)
    if args.out:
        logits.astype("<f4").tofile(args.out)
    for i, row in enumerate(logits):
        position = len(tokens) - 1 if args.last else i
        top = np.argsort(-row, kind="stable")[:5]
        print(position, " ".join(f"{t}:{row[t]:.5f}" for t in top))
    return 0


if __name__ == "__main__":
    sys.exit(main())
