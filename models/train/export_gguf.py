#!/usr/bin/env python3
"""Writes a trained checkpoint as a GGUF file of the architecture `engramd`.

  export_gguf.py CHECKPOINT.safetensors TOKENIZER.json OUT.gguf [--name NAME] [--limit BYTES]
  export_gguf.py --random SEED TOKENIZER.json OUT.gguf      the default shape, weights drawn at random
                 [--without streams,experts,engram,hybrid]  some parts left out
                 [--values FILE.npz]                        its weights, as rounded, for comparisons

Owns the list of keys that the C++ engine reads for this architecture (docs/formats/engramd-model.md);
which tensors there are and how each is stored says shape.py. Needs numpy only.

A checkpoint has its shape in the metadata, and each tensor under its GGUF name: as floats, or as
the bytes of the very blocks that training rounded it to (U8), which are written as they are.
"""
import argparse
import dataclasses
import json
import pathlib
import struct

import numpy as np

from byte_pair_encoding import SPECIAL_TOKENS, Tokenizer
from gguf_writer import (ARRAY, BOOL, F32, I32, STRING, U32, U64, GgufWriter, quantise, values_of)
from shape import DEFAULT, EngramPlan, Shape, storage_type, tensor_shapes

ARCHITECTURE = "engramd"
MAX_FILE_BYTES = 24_000_000
NORMAL_TOKEN, CONTROL_TOKEN = 1, 3
FLOAT_TYPES = {"F32": "<f4", "F16": "<f2"}


def network_keys(s):
    keys = [
        ("block_count", U32, s.n_layers), ("context_length", U32, s.context),
        ("embedding_length", U32, s.width), ("vocab_size", U32, s.vocabulary),
        ("attention.head_count", U32, s.n_heads), ("attention.head_count_kv", U32, s.n_kv_heads),
        ("attention.key_length", U32, s.head_dim), ("attention.value_length", U32, s.head_dim),
        ("attention.layer_norm_rms_epsilon", F32, s.epsilon),
        ("attention.compress_ratios", ARRAY, (I32, s.ratios)),
        ("rope.freq_base", F32, s.rope_base), ("rope.dimension_count", U32, s.head_dim)]
    if any(s.ratios):
        keys += [("rope.dimension_count_compressed", U32, s.n_rotated),
                 ("attention.sliding_window", U32, s.window),
                 ("attention.q_lora_rank", U32, s.q_rank),
                 ("attention.output_group_count", U32, s.n_groups),
                 ("attention.output_lora_rank", U32, s.group_rank)]
    if s.n_streams > 1:
        keys += [("hyper_connection.count", U32, s.n_streams),
                 ("hyper_connection.sinkhorn_iterations", U32, s.sinkhorn_rounds),
                 ("hyper_connection.epsilon", F32, s.hyper_epsilon)]
    if s.n_experts:
        keys += [("expert_count", U32, s.n_experts), ("expert_used_count", U32, s.n_experts_used),
                 ("expert_feed_forward_length", U32, s.expert_width),
                 ("expert_shared_feed_forward_length", U32, s.shared_width),
                 ("expert_weights_norm", BOOL, True)]
    else:
        keys.append(("feed_forward_length", U32, s.feed_forward_width))
    if s.engram_layers:
        plan = EngramPlan(s)

        def flat(rows):
            return (U64, [int(x) for row in rows for x in row])

        keys += [("engram.layer_ids", ARRAY, (U32, s.engram_layers)),
                 ("engram.max_ngram_size", U32, s.max_ngram),
                 ("engram.head_count", U32, s.engram_heads),
                 ("engram.key_length", U32, s.row_dim), ("engram.pad_id", U32, s.pad_token),
                 ("engram.multipliers", ARRAY, flat(plan.multipliers)),
                 ("engram.primes", ARRAY, flat(plan.primes)),
                 ("engram.offsets", ARRAY, flat(plan.offsets))]
    return keys


def tokenizer_keys(tokenizer):
    n_special = len(SPECIAL_TOKENS)
    types = [NORMAL_TOKEN] * (len(tokenizer.tokens) - n_special) + [CONTROL_TOKEN] * n_special
    keys = [("model", STRING, "gpt2"), ("pre", STRING, tokenizer.pre),
            ("tokens", ARRAY, (STRING, tokenizer.tokens)), ("token_type", ARRAY, (I32, types)),
            ("merges", ARRAY, (STRING, [f"{a} {b}" for a, b in tokenizer.merges]))]
    for key, token in (("bos", "endoftext"), ("eos", "endoftext"), ("padding", "endoftext"),
                       ("fim_pre", "fim_prefix"), ("fim_suf", "fim_suffix"),
                       ("fim_mid", "fim_middle"), ("fim_pad", "fim_pad"),
                       ("fim_rep", "repo_name"), ("fim_sep", "file_sep")):
        keys.append((f"{key}_token_id", U32, tokenizer.special(f"<|{token}|>")))
    return keys + [("add_bos_token", BOOL, False)]


