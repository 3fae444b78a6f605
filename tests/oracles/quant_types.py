#!/usr/bin/env python3
"""Decoders of the number formats that model files hold, written from the layouts as published; float64 inside.

  quant_types.py            writes fixtures/quant_types/cases.safetensors
  quant_types.py --check    decodes again and compares with the committed file, bit by bit

Every value below is a product of small integers and one scale (and one subtraction of such a product), so the
float64 result rounded once to float32 is also what exact float32 code gives: comparisons need no tolerance.

Sources: the block layouts of GGML's file format (block sizes and the packing of scales as in the format's
Python and C descriptions), OCP Microscaling Formats 1.0 (E2M1, E8M0, E4M3), DeepSeek-V3's and V4's weight files.
"""
import sys

import numpy as np

import common
import parts

# Sixteen levels of the non-linear 4-bit types, and twice the E2M1 magnitudes.
NL_LEVELS = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], dtype=np.float64)
E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])
E2M1 = np.concatenate([E2M1, -E2M1])

# name: (GGML type number, values in a block, bytes in a block)
TYPES = {
    "f16": (1, 1, 2), "q4_0": (2, 32, 18), "q4_1": (3, 32, 20), "q5_0": (6, 32, 22), "q5_1": (7, 32, 24),
    "q8_0": (8, 32, 34), "q2_k": (10, 256, 84), "q3_k": (11, 256, 110), "q4_k": (12, 256, 144),
    "q5_k": (13, 256, 176), "q6_k": (14, 256, 210), "iq4_nl": (20, 32, 18), "iq4_xs": (23, 256, 136),
    "bf16": (30, 1, 2), "mxfp4": (39, 32, 17),
}


def half_at(blocks, offset):
    """The IEEE half stored at a byte offset of every block, as a column."""
    raw = np.ascontiguousarray(blocks[:, offset : offset + 2])
    return raw.view("<f2").astype(np.float64)


def bits(data, shift, width):
    return (data.astype(np.int64) >> shift) & ((1 << width) - 1)


def nibbles(data):
    """All low nibbles, then all high ones: the order of the 32-value blocks."""
    return np.concatenate([bits(data, 0, 4), bits(data, 4, 4)], axis=1)


def fifth_bits(data):
    """Bit i of a 32-bit little-endian word is the fifth bit of value i."""
    return np.unpackbits(np.ascontiguousarray(data), axis=1, bitorder="little").astype(np.int64)


def f16(blocks):
    return half_at(blocks, 0)


def bf16(blocks):
    wide = np.zeros((len(blocks), 4), dtype=np.uint8)
    wide[:, 2:] = blocks
    return wide.view("<f4").astype(np.float64)


def q8_0(blocks):
    return half_at(blocks, 0) * np.ascontiguousarray(blocks[:, 2:]).view(np.int8)


def q4_0(blocks):
    return half_at(blocks, 0) * (nibbles(blocks[:, 2:]) - 8)


def q4_1(blocks):
    return half_at(blocks, 0) * nibbles(blocks[:, 4:]) + half_at(blocks, 2)


def q5_0(blocks):
    return half_at(blocks, 0) * (nibbles(blocks[:, 6:]) + 16 * fifth_bits(blocks[:, 2:6]) - 16)


def q5_1(blocks):
    return half_at(blocks, 0) * (nibbles(blocks[:, 8:]) + 16 * fifth_bits(blocks[:, 4:8])) + half_at(blocks, 2)


def planes_2bit(data):
    """64 bytes -> 256 values of two bits: each 32 bytes hold 128 values as four planes of 32."""
    data = data.reshape(len(data), 2, 32)
    return np.stack([bits(data, 2 * plane, 2) for plane in range(4)], axis=2).reshape(len(data), 256)


def q2_k(blocks):
    scale, low = bits(blocks[:, :16], 0, 4), bits(blocks[:, :16], 4, 4)
    spread = lambda column: np.repeat(column, 16, axis=1)
    return half_at(blocks, 80) * spread(scale) * planes_2bit(blocks[:, 16:80]) - half_at(blocks, 82) * spread(low)


def q3_k(blocks):
    # Bit p of mask byte b belongs to value 32 p + b; a set bit means that 4 is not subtracted.
    mask = np.stack([bits(blocks[:, :32], plane, 1) for plane in range(8)], axis=1).reshape(len(blocks), 256)
    packed = blocks[:, 96:108]
    low = np.concatenate([bits(packed[:, :8], 0, 4), bits(packed[:, :8], 4, 4)], axis=1)
    high = np.concatenate([bits(packed[:, 8:], 2 * part, 2) for part in range(4)], axis=1)
    scale = np.repeat(low + 16 * high - 32, 16, axis=1)
    return half_at(blocks, 108) * scale * (planes_2bit(blocks[:, 32:96]) - 4 + 4 * mask)


