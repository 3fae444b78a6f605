"""What every oracle shares: plain float64 arithmetic and small file writers.

An oracle is written from papers and from measured facts, never from the C++ it judges. Everything here is
numpy in float64; rounding to a narrow number format happens only where a model asks for it. Nothing is
tuned for speed. Shapes are stated row-major, the way numpy sees them: a matrix W [out, in] maps x [..., in]
to x @ W.T.

Random numbers come from our own counter (splitmix64), so that the files do not depend on the numpy version.
"""
import contextlib
import json
import os
import struct
import zlib

import numpy as np

F64 = np.float64
# What a float32 run that takes the same decisions may differ by: 0.5 to 1.2e-5 are seen,
# by the order in which the machine's BLAS sums; a cached value on the border of its code gives 3e-5, another expert
# or another row of the index 1e-3 and more.
SAME_DECISIONS = 2e-5


@contextlib.contextmanager
def arithmetic(kind):
    """Runs the functions of this file, and oracles that call them, in another float type: float32 shows how
    much of an error bound a plain single-precision engine needs on a fixture."""
    global F64
    before, F64 = F64, kind
    try:
        yield
    finally:
        F64 = before


def cast(weights, kind):
    return {k: v.astype(kind) if v.dtype == np.float64 else v for k, v in weights.items()}

# ---------------------------------------------------------------------------------------------- random weights


def mix64(counter):
    """splitmix64 of an array of counters: uint64 in, well mixed uint64 out."""
    with np.errstate(over="ignore"):
        z = np.asarray(counter, np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


class Draw:
    """Named random tensors: the same (seed, name, shape) always gives the same values."""

    def __init__(self, seed):
        self.seed = seed

    def bits(self, name, n):
        """n uint64 values of the stream that belongs to `name`."""
        start = mix64(np.uint64((self.seed << 32) ^ zlib.crc32(name.encode())))
        with np.errstate(over="ignore"):
            return mix64(start + np.arange(n, dtype=np.uint64) * np.uint64(0xD1342543DE82EF95))

    def uniform(self, name, shape):
        """Values in [0, 1)."""
        n = int(np.prod(shape))
        return ((self.bits(name, n) >> np.uint64(11)).astype(F64) / 2.0**53).reshape(shape)

    def integers(self, name, shape, high):
        n = int(np.prod(shape))
        return (self.bits(name, n) % np.uint64(high)).astype(np.int64).reshape(shape)

    def grid(self, name, shape, sigma):
        """Weights k * 2^e with |k| <= 14 (triangular), standard deviation near sigma.

        Four significant bits: F32, BF16 and e4m3 with a power-of-two scale all hold them exactly, so one
        model can be stored in several formats without any rounding, and the files compress well.
        """
        b = self.bits(name, int(np.prod(shape)))
        k = (b % np.uint64(15)).astype(F64) + ((b >> np.uint64(32)) % np.uint64(15)).astype(F64) - 14.0
        scale = 2.0 ** np.round(np.log2(sigma / np.sqrt(37.33)))
        return (k * scale).reshape(shape)

    def grid_e2m1(self, name, shape, sigma):
        """Weights on the e2m1 grid times a power of two: exact in packed FP4 as well."""
        values = np.array([0, .5, 1, 1.5, 2, 3, 0, 1, -0.0, -.5, -1, -1.5, -2, -3, .5, -1])
        b = self.bits(name, int(np.prod(shape)))
        scale = 2.0 ** np.round(np.log2(sigma / 1.5))
        return (values[(b % np.uint64(16)).astype(int)] * scale).reshape(shape)

    def around_one(self, name, shape, spread=0.25):
        """Norm weights: eighths near one, at most `spread` away (exact in every format)."""
        steps = int(spread * 8)
        k = self.integers(name, shape, 2 * steps + 1) - steps
        return 1.0 + k.astype(F64) / 8.0


# ---------------------------------------------------------------------------------------------- plain functions


def sigmoid(x):
    x = np.asarray(x, F64)
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0 / (1.0 + e), e / (1.0 + e))


def silu(x):
    return x * sigmoid(x)


def softplus(x):
    x = np.asarray(x, F64)
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def softmax(x, axis=-1):
    """Softmax that accepts -inf entries (weight 0); a row of only -inf is all zeros."""
    x = np.asarray(x, F64)
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    e = np.exp(x - top)
    s = np.sum(e, axis=axis, keepdims=True)
    return e / np.where(s == 0, 1.0, s)


