"""Measures trained weights on packages that were never trained on, as the exported file has them.

  evaluate.py WEIGHTS.safetensors DATA [--use test] [--windows N] [--holes N] [--out FILE.json]

DATA holds USE.u16, USE.docs.json and tokenizer.json. For each language and for all: bits per byte
and top-1 of plain text, exact matches of hidden line ends (held_out.py). The network alone, on the
CPU in float32; with the repository's memory beside it, the daemon's own benchmark measures.
"""
import argparse
import json
import pathlib

import numpy as np
import torch

from held_out import HeldOut
from network import Network
from quantise import as_floats, read_safetensors
from samples import Vocabulary
from shape import Shape


def tokens_by_language(data, use):
    """{language: tokens of its documents, in order}; "all" has them as they stand."""
    tokens = np.fromfile(data / f"{use}.u16", "<u2")
    parts = {}
    for _, language, _, first, n in json.loads((data / f"{use}.docs.json").read_text()):
        if first + n < len(tokens):  # with its end mark
            parts.setdefault(language, []).append(tokens[first:first + n + 1])
    return {"all": tokens, **{k: np.concatenate(v) for k, v in sorted(parts.items())}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weights", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--use", default="test")
    parser.add_argument("--windows", type=int, default=40)
    parser.add_argument("--holes", type=int, default=200)
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    arrays, metadata = read_safetensors(args.weights)
    shape = Shape.from_dict(json.loads(metadata["shape"]))
    vocabulary = Vocabulary(args.data / "tokenizer.json")
    if vocabulary.size != shape.vocabulary:
        raise SystemExit(f"a tokenizer of {vocabulary.size}, a network of {shape.vocabulary}")
    weights = {n: torch.from_numpy(np.array(v)) for n, v in as_floats(arrays, metadata).items()}
    network, results = Network(shape, weights), {}
    for language, tokens in tokens_by_language(args.data, args.use).items():
        if len(tokens) <= shape.context + 2:
            print(f"{language}: only {len(tokens)} tokens", flush=True)
            continue
        held_out = HeldOut(tokens, vocabulary, shape.context, args.windows, args.holes)
        results[language] = held_out.measure(network, torch.device("cpu"), per_call=4)
        print(language, json.dumps(results[language]), flush=True)
    if args.out:
        args.out.write_text(json.dumps({"use": args.use, "tokens_trained": metadata.get("tokens"),
                                        "languages": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
