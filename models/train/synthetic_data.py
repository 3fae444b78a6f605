"""Writes a folder of made-up tokens and holes in the trainer's format: for trying the trainer.

  python3 synthetic_data.py FOLDER [--vocabulary N] [--tokens N]

The text is lines of words with a few rules (an opening word is closed, names come again), so that
a loss can fall. The tokenizer has single bytes, spaces and pairs of letters.
"""
import argparse
import json
import pathlib

import numpy as np

from samples import RECORD

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_middle|>",
           "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"]


def byte_characters():
    kept = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    extra = [b for b in range(256) if b not in kept]
    return {**{b: chr(b) for b in kept}, **{b: chr(256 + i) for i, b in enumerate(extra)}}


def make_tokenizer(size):
    characters = byte_characters()
    tokens = [characters[b] for b in range(256)]
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    firsts = ["\u0120"] + list(letters)
    merges = [(a, b) for a in firsts for b in ["\u0120"] * (a == "\u0120") + list(letters)]
    merges += [(a + b, c) for a in firsts for b in letters for c in letters]
    merges = merges[:size - 256 - len(SPECIAL)]
    return tokens + [a + b for a, b in merges] + SPECIAL, merges


def make_documents(rng, tokens, n_tokens):
    line_end, end = tokens.index("\u010a"), tokens.index("<|endoftext|>")
    words = np.arange(256, len(tokens) - len(SPECIAL))
    names = rng.choice(words, min(len(words), 200), replace=False)
    stream, documents, lines = [], [], []
    while len(stream) < n_tokens:
        first, own = len(stream), rng.choice(names, 6)
        for _ in range(int(rng.integers(8, 60))):
            begin, name = len(stream), int(own[rng.integers(6)])
            stream += [name, int(rng.choice(own)), name + 1 if name + 1 < len(tokens) - 9 else name,
                       int(rng.choice(names)), name, line_end]
            lines.append((begin, len(stream), len(documents)))
        documents.append((first, len(stream)))
        stream.append(end)
    return np.array(stream, "<u2"), documents, lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--vocabulary", type=int, default=512)
    parser.add_argument("--tokens", type=int, default=200_000)
    args = parser.parse_args()
    tokens, merges = make_tokenizer(args.vocabulary)
    args.folder.mkdir(parents=True, exist_ok=True)
    (args.folder / "tokenizer.json").write_text(json.dumps({"tokens": tokens, "merges": merges}))
    for seed, (use, n) in enumerate((("train", args.tokens), ("dev", args.tokens // 10))):
        rng = np.random.default_rng(seed)
        stream, documents, lines = make_documents(rng, tokens, n)
        stream.tofile(args.folder / f"{use}.u16")
        (args.folder / f"{use}.docs.json").write_text(json.dumps(
            [["made-up", "text", str(i), a, b - a] for i, (a, b) in enumerate(documents)]))
        if use == "dev":
            continue
        records = np.zeros((len(lines), RECORD), "<u4")
        for i, (begin, stop, document) in enumerate(lines):
            skip, other = int(rng.integers(0, 4)), lines[int(rng.integers(len(lines)))]
            records[i, :7] = (begin + skip, stop, *documents[document], 1, other[0],
                              other[1] - other[0])
        records.tofile(args.folder / "prompts.bin")


if __name__ == "__main__":
    main()