def rms_norm(x, weight=None, eps=1e-6):
    """x / sqrt(mean(x^2) + eps) over the last axis, times weight when there is one."""
    x = np.asarray(x, F64)
    y = x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps)
    return y if weight is None else y * weight


def linear(x, w):
    """x [..., in], w [out, in] -> [..., out]."""
    return np.asarray(x, F64) @ np.asarray(w, F64).T


def swiglu(gate, up, limit=0.0):
    """silu(gate) * up; with limit > 0: gate capped above by limit, up clamped to +-limit."""
    if limit > 0:
        gate = np.minimum(gate, limit)
        up = np.clip(up, -limit, limit)
    return silu(gate) * up


def top_k_low_index(scores, k):
    """Indices of the k largest of a 1-D array, by descending value, equal values by ascending index."""
    order = np.lexsort((np.arange(len(scores)), -np.asarray(scores, F64)))
    return order[:k]


def hadamard(x):
    """Walsh-Hadamard transform of the last axis (natural order), scaled by 1/sqrt(n); n is a power of two."""
    x = np.array(x, F64)
    n = x.shape[-1]
    if n & (n - 1):
        raise ValueError("hadamard needs a power of two, got %d" % n)
    h = 1
    while h < n:
        y = x.reshape(x.shape[:-1] + (n // (2 * h), 2, h))
        a, b = y[..., 0, :], y[..., 1, :]
        x = np.stack([a + b, a - b], axis=-2).reshape(x.shape)
        h *= 2
    return x / np.sqrt(n)


# ---------------------------------------------------------------------------------------------- rotary embedding


def rope_frequencies(dims, base, factor=1.0, original_context=0, beta_fast=32.0, beta_slow=1.0):
    """Angular frequency of each of the dims/2 pairs. original_context > 0 switches YaRN on:
    pairs below `low` keep their frequency, pairs above `high` are slowed by factor, a ramp between."""
    i = np.arange(dims // 2, dtype=F64)
    f = F64(base) ** (-2.0 * i / dims)
    if original_context <= 0 or factor == 1.0:
        return f

    def pair_of(turns):
        return dims * np.log(original_context / (turns * 2 * np.pi)) / (2 * np.log(base))

    low = max(np.floor(pair_of(beta_fast)), 0)
    high = min(np.ceil(pair_of(beta_slow)), dims - 1)
    ramp = np.clip((i - low) / max(high - low, 1e-3), 0.0, 1.0)
    return f / factor * ramp + f * (1.0 - ramp)


def rope(x, positions, freqs, interleaved=True, trailing=False, inverse=False, attention_factor=1.0):
    """Rotate 2*len(freqs) channels of the last axis of x [T, ..., n] by positions [T].

    interleaved: pairs are (2i, 2i+1); else (i, i + half) as in NeoX. trailing: the last channels are
    rotated, else the first ones. inverse: rotate back. attention_factor multiplies cos and sin (YaRN's
    mscale; 1 where a model does not use it).
    """
    x = np.array(x, F64)
    dims = 2 * len(freqs)
    angle = np.asarray(positions, F64).reshape((-1,) + (1,) * (x.ndim - 1)) * freqs
    c, s = np.cos(angle) * attention_factor, np.sin(angle) * attention_factor
    if inverse:
        s = -s
    start = x.shape[-1] - dims if trailing else 0
    part = x[..., start:start + dims]
    if interleaved:
        a, b = part[..., 0::2].copy(), part[..., 1::2].copy()
        part[..., 0::2], part[..., 1::2] = a * c - b * s, a * s + b * c
    else:
        half = dims // 2
        a, b = part[..., :half].copy(), part[..., half:].copy()
        part[..., :half], part[..., half:] = a * c - b * s, a * s + b * c
    return x


# ---------------------------------------------------------------------------------------------- narrow formats


def _round_float(x, mantissa_bits, min_exponent, largest):
    """Nearest-even rounding to a small float: mantissa_bits stored bits, subnormals below 2^min_exponent,
    magnitudes above `largest` saturate."""
    x = np.asarray(x, F64)
    a = np.abs(x)
    _, e = np.frexp(a)  # a = m * 2^e with m in [0.5, 1)
    step = np.ldexp(1.0, np.maximum(e - 1, min_exponent) - mantissa_bits)
    return np.copysign(np.minimum(np.rint(a / step) * step, largest), x)


def round_e4m3(x):
    return _round_float(x, 3, -6, 448.0)


def round_e2m1(x):
    """The grid 0, .5, 1, 1.5, 2, 3, 4, 6 with ties to the even code."""
    return _round_float(x, 1, 0, 6.0)


def round_bf16(x):
    return _round_float(x, 7, -126, 3.3895313892515355e38)


def pow2_ceil(x):
    """The smallest power of two >= x, x > 0: a ue8m0 scale."""
    m, e = np.frexp(np.asarray(x, F64))
    return np.ldexp(1.0, np.where(m == 0.5, e - 1, e))


def _blocks(x, block):
    x = np.asarray(x, F64)
    n = x.shape[-1]
    if n % block:
        raise ValueError("%d values do not divide into blocks of %d" % (n, block))
    return x.reshape(x.shape[:-1] + (n // block, block))


def fake_e4m3(x, block, margins=None):
    """Round trip through e4m3 with one ue8m0 scale a block: 2^ceil(log2(max(amax, 1e-4) / 448)).
    margins: a list that receives how near a block came to another result (see rounding_margin)."""
    b = _blocks(x, block)
    amax = np.max(np.abs(b), axis=-1, keepdims=True)
    scale = pow2_ceil(np.maximum(amax, 1e-4) / 448.0)
    if margins is not None:
        margins.append(min(rounding_margin(b, scale, amax, 3, -6), scale_margin(amax, 448.0)))
    return (round_e4m3(b / scale) * scale).reshape(np.shape(x))


def fake_e2m1(x, block, e4m3_scale=False, margins=None):
    """Round trip through e2m1, one scale a block. ue8m0: 2^ceil(log2(max(amax, 6*2^-126) / 6)).
    e4m3_scale: the scale is max(amax, 6*2^-9) / 6 rounded to e4m3."""
    b = _blocks(x, block)
    amax = np.max(np.abs(b), axis=-1, keepdims=True)
    if e4m3_scale:
        raw = np.maximum(amax, 6.0 * 2.0**-9) / 6.0
        scale = round_e4m3(raw)
        edge = rounding_margin(raw, np.ones_like(raw), raw, 3, -6)
    else:
        scale = pow2_ceil(np.maximum(amax, 6.0 * 2.0**-126) / 6.0)
        edge = scale_margin(amax, 6.0)
    b = np.clip(b, -6.0 * scale, 6.0 * scale)
    if margins is not None:
        margins.append(min(rounding_margin(b, scale, amax, 1, 0), edge))
    return (round_e2m1(b / scale) * scale).reshape(np.shape(x))


def rounding_margin(x, scale, amax, mantissa_bits, min_exponent):
    """Smallest distance of any value to a rounding boundary, relative to the largest value of its block.
    Values whose spacing is below amax / 256 do not count: rounding them the other way changes next to nothing."""
    _, e = np.frexp(np.abs(x) / scale)
    step = np.ldexp(1.0, np.maximum(e - 1, min_exponent) - mantissa_bits) * scale
    q = np.abs(x) / step
    far = np.abs(q - np.floor(q) - 0.5) * step / np.maximum(amax, 1e-30)
    far = far[step >= amax / 256]
    return float(np.min(far)) if far.size else 0.5


def scale_margin(amax, largest):
    """Relative distance of amax / largest to the power of two where a ue8m0 scale doubles."""
    t = np.asarray(amax, F64)
    t = t[t > 0] / largest
    if not t.size:
        return 0.5
    m, _ = np.frexp(t)
    return float(np.min(np.minimum(np.abs(m - 0.5) * 2, np.abs(1.0 - m))))


def encode_e4m3(x):
    """Bytes of values that are already on the e4m3 grid."""
    x = np.asarray(x, F64)
    a = np.abs(x)
    _, e = np.frexp(a)
    e = np.maximum(e - 1, -6)
    m = np.rint(a / np.ldexp(1.0, e - 3)).astype(np.int64)  # 8..15 normal, 0..7 subnormal
    code = np.where(m >= 8, ((e + 7) << 3) | (m - 8), m)
    if not np.array_equal(round_e4m3(x), x):
        raise ValueError("value not on the e4m3 grid")
    return (code | (np.signbit(x).astype(np.int64) << 7)).astype(np.uint8)


def encode_e2m1(x):
    """4-bit codes of values that are already on the e2m1 grid."""
    grid = np.array([0, .5, 1, 1.5, 2, 3, 4, 6])
    a = np.abs(np.asarray(x, F64))
    code = np.searchsorted(grid, a)
    if not np.array_equal(grid[np.minimum(code, 7)], a):
        raise ValueError("value not on the e2m1 grid")
    return (code | (np.signbit(x).astype(np.int64) << 3)).astype(np.uint8)


def encode_ue8m0(scale):
    """Exponent bytes (bias 127) of powers of two."""
    m, e = np.frexp(np.asarray(scale, F64))
    if not np.all(m == 0.5):
        raise ValueError("scale is no power of two")
    return (e - 1 + 127).astype(np.uint8)


def encode_bf16(x):
    """uint16 codes, nearest even."""
    u = np.asarray(x, np.float32).view(np.uint32).astype(np.uint64)
    return ((u + np.uint64(0x7FFF) + ((u >> np.uint64(16)) & np.uint64(1))) >> np.uint64(16)).astype(np.uint16)


# ---------------------------------------------------------------------------------------------- GGUF

U8, I8, U16, I16, U32, I32, F32, BOOL, STR, ARR, U64, I64, FLOAT64 = range(13)
_PACK = {U8: "<B", I8: "<b", U16: "<H", I16: "<h", U32: "<I", I32: "<i", F32: "<f", BOOL: "<?", U64: "<Q",
         I64: "<q", FLOAT64: "<d"}
_GGML_TYPE = {"F32": 0, "F16": 1, "I8": 24, "I16": 25, "I32": 26, "I64": 27, "F64": 28, "BF16": 30}


def _string(s):
    b = s if isinstance(s, bytes) else s.encode()
    return struct.pack("<Q", len(b)) + b


def _value(kind, v):
    if kind == STR:
        return _string(v)
    if kind == ARR:
        inner, items = v
        return struct.pack("<IQ", inner, len(items)) + b"".join(_value(inner, i) for i in items)
    return struct.pack(_PACK[kind], v)


class Gguf:
    """A GGUF v3 file in memory. Keys without a dot prefix of their own are written as given: use akv for
    keys under the architecture's name. Arrays: (element kind, list)."""

    ALIGN = 32

    def __init__(self, arch, name):
        self.arch, self.pairs, self.tensors = arch, [], []
        self.kv("general.architecture", STR, arch)
        self.kv("general.name", STR, name)
        self.kv("general.alignment", U32, self.ALIGN)

    def kv(self, key, kind, value):
        self.pairs.append((key, kind, value))

    def akv(self, key, kind, value):
        self.kv(self.arch + "." + key, kind, value)

    def tensor(self, name, array, kind="F32"):
        """array [.., rows, cols] row-major: its last axis becomes GGUF's first dimension."""
        a = np.asarray(array)
        if kind == "BF16":
            data = encode_bf16(a).tobytes()
        else:
            data = np.ascontiguousarray(a, {"F32": "<f4", "F16": "<f2", "I32": "<i4", "I64": "<i8", "I8": "i1",
                                            "I16": "<i2", "F64": "<f8"}[kind]).tobytes()
        self.tensors.append((name, list(a.shape[::-1]), _GGML_TYPE[kind], data))

    def to_bytes(self):
        head = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(self.tensors), len(self.pairs)))
        for key, kind, value in self.pairs:
            head += _string(key) + struct.pack("<I", kind) + _value(kind, value)
        offset, body = 0, bytearray()
        for name, dims, kind, data in self.tensors:
            head += _string(name) + struct.pack("<I", len(dims)) + struct.pack("<%dQ" % len(dims), *dims)
            head += struct.pack("<IQ", kind, offset)
            body += data + b"\0" * (-len(data) % self.ALIGN)
            offset = len(body)
        return bytes(head + b"\0" * (-len(head) % self.ALIGN) + body)

    def write(self, path):
        write_bytes(path, self.to_bytes())


def write_bytes(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


# ---------------------------------------------------------------------------------------------- safetensors

_ST = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I8": "i1", "U8": "u1",
       "F8_E4M3": "u1", "F8_E8M0": "u1", "BOOL": "u1"}


def safetensors_bytes(tensors, metadata=None):
    """tensors: name -> (dtype, array). BF16 takes float values, the F8 kinds take their bytes (uint8)."""
    header, body = {}, bytearray()
    if metadata:
        header["__metadata__"] = {k: str(v) for k, v in metadata.items()}
    for name in sorted(tensors):
        kind, array = tensors[name]
        a = encode_bf16(array) if kind == "BF16" else np.asarray(array)
        data = np.ascontiguousarray(a, _ST[kind]).tobytes()
        header[name] = {"dtype": kind, "shape": list(np.shape(array)),
                        "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + bytes(body)


def read_safetensors(path):
    """name -> array (BF16 as float32, F8 kinds as their bytes)."""
    with open(path, "rb") as f:
        return parse_safetensors(f.read())


def parse_safetensors(raw):
    (n,) = struct.unpack_from("<Q", raw)
    header, base, out = json.loads(raw[8:8 + n]), 8 + n, {}
    for name, info in header.items():
        if name == "__metadata__":
            continue
        lo, hi = info["data_offsets"]
        a = np.frombuffer(raw[base + lo:base + hi], _ST[info["dtype"]]).reshape(info["shape"])
        if info["dtype"] == "BF16":
            a = (a.astype(np.uint32) << 16).view(np.float32)
        out[name] = a
    return out


# ---------------------------------------------------------------------------------------------- tokenizer


def byte_characters():
    """The printable character that stands for each byte in byte-level BPE (GPT-2's table)."""
    keep = set(range(33, 127)) | set(range(161, 173)) | set(range(174, 256))
    table, extra = [], 0
    for b in range(256):
        if b in keep:
            table.append(chr(b))
        else:
            table.append(chr(256 + extra))
            extra += 1
    return table


def tokenizer_keys(g, pre, first=(), last=(), merges=(), bos=None, eos=None, pad=None, add_bos=False, template=None):
    """A complete byte-level vocabulary: control tokens `first`, 256 bytes, the results of `merges`
    (pairs of byte strings), control tokens `last`. bos, eos, pad name control tokens. Returns the size."""
    table = byte_characters()

    def spell(b):
        return "".join(table[x] for x in b)

    tokens = list(first) + table + [spell(a + b) for a, b in merges] + list(last)
    kinds = [3] * len(first) + [1] * (256 + len(merges)) + [3] * len(last)
    g.kv("tokenizer.ggml.model", STR, "gpt2")
    g.kv("tokenizer.ggml.pre", STR, pre)
    g.kv("tokenizer.ggml.tokens", ARR, (STR, tokens))
    g.kv("tokenizer.ggml.token_type", ARR, (I32, kinds))
    g.kv("tokenizer.ggml.merges", ARR, (STR, [spell(a) + " " + spell(b) for a, b in merges]))
    for key, token in (("bos", bos), ("eos", eos), ("padding", pad)):
        if token is not None:
            g.kv("tokenizer.ggml.%s_token_id" % key, U32, tokens.index(token))
    g.kv("tokenizer.ggml.add_bos_token", BOOL, add_bos)
    if template is not None:
        g.kv("tokenizer.chat_template", STR, template)
    return len(tokens)


# ---------------------------------------------------------------------------------------------- fixtures

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "fixtures")


def relative_difference(a, b):
    """max |a - b| / max |b| of two arrays of one shape (0 when both are empty or all zero)."""
    a, b = np.asarray(a, F64), np.asarray(b, F64)
    if a.shape != b.shape:
        return np.inf
    if not b.size:
        return 0.0
    top = np.max(np.abs(b))
    worst = np.max(np.abs(a - b))
    return float(worst / top) if top > 0 else float(worst)


class Fixture:
    """The files of one fixture folder, written or compared with what is committed."""

    def __init__(self, name):
        self.name, self.files = name, {}

    def add_gguf(self, path, gguf):
        self.files[path] = gguf.to_bytes()

    def add_tensors(self, path, tensors, metadata=None):
        self.files[path] = safetensors_bytes(tensors, metadata)

    def add_json(self, path, value):
        self.files[path] = (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()

    def folder(self):
        return os.path.join(FIXTURES, self.name)

    def write(self):
        for path, data in self.files.items():
            write_bytes(os.path.join(self.folder(), path), data)

    def check(self, tolerance=1e-6):
        """List of differences between what was computed now and what is committed (empty: equal)."""
        problems = []
        for path, data in sorted(self.files.items()):
            full = os.path.join(self.folder(), path)
            label = "%s/%s" % (self.name, path)
            if not os.path.exists(full):
                problems.append(label + ": missing")
                continue
            with open(full, "rb") as f:
                old = f.read()
            if old == data:
                continue
            if not path.endswith(".safetensors") or path.startswith("hf/"):
                problems.append(label + ": bytes differ")
                continue
            problems += self._compare(label, parse_safetensors(data), parse_safetensors(old), tolerance)
        return problems

    @staticmethod
    def _compare(label, new, old, tolerance):
        problems = []
        for name in sorted(set(new) | set(old)):
            if name not in new or name not in old:
                problems.append("%s: tensor %s on one side only" % (label, name))
            elif np.issubdtype(old[name].dtype, np.integer):
                if not np.array_equal(new[name], old[name]):
                    problems.append("%s: tensor %s differs" % (label, name))
            else:
                d = relative_difference(new[name], old[name])
                if d > tolerance:
                    problems.append("%s: tensor %s relative difference %.3g" % (label, name, d))
        return problems
