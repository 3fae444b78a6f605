"""Rounding of weights to the block types of GGUF files, and the files a run leaves behind.

Every block is 32 values of a row (ggml's layout; codes are chosen for the scale as stored):
  q4_0: | d: f16 = value of largest magnitude / -8  | 16 x (element j, element j + 16 << 4) |
  q5_0: | d: f16 = value of largest magnitude / -16 | 32 high bits | 16 bytes like q4_0 |
  q8_0: | d: f16 = largest magnitude / 127 | 32 x int8 |

A result file is safetensors: tensors by GGUF name as F32, or as U8 [rows, bytes of a row], exactly
the bytes that the GGUF file will hold; shape.storage_type says their type.

  python3 quantise.py FOLDER OUT.safetensors     joins the parts that a run left in FOLDER
"""
import json
import pathlib
import struct
import sys

import numpy as np
import torch

from shape import Shape, storage_type, tensor_shapes

LEVELS = {"q4_0": 8, "q5_0": 16}
FILE_BYTES = 15_000_000


def rounded(x, kind):
    """x (float32, rows of whole blocks) as it will be read back; any device."""
    if kind == "f32":
        return x
    d, q = _scale_and_codes(x.reshape(-1, 32), kind)
    return ((q - LEVELS.get(kind, 0)) * d).view(x.shape)


def _scale_and_codes(blocks, kind):
    """(scale as stored, codes), both float32; codes of q8_0 are signed."""
    if kind == "q8_0":
        d = (blocks.abs().amax(dim=1, keepdim=True) / 127).half().float()
        return d, torch.round(_quotient(blocks, d)).clamp(-127, 127)
    level = LEVELS[kind]
    at = blocks.abs().argmax(dim=1, keepdim=True)
    d = (blocks.gather(1, at) / -level).half().float()
    return d, torch.floor(_quotient(blocks, d) + (level + 0.5)).clamp(0, 2 * level - 1)


def _quotient(blocks, d):
    zero = d == 0
    return torch.where(zero, torch.zeros_like(blocks), blocks / d.masked_fill(zero, 1.0))


def block_bytes(x, kind):
    """uint8 [rows, bytes of a row]: what a GGUF file holds."""
    x = x.detach().float().cpu()
    rows = x.numel() // x.shape[-1]
    d, q = _scale_and_codes(x.reshape(-1, 32), kind)
    if kind == "q8_0":
        parts = [q.to(torch.int8).numpy().view(np.uint8)]
    else:
        q = q.numpy().astype(np.uint8)
        low = q & 15
        parts = [low[:, :16] | (low[:, 16:] << 4)]
        if kind == "q5_0":
            parts.insert(0, np.packbits(q >> 4, axis=1, bitorder="little"))
    scale = d.half().numpy().astype("<f2").view(np.uint8)
    return np.concatenate([scale] + parts, axis=1).reshape(rows, -1)


def block_values(raw, kind, shape):
    """The inverse of block_bytes, float32 of `shape`."""
    size = {"q4_0": 18, "q5_0": 22, "q8_0": 34}[kind]
    blocks = np.ascontiguousarray(raw).reshape(-1, size)
    d = blocks[:, :2].copy().view("<f2").astype(np.float32)
    if kind == "q8_0":
        return (blocks[:, 2:].copy().view(np.int8) * d).reshape(shape)
    packed = blocks[:, -16:]
    q = np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.int32)
    if kind == "q5_0":
        q += 16 * np.unpackbits(blocks[:, 2:6], axis=1, bitorder="little").astype(np.int32)
    return ((q - LEVELS[kind]).astype(np.float32) * d).reshape(shape)


# ---------------------------------------------------------------------------------- result files


def write_safetensors(path, arrays, metadata):
    """arrays: {name: uint8 or float32 numpy array}."""
    kinds = {np.dtype(np.uint8): "U8", np.dtype(np.float32): "F32"}
    header, offset = {"__metadata__": metadata}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": kinds[array.dtype], "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    partial = pathlib.Path(str(path) + ".partial")
    with open(partial, "wb") as out:
        out.write(struct.pack("<Q", len(head)) + head)
        for array in arrays.values():
            out.write(np.ascontiguousarray(array).tobytes())
    partial.replace(path)


def read_safetensors(path):
    """({name: array}, metadata)"""
    raw = pathlib.Path(path).read_bytes()
    (n,) = struct.unpack_from("<Q", raw)
    header = json.loads(raw[8:8 + n])
    metadata = header.pop("__metadata__", {})
    kinds = {"U8": np.uint8, "F32": np.float32}
    arrays = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        arrays[name] = np.frombuffer(raw, kinds[entry["dtype"]], (last - first)
                                     // np.dtype(kinds[entry["dtype"]]).itemsize,
                                     8 + n + first).reshape(entry["shape"])
    return arrays, metadata


def save_result(folder, weights, metadata):
    """Writes weights-1.safetensors and on, each at most FILE_BYTES; metadata: {str: str}."""
    folder = pathlib.Path(folder)
    parts, size = [{}], 0
    for name, tensor in weights.items():
        kind = storage_type(name, tensor.shape)
        if kind == "f32":
            array = tensor.detach().float().cpu().numpy()
        else:
            array = block_bytes(tensor, kind)
        if size + array.nbytes > FILE_BYTES:
            parts.append({})
            size = 0
        parts[-1][name] = array
        size += array.nbytes
    for i, part in enumerate(parts):
        write_safetensors(folder / f"weights-{i + 1}.safetensors", part,
                          dict(metadata, parts=str(len(parts))))


def load_result(folder):
    """({GGUF name: array as stored}, metadata) of all parts in a folder."""
    arrays, metadata = read_safetensors(pathlib.Path(folder) / "weights-1.safetensors")
    for i in range(1, int(metadata["parts"])):
        arrays.update(read_safetensors(pathlib.Path(folder) / f"weights-{i + 1}.safetensors")[0])
    return arrays, metadata


def as_floats(arrays, metadata):
    """{GGUF name: float32 array} of what load_result gives."""
    dims = tensor_shapes(Shape.from_dict(json.loads(metadata["shape"])))
    if set(dims) != set(arrays):
        raise SystemExit(f"missing or unknown: {sorted(set(dims) ^ set(arrays))[:5]}")
    return {name: array if array.dtype == np.float32
            else block_values(array, storage_type(name, dims[name]), dims[name])
            for name, array in arrays.items()}


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    arrays, metadata = load_result(sys.argv[1])
    as_floats(arrays, metadata)  # complete, and of the right sizes
    write_safetensors(sys.argv[2], arrays, dict(metadata, parts="1"))
    print(f"{sys.argv[2]}: {len(arrays)} tensors, {sum(a.nbytes for a in arrays.values())} bytes")


if __name__ == "__main__":
    main()