class Checkpoint:
    """A trained model: its shape, and its tensors by GGUF name."""

    def __init__(self, path):
        raw = pathlib.Path(path).read_bytes()
        (size,) = struct.unpack("<Q", raw[:8])
        header = json.loads(raw[8:8 + size])
        metadata = header.pop("__metadata__", {})
        if "shape" not in metadata:
            raise SystemExit(f"{path}: no shape in the metadata")
        self.shape = Shape.from_dict(json.loads(metadata["shape"]))
        self._header, self._data = header, memoryview(raw)[8 + size:]

    def names(self):
        return set(self._header)

    def add_to(self, writer, name, shape):
        entry, type_name = self._header[name], storage_type(name, shape).upper()
        begin, end = entry["data_offsets"]
        data = self._data[begin:end]
        if entry["dtype"] == "U8":
            if type_name == "F32":
                raise SystemExit(f"tensor {name} is rounded and is to be stored as F32")
            writer.blocks(name, shape, type_name, data)
            return
        if entry["dtype"] not in FLOAT_TYPES:
            raise SystemExit(f"tensor {name} is of type {entry['dtype']}, expected F32, F16 or U8")
        if tuple(entry["shape"]) != tuple(shape):
            raise SystemExit(f"tensor {name} has shape {entry['shape']}, expected {list(shape)}")
        array = np.frombuffer(data, FLOAT_TYPES[entry["dtype"]]).reshape(shape)
        if not np.isfinite(array).all():
            raise SystemExit(f"tensor {name} has values that are no finite numbers")
        writer.tensor(name, array.astype(np.float32), type_name)


LEFT_OUT = {"streams": {"n_streams": 1}, "experts": {"n_experts": 0},
            "engram": {"engram_layers": ()}, "hybrid": {"ratios": (0,) * DEFAULT.n_layers}}


class RandomCheckpoint:
    """Weights of plausible sizes: what speed and the two implementations are compared with."""

    def __init__(self, seed, left_out, pad_token):
        self._random = np.random.default_rng(seed)
        self.shape = dataclasses.replace(DEFAULT, pad_token=pad_token)
        for part in left_out:
            self.shape = dataclasses.replace(self.shape, **LEFT_OUT[part])
        self.values = {}  # as the file holds them

    def names(self):
        return set(tensor_shapes(self.shape))

    def draw(self, name, shape):
        normal = self._random.standard_normal(shape).astype(np.float32)
        if "_norm" in name or "engram_q." in name or "engram_k." in name:
            return 1 + 0.1 * normal
        if name.endswith("_scale.weight"):
            return 0.5 + 0.1 * normal
        if name.endswith("_base.weight") or "exp_probs_b" in name or "sinks" in name:
            return 0.1 * normal
        if name == "token_embd.weight":
            return 0.05 * normal
        return normal / np.float32(np.sqrt(shape[-1]))

    def add_to(self, writer, name, shape):
        array, type_name = self.draw(name, shape), storage_type(name, shape).upper()
        writer.tensor(name, array, type_name)
        self.values[name] = (array if type_name == "F32"
                             else values_of(*quantise(array, type_name), type_name))


def write(checkpoint, tokenizer, path, name):
    s = checkpoint.shape
    if len(tokenizer.tokens) != s.vocabulary:
        raise SystemExit(f"a tokenizer of {len(tokenizer.tokens)}, a model of {s.vocabulary}")
    if s.engram_layers and tokenizer.special("<|endoftext|>") != s.pad_token:
        raise SystemExit(f"the model was trained with token {s.pad_token} as <|endoftext|>, the "
                         f"tokenizer has {tokenizer.special('<|endoftext|>')}")
    writer = GgufWriter()
    writer.key("general.architecture", STRING, ARCHITECTURE)
    writer.key("general.name", STRING, name)
    writer.key("general.quantization_version", U32, 2)
    for key, type_id, value in network_keys(s):
        writer.key(f"{ARCHITECTURE}.{key}", type_id, value)
    for key, type_id, value in tokenizer_keys(tokenizer):
        writer.key(f"tokenizer.ggml.{key}", type_id, value)
    shapes = tensor_shapes(s)
    unknown, missing = checkpoint.names() - set(shapes), set(shapes) - checkpoint.names()
    if unknown or missing:
        raise SystemExit(f"missing tensors: {sorted(missing)[:5]}, unknown: {sorted(unknown)[:5]}")
    for tensor, shape in shapes.items():
        checkpoint.add_to(writer, tensor, shape)
    writer.write(path)


def main():
    arguments = argparse.ArgumentParser(description=__doc__,
                                        formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("paths", nargs="+", metavar="CHECKPOINT TOKENIZER OUT")
    arguments.add_argument("--random", type=int, metavar="SEED")
    arguments.add_argument("--without", default="")
    arguments.add_argument("--values")
    arguments.add_argument("--name", default="engramd-small")
    arguments.add_argument("--limit", type=int, default=MAX_FILE_BYTES)
    options = arguments.parse_args()
    drawn = options.random is not None
    if len(options.paths) != (2 if drawn else 3):
        arguments.error("expected CHECKPOINT TOKENIZER OUT, or with --random TOKENIZER OUT")
    tokenizer = Tokenizer.load(pathlib.Path(options.paths[-2]))
    if drawn:
        left_out = [part for part in options.without.split(",") if part]
        checkpoint = RandomCheckpoint(options.random, left_out, tokenizer.special("<|endoftext|>"))
    else:
        checkpoint = Checkpoint(options.paths[0])
    out = pathlib.Path(options.paths[-1])
    write(checkpoint, tokenizer, out, options.name)
    if drawn and options.values:
        np.savez(options.values, shape=json.dumps(checkpoint.shape.to_dict()), **checkpoint.values)
    size = out.stat().st_size
    if size > options.limit:
        raise SystemExit(f"{out} has {size} bytes, limit {options.limit}")
    print(f"{out}: {size} bytes")


if __name__ == "__main__":
    main()