def six_bit_pairs(packed):
    """12 bytes -> eight scales and eight minimums of six bits (Q4_K, Q5_K)."""
    a, b, c = packed[:, 0:4], packed[:, 4:8], packed[:, 8:12]
    scale = np.concatenate([bits(a, 0, 6), bits(c, 0, 4) + 16 * bits(a, 6, 2)], axis=1)
    low = np.concatenate([bits(b, 0, 6), bits(c, 4, 4) + 16 * bits(b, 6, 2)], axis=1)
    return np.repeat(scale, 32, axis=1), np.repeat(low, 32, axis=1)


def halves_of_64(data):
    """128 bytes -> 256 nibbles: each 32 bytes give 32 low nibbles, then 32 high ones."""
    data = data.reshape(len(data), 4, 32)
    return np.stack([bits(data, 0, 4), bits(data, 4, 4)], axis=2).reshape(len(data), 256)


def q4_k(blocks):
    scale, low = six_bit_pairs(blocks[:, 4:16])
    return half_at(blocks, 0) * scale * halves_of_64(blocks[:, 16:]) - half_at(blocks, 2) * low


def q5_k(blocks):
    scale, low = six_bit_pairs(blocks[:, 4:16])
    high = np.stack([bits(blocks[:, 16:48], group, 1) for group in range(8)], axis=1).reshape(len(blocks), 256)
    return half_at(blocks, 0) * scale * (halves_of_64(blocks[:, 48:]) + 16 * high) - half_at(blocks, 2) * low


def q6_k(blocks):
    # Two halves of 128 values; in each, 64 bytes of low nibbles (all low, then all high) and 32 of two-bit planes.
    low = blocks[:, :128].reshape(len(blocks), 2, 64)
    low = np.concatenate([bits(low, 0, 4), bits(low, 4, 4)], axis=2)
    top = blocks[:, 128:192].reshape(len(blocks), 2, 32)
    top = np.concatenate([bits(top, 2 * plane, 2) for plane in range(4)], axis=2)
    scale = np.repeat(np.ascontiguousarray(blocks[:, 192:208]).view(np.int8).astype(np.int64), 16, axis=1)
    return half_at(blocks, 208) * scale * ((low + 16 * top).reshape(len(blocks), 256) - 32)


def iq4_nl(blocks):
    return half_at(blocks, 0) * NL_LEVELS[nibbles(blocks[:, 2:])]


