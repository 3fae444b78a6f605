"""Writes GGUF version 3 files: metadata, and tensors as F32 or Q8_0.

Knows the container and the two block formats, nothing about the model.

  | "GGUF" | version | tensor count | key count | keys | tensor directory | pad | data ... |

Everything is little-endian; tensor data starts at multiples of 32.
"""
import struct

import numpy as np

ALIGNMENT = 32
U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
SCALAR_FORMATS = {U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}
TENSOR_F32, TENSOR_Q8_0 = 0, 8
Q8_0_BLOCK = 32


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


def q8_0_bytes(array):
    """Blocks of 32 along the last dimension: | d: f16 = max|x| / 127 | 32 x int8 |."""
    if array.shape[-1] % Q8_0_BLOCK:
        raise ValueError(f"row of {array.shape[-1]} is not a multiple of {Q8_0_BLOCK}")
    blocks = array.astype(np.float32).reshape(-1, Q8_0_BLOCK)
    d = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    inverse = np.divide(np.float32(1), d, out=np.zeros_like(d), where=d > 0)
    quants = np.rint(blocks * inverse).astype(np.int8)
    out = np.empty((len(blocks), 2 + Q8_0_BLOCK), np.uint8)
    out[:, :2] = d.astype("<f2").view(np.uint8)
    out[:, 2:] = quants.view(np.uint8)
    return out.tobytes()


class GgufWriter:
    def __init__(self):
        self._keys, self._tensors = [], []

    def key(self, name, type_id, value):
        self._keys.append(string_bytes(name) + struct.pack("<I", type_id)
                          + value_bytes(type_id, value))

    def tensor(self, name, array, quantise):
        """`array` is [out, in]; GGUF lists dimensions from the contiguous one outwards."""
        data = q8_0_bytes(array) if quantise else array.astype("<f4").tobytes()
        self._tensors.append((name, list(reversed(array.shape)),
                              TENSOR_Q8_0 if quantise else TENSOR_F32, data))

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
