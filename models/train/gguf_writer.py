"""Writes GGUF version 3 files: metadata, and tensors as F32 or in blocks of 32 (Q4_0, Q5_0, Q8_0).

Knows the container and the block formats, nothing about the model.

  | "GGUF" | version | tensor count | key count | keys | tensor directory | pad | data ... |

Everything is little-endian; tensor data starts at multiples of 32.
"""
import struct

import numpy as np

ALIGNMENT = 32
U32, I32, F32, BOOL, STRING, ARRAY, U64 = 4, 5, 6, 7, 8, 9, 10
SCALAR_FORMATS = {U32: "<I", I32: "<i", F32: "<f", BOOL: "<?", U64: "<Q"}
TENSOR_TYPES = {"F32": 0, "Q4_0": 2, "Q5_0": 6, "Q8_0": 8}
BLOCK = 32
BLOCK_BYTES = {"Q4_0": 18, "Q5_0": 22, "Q8_0": 34}
# Of the types whose values are d * (code - zero): the code that stands for 0.
ZERO_CODES = {"Q4_0": 8, "Q5_0": 16}


def string_bytes(text):
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def value_bytes(type_id, value):
    if type_id == STRING:
        return string_bytes(value)
    if type_id == ARRAY:
        element, items = value
        return struct.pack("<IQ", element, len(items)) + b"".join(
            value_bytes(element, item) for item in items)
    return struct.pack(SCALAR_FORMATS[type_id], value)


def quantise(array, type_name):
    """(codes uint8 [.., n], scales float16 [.., n / 32]) of Q4_0 or Q5_0.

    The value of largest magnitude m gets the lowest code: d = f16(m / -zero), and
    code = floor(x / d + zero + 1/2), at most 2 zero - 1. Training rounds in the same way.
    """
    zero = ZERO_CODES[type_name]
    blocks = split(np.asarray(array, np.float32))
    at = np.abs(blocks).argmax(axis=-1)[..., None]
    with np.errstate(over="ignore"):
        scales = (np.take_along_axis(blocks, at, -1) / np.float32(-zero)).astype(np.float16)
    if not np.isfinite(scales).all():
        raise ValueError("values beyond what a scale of 16 bits can hold")
    d = scales.astype(np.float32)
    # A scale that underflowed to 0 leaves values that are all 0.
    x = np.divide(blocks, d, out=np.zeros_like(blocks), where=d != 0)
    codes = np.clip(np.floor(x + np.float32(zero + 0.5)), 0, 2 * zero - 1).astype(np.uint8)
    return codes.reshape(np.shape(array)), scales[..., 0]


def values_of(codes, scales, type_name):
    """The float32 values that codes and scales stand for."""
    blocks = split(codes).astype(np.float32) - np.float32(ZERO_CODES[type_name])
    return (blocks * scales[..., None].astype(np.float32)).reshape(codes.shape)


def split(array):
    if array.shape[-1] % BLOCK:
        raise ValueError(f"row of {array.shape[-1]} is not a multiple of {BLOCK}")
    return array.reshape(array.shape[:-1] + (-1, BLOCK))


def pack(codes, scales, type_name):
    """Blocks of 32 along the last dimension: | d: f16 | Q5_0: fifth bits, u32 | 16 bytes of two
    codes' low four bits: j in the low half of byte j, j + 16 in the high one |."""
    if np.shape(scales) != codes.shape[:-1] + (codes.shape[-1] // BLOCK,):
        raise ValueError(f"{np.shape(scales)} scales for codes {codes.shape}")
    if codes.max(initial=0) >= 2 * ZERO_CODES[type_name]:
        raise ValueError(f"code {codes.max()} in {type_name}")
    blocks = split(codes).reshape(-1, BLOCK)
    parts = [np.ascontiguousarray(scales, "<f2").reshape(-1, 1).view(np.uint8)]
    if type_name == "Q5_0":
        bits = (blocks >> 4).astype(np.uint32) << np.arange(BLOCK, dtype=np.uint32)
        parts.append(bits.sum(axis=1, dtype=np.uint32).astype("<u4").reshape(-1, 1).view(np.uint8))
    low = blocks & 15
    parts.append(low[:, :16] | low[:, 16:] << 4)
    return np.concatenate(parts, axis=1).tobytes()


def q8_0_bytes(array):
    """Blocks of 32 along the last dimension: | d: f16 = max|x| / 127 | 32 x int8 |."""
    blocks = split(array.astype(np.float32)).reshape(-1, BLOCK)
    d = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    inverse = np.divide(np.float32(1), d, out=np.zeros_like(d), where=d > 0)
    quants = np.rint(blocks * inverse).astype(np.int8)
    out = np.empty((len(blocks), 2 + BLOCK), np.uint8)
    out[:, :2] = d.astype("<f2").view(np.uint8)
    out[:, 2:] = quants.view(np.uint8)
    return out.tobytes()


class GgufWriter:
    def __init__(self):
        self._keys, self._tensors = [], []

    def key(self, name, type_id, value):
        self._keys.append(string_bytes(name) + struct.pack("<I", type_id)
                          + value_bytes(type_id, value))

    def tensor(self, name, array, type_name="F32"):
        """`array` is [out, in]; GGUF lists dimensions from the contiguous one outwards."""
        if type_name in ZERO_CODES:
            self._add(name, array.shape, type_name,
                      pack(*quantise(array, type_name), type_name))
        elif type_name == "Q8_0":
            self._add(name, array.shape, type_name, q8_0_bytes(array))
        else:
            self._add(name, array.shape, type_name, array.astype("<f4").tobytes())

    def blocks(self, name, shape, type_name, data):
        """A matrix that somebody rounded before: its blocks as the file has them."""
        n_blocks, rest = divmod(int(np.prod(shape)), BLOCK)
        if rest or len(data) != n_blocks * BLOCK_BYTES[type_name]:
            raise ValueError(f"tensor {name}: {len(data)} bytes for {shape} in {type_name}")
        self._add(name, shape, type_name, bytes(data))

    def _add(self, name, shape, type_name, data):
        self._tensors.append((name, list(reversed(shape)), TENSOR_TYPES[type_name], data))

    def write(self, path):
        head = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(self._tensors), len(self._keys)))
        head += b"".join(self._keys)
        offset = 0
        for name, dims, type_id, data in self._tensors:
            head += string_bytes(name) + struct.pack("<I", len(dims))
            head += struct.pack(f"<{len(dims)}Q", *dims) + struct.pack("<IQ", type_id, offset)
            offset += len(data) + -len(data) % ALIGNMENT
        head += b"\0" * (-len(head) % ALIGNMENT)
        with open(path, "wb") as out:
            out.write(head)
            for _, _, _, data in self._tensors:
                out.write(data + b"\0" * (-len(data) % ALIGNMENT))