def iq4_xs(blocks):
    high = bits(blocks[:, 2], 0, 8) + 256 * bits(blocks[:, 3], 0, 8)
    scale = np.empty((len(blocks), 8), dtype=np.int64)
    for group in range(8):
        scale[:, group] = bits(blocks[:, 4 + group // 2], 4 * (group % 2), 4) + 16 * bits(high, 2 * group, 2) - 32
    quants = blocks[:, 8:].reshape(len(blocks) * 8, 16)
    levels = NL_LEVELS[nibbles(quants)].reshape(len(blocks), 256)
    return half_at(blocks, 0) * np.repeat(scale, 32, axis=1) * levels


def ue8m0(codes):
    """A power of two; 255 is NaN. Code 0 is 2^-127, a float32 subnormal."""
    codes = codes.astype(np.int64)
    return np.where(codes == 255, np.nan, np.ldexp(1.0, codes - 127))


def e4m3(codes):
    """FP8 as used for weights: bias 7, no infinities, 0x7f and 0xff are NaN, largest 448."""
    codes = codes.astype(np.int64)
    sign = np.where(codes & 0x80, -1.0, 1.0)
    exponent, mantissa = (codes >> 3) & 15, codes & 7
    value = np.where(exponent == 0, np.ldexp(mantissa / 8.0, -6), np.ldexp(1 + mantissa / 8.0, exponent - 7))
    return np.where((codes & 0x7F) == 0x7F, np.nan, sign * value)


def mxfp4(blocks):
    return ue8m0(blocks[:, :1]) * E2M1[nibbles(blocks[:, 1:])]


def scaled_tiles(values, scales, rows, columns):
    """One scale per tile of rows x columns; tiles at the right and lower edge may be cut."""
    wide = np.repeat(np.repeat(scales, rows, axis=0), columns, axis=1)
    return values * wide[: values.shape[0], : values.shape[1]]


def packed_e2m1(data):
    """Two values a byte, the low nibble first (safetensors order, unlike GGML's blocks)."""
    return E2M1[np.stack([bits(data, 0, 4), bits(data, 4, 4)], axis=2).reshape(len(data), -1)]


DECODERS = {name: globals()[name] for name in TYPES}
HALF_OFFSETS = {"q4_0": [0], "q4_1": [0, 2], "q5_0": [0], "q5_1": [0, 2], "q8_0": [0], "q2_k": [80, 82], "q3_k": [108],
                "q4_k": [0, 2], "q5_k": [0, 2], "q6_k": [208], "iq4_nl": [0], "iq4_xs": [0]}


class Numbers:
    """Random integers and fractions, the same for every numpy version."""

    def __init__(self, seed):
        self.draw, self.calls = common.Draw(seed), 0

    def integers(self, low, high, shape, dtype=np.uint8):
        self.calls += 1
        return (low + self.draw.integers("call %d" % self.calls, shape, high - low)).astype(dtype)

    def uniform(self, low, high, shape):
        self.calls += 1
        return low + (high - low) * self.draw.uniform("call %d" % self.calls, shape)


def sane_half(rng, count):
    """Scales of both signs near 0.01 to 0.1; the last two blocks have a subnormal one and zero."""
    value = rng.uniform(0.01, 0.1, count) * (1 - 2 * rng.integers(0, 2, count, np.int64))
    value[-2:] = [3.1e-5, 0.0]
    return value.astype("<f2").view(np.uint8).reshape(count, 2)


def make_cases():
    rng = Numbers(20260)
    cases = {}

    def case(name, kind, values, **inputs):
        for key, value in inputs.items():
            cases[name + "." + key] = value
        cases[name + "." + kind] = values.astype(np.float32)

    for name, (_, block_values, block_bytes) in TYPES.items():
        count = 8 if block_values > 1 else 64
        blocks = rng.integers(0, 256, (count, block_bytes), dtype=np.uint8)
        if name == "f16":
            blocks[:, 1] = np.where((blocks[:, 1] & 0x7C) == 0x7C, blocks[:, 1] & 0xBF, blocks[:, 1])  # no inf, NaN
        elif name == "bf16":
            blocks[:, 1] = (blocks[:, 1] & 0x80) | rng.integers(0x38, 0x44, count, dtype=np.uint8)
        elif name == "mxfp4":
            blocks[:, 0] = rng.integers(116, 132, count)
            blocks[-2:, 0] = [1, 0]
        for offset in HALF_OFFSETS.get(name, []):
            blocks[:, offset : offset + 2] = sane_half(rng, count)
        case(name, "values", DECODERS[name](blocks).reshape(-1), blocks=blocks)

    codes = np.array([c for c in range(256) if c & 0x7F != 0x7F], dtype=np.uint8)
    case("e4m3", "values", e4m3(codes), codes=codes)
    codes = np.arange(255, dtype=np.uint8)
    case("ue8m0", "values", ue8m0(codes), codes=codes)
    codes = np.arange(16, dtype=np.uint8)
    case("e2m1", "values", E2M1, codes=codes)

    def fp8(shape):
        weight = rng.integers(0, 256, shape, dtype=np.uint8)
        return np.where((weight & 0x7F) == 0x7F, weight ^ 1, weight).astype(np.uint8)

    for name, shape, tile in (("e4m3_128x128", (132, 16), 128), ("e4m3_128x128_wide", (8, 264), 128),
                              ("e4m3_32x32", (40, 72), 32)):
        weight = fp8(shape)
        scale = rng.integers(112, 130, tuple(-(-n // tile) for n in shape), dtype=np.uint8)
        case(name, "values", scaled_tiles(e4m3(weight), ue8m0(scale), tile, tile), weight=weight, scale=scale)
    weight = fp8((130, 8))
    scale = rng.uniform(0.001, 0.01, (2, 1)).astype(np.float32)
    case("e4m3_128x128_f32", "values", scaled_tiles(e4m3(weight), scale.astype(np.float64), 128, 128), weight=weight,
         scale=scale)
    weight = rng.integers(0, 256, (16, 64), dtype=np.uint8)
    scale = rng.integers(112, 130, (16, 4), dtype=np.uint8)
    case("e2m1_1x32", "values", scaled_tiles(packed_e2m1(weight), ue8m0(scale), 1, 32), weight=weight, scale=scale)
    return cases


def fixtures():
    fixture = common.Fixture("quant_types")
    kinds = {np.dtype(np.uint8): "U8", np.dtype(np.float32): "F32"}
    fixture.add_tensors("cases.safetensors", {name: (kinds[value.dtype], value) for name, value in make_cases().items()})
    return [fixture]


if __name__ == "__main__":
    sys.exit(parts.main(fixtures))
