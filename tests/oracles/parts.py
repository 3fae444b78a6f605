"""What the oracles of the families other than DeepSeek-V4 share: files of tensors, comparison, attention parts."""
import json
import struct

import numpy as np

_DTYPES = {"F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8", "U8": "|u1", "U16": "<u2"}
_NAMES = {np.dtype(v): k for k, v in _DTYPES.items()}


def write_tensors(path, tensors, metadata=None):
    """Safetensors: 8 bytes of length, a JSON header padded to 8 bytes with spaces, the data in header order."""
    header, offset = {}, 0
    if metadata:
        header["__metadata__"] = metadata
    arrays = []
    for name, value in tensors.items():
        value = np.ascontiguousarray(value)
        size = value.nbytes
        header[name] = {"dtype": _NAMES[value.dtype], "shape": list(value.shape), "data_offsets": [offset, offset + size]}
        offset += size
        arrays.append(value)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for value in arrays:
            out.write(value.tobytes())


def read_tensors(path):
    data = open(path, "rb").read()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        raw = data[8 + length + begin : 8 + length + end]
        tensors[name] = np.frombuffer(raw, dtype=_DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors
