"""Turns the documents into token ids.

For each use writes tokens/<use>.u16 (little-endian ids of all documents one after the other, each
followed by <|endoftext|>) and tokens/<use>.docs.json (rows of package, language, path, first token,
tokens; the tokens are without the end mark). Documents of one package are adjacent.

  encode_corpus.py [--docs FOLDER] [--tokens FOLDER] [--tokenizer FILE] [use...]
"""
import argparse
import json
import multiprocessing
import pathlib

import numpy

import corpus_settings as settings
from byte_pair_encoding import Tokenizer

tokenizer = None


def start_worker(path):
    global tokenizer
    tokenizer = Tokenizer.load(path)


def encode_line(line):
    document = json.loads(line)
    ids = tokenizer.encode(document["text"])
    return (document["package"], document["language"], document["path"],
            numpy.array(ids, dtype="<u2").tobytes(), len(document["text"].encode()))


def encode_use(use, docs, tokens, tokenizer_file):
    end = numpy.array([Tokenizer.load(tokenizer_file).special("<|endoftext|>")], "<u2").tobytes()
    rows, at, n_bytes = [], 0, 0
    partial = tokens / (use + ".u16.partial")
    with open(docs / (use + ".jsonl")) as lines, open(partial, "wb") as out, \
            multiprocessing.Pool(settings.PROCESSES, start_worker, (tokenizer_file,)) as pool:
        for package, language, path, ids, size in pool.imap(encode_line, lines, chunksize=32):
            rows.append([package, language, path, at, len(ids) // 2])
            out.write(ids + end)
            at += len(ids) // 2 + 1
            n_bytes += size
    partial.rename(tokens / (use + ".u16"))
    (tokens / (use + ".docs.json")).write_text(
        "[" + ",\n".join(json.dumps(row) for row in rows) + "]\n")
    print(f"{use}: {len(rows)} documents, {n_bytes / 1e6:.1f} MB, {at / 1e6:.2f} M tokens, "
          f"{n_bytes / max(1, at - len(rows)):.3f} bytes per token", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--docs", type=pathlib.Path, default=settings.CACHE_FOLDER / "docs")
    parser.add_argument("--tokens", type=pathlib.Path, default=settings.CACHE_FOLDER / "tokens")
    parser.add_argument("--tokenizer", type=pathlib.Path,
                        default=settings.CACHE_FOLDER / "tokenizer.json")
    parser.add_argument("uses", nargs="*", default=list(settings.USES))
    arguments = parser.parse_args()
    arguments.tokens.mkdir(parents=True, exist_ok=True)
    for use in arguments.uses:
        encode_use(use, arguments.docs, arguments.tokens, arguments.tokenizer)


if __name__ == "__main__":
    main()
