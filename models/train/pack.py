"""Packs tokens and prompts into folders small enough to be carried, and unpacks them again.

  pack.py pack --tokens FOLDER --out FOLDER [--prompts FILE] [--tokenizer FILE] [--limit BYTES]
      writes partA, partB, ... below --out, each at most --limit bytes; what does not fit into the
      last of --parts is left out, and the command says so. Packed chunks are kept in chunks/, so
      packing again with other prompts is quick
  pack.py unpack PART... --out FOLDER
      restores train.u16, dev.u16, dev.docs.json, prompts.bin and tokenizer.json

Format of a part: index.json lists chunks, each one file. A chunk of tokens is xz'd as the
u16 it is, with literals and matches aligned to two bytes (planes of low and high bytes take 45 %
more). A chunk of prompts is its 13 columns of u32, each as the difference to the column it depends
on, in byte planes.
Chunks are independent, so that as many processes as there are can read them; each is checked
against its CRC. Needs nothing but the standard library and numpy.
"""
import argparse
import concurrent.futures
import hashlib
import json
import lzma
import os
import pathlib
import shutil
import time
import zlib

import numpy

CHUNK_TOKENS = 4 << 20
CHUNK_PROMPTS = 1 << 17
PROMPT_COLUMNS = 13


def squeeze(data, **sizes):
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME,
                "dict_size": 16 << 20, **sizes}]
    return lzma.compress(data, lzma.FORMAT_XZ, lzma.CHECK_NONE, filters=filters)


# ---------------------------------------------------------------- one chunk

def planes(array):
    """Byte planes of an array of unsigned integers, the lowest first."""
    raw = numpy.ascontiguousarray(array).view(numpy.uint8).reshape(-1, array.dtype.itemsize)
    return [numpy.ascontiguousarray(raw[:, i]).tobytes() for i in range(raw.shape[1])]


def join_planes(parts, dtype):
    raw = numpy.stack([numpy.frombuffer(part, numpy.uint8) for part in parts], axis=1)
    return numpy.ascontiguousarray(raw).reshape(-1).view(dtype)


def pack_tokens(tokens):
    return squeeze(tokens.astype("<u2").tobytes(), lc=3, lp=1, pb=1)


def unpack_tokens(data):
    return numpy.frombuffer(lzma.decompress(data), "<u2")


def prompt_differences(records):
    """Columns made small: [hole_begin, hole_end, doc_begin, doc_end, n, (begin, tokens) x 4]."""
    out = records.astype(numpy.int64)
    begin, end, doc, doc_end = (out[:, i].copy() for i in range(4))
    out[:, 0] = begin - doc
    out[:, 1] = end - begin
    out[:, 3] = doc_end - doc
    out[:, 2] = numpy.diff(doc, prepend=0)
    for column in range(5, PROMPT_COLUMNS, 2):
        used = (column - 5) // 2 < out[:, 4]
        out[used, column] = out[used, column] - doc[used]
    # Signed to unsigned with small numbers staying small.
    return ((out << 1) ^ (out >> 63)).astype("<u4")


def prompt_records(differences):
    values = differences.astype(numpy.int64)
    out = (values >> 1) ^ -(values & 1)
    doc = numpy.cumsum(out[:, 2])
    out[:, 2] = doc
    out[:, 0] += doc
    out[:, 1] += out[:, 0]
    out[:, 3] += doc
    for column in range(5, PROMPT_COLUMNS, 2):
        used = (column - 5) // 2 < out[:, 4]
        out[used, column] += doc[used]
    return out.astype("<u4")


def pack_prompts(records):
    differences = prompt_differences(records)
    parts = [squeeze(plane, lc=0, lp=0, pb=0) for column in range(PROMPT_COLUMNS)
             for plane in planes(differences[:, column])]
    return (b"".join(len(part).to_bytes(4, "little") for part in parts) + b"".join(parts))


def unpack_prompts(data):
    n_parts = PROMPT_COLUMNS * 4
    sizes = [int.from_bytes(data[4 * i:4 * i + 4], "little") for i in range(n_parts)]
    at, parts = 4 * n_parts, []
    for size in sizes:
        parts.append(lzma.decompress(data[at:at + size]))
        at += size
    return prompt_records(numpy.stack(
        [join_planes(parts[4 * c:4 * c + 4], "<u4") for c in range(PROMPT_COLUMNS)], axis=1))


KINDS = {"tokens": (pack_tokens, unpack_tokens), "prompts": (pack_prompts, unpack_prompts)}


def pack_chunk(kind, array, cache):
    """(packed bytes, CRC of the array); `cache` keeps what was packed before, or is None."""
    raw = numpy.ascontiguousarray(array).tobytes()
    kept = cache and cache / f"{kind}-{hashlib.sha256(raw).hexdigest()[:32]}.bin"
    if kept and kept.exists():
        return kept.read_bytes(), zlib.crc32(raw)
    data = KINDS[kind][0](array)
    if not numpy.array_equal(KINDS[kind][1](data).reshape(array.shape), array):
        raise ValueError("a chunk does not come back as it was")
    if kept:
        partial = kept.with_suffix(".partial")
        partial.write_bytes(data)
        partial.rename(kept)
    return data, zlib.crc32(raw)


# ---------------------------------------------------------------- packing

class Part:
    def __init__(self, folder):
        self.folder, self.bytes, self.chunks = folder, 0, []
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def add(self, kind, target, first, length, data, crc):
        name = f"{target}-{len(self.chunks):03}.bin"
        (self.folder / name).write_bytes(data)
        self.bytes += len(data)
        self.chunks.append({"file": name, "kind": kind, "target": target, "first": first,
                            "length": length, "crc": crc})

    def add_file(self, path, name):
        data = lzma.compress(path.read_bytes(), preset=9 | lzma.PRESET_EXTREME)
        (self.folder / (name + ".xz")).write_bytes(data)
        self.bytes += len(data)

    def finish(self):
        (self.folder / "index.json").write_text(json.dumps(self.chunks))
        print(f"{self.folder}: {len(self.chunks)} chunks, {self.bytes / 1e6:.2f} MB, "
              f"{sum(c['length'] for c in self.chunks if c['target'] == 'train') / 1e6:.2f} M tokens "
              f"of training, {sum(c['length'] for c in self.chunks if c['kind'] == 'prompts')} prompts")


def packed_chunks(kind, array, size, processes, cache):
    pieces = [array[i:i + size] for i in range(0, len(array), size)]
    for index, (data, crc) in enumerate(processes.map(
            pack_chunk, [kind] * len(pieces), pieces, [cache] * len(pieces))):
        yield index * size, len(pieces[index]), data, crc


def pack(arguments):
    tokens = numpy.fromfile(arguments.tokens / "train.u16", "<u2")
    names = [chr(ord("A") + i) for i in range(arguments.parts)]
    cache = arguments.out / "chunks"
    cache.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ProcessPoolExecutor(arguments.processes) as processes:
        records = None
        if arguments.prompts:
            records = numpy.fromfile(arguments.prompts, "<u4").reshape(-1, PROMPT_COLUMNS)
            # The order of the file is that of the documents once they are sorted; each part has
            # the prompts of the tokens that are there by then.
            records = records[numpy.argsort(records[:, 2], kind="stable")]
        reserve = 0
        if records is not None:
            sample = records[:CHUNK_PROMPTS]
            reserve = int(len(pack_chunk("prompts", sample, cache)[0]) / max(1, len(sample))
                          * len(records) * 1.02 / arguments.parts) + 200_000
        part, at_part, done_tokens = Part(arguments.out / ("part" + names[0])), 0, 0
        if arguments.tokenizer:
            part.add_file(arguments.tokenizer, "tokenizer.json")
        if (arguments.tokens / "dev.docs.json").exists():
            part.add_file(arguments.tokens / "dev.docs.json", "dev.docs.json")
        dev = numpy.fromfile(arguments.tokens / "dev.u16", "<u2")[:arguments.dev_tokens]
        for first, length, data, crc in packed_chunks("tokens", dev, CHUNK_TOKENS, processes, cache):
            part.add("tokens", "dev", first, length, data, crc)

        def close():
            if records is not None:
                inside = (records[:, 3] <= done_tokens) & (records[:, 3] > start_of_part)
                for column in range(5, PROMPT_COLUMNS, 2):
                    inside &= records[:, column] + records[:, column + 1] <= done_tokens
                for first, length, data, crc in packed_chunks(
                        "prompts", records[inside], CHUNK_PROMPTS, processes, cache):
                    part.add("prompts", "prompts" + names[at_part], first, length, data, crc)
            part.finish()

        start_of_part, left_out = 0, 0
        for first, length, data, crc in packed_chunks("tokens", tokens, CHUNK_TOKENS, processes, cache):
            if part.bytes + len(data) + reserve > arguments.limit and not left_out:
                close()
                if at_part + 1 == arguments.parts:
                    left_out = len(tokens) - first
                    continue
                at_part, start_of_part = at_part + 1, done_tokens
                part = Part(arguments.out / ("part" + names[at_part]))
            if not left_out:
                part.add("tokens", "train", first, length, data, crc)
                done_tokens = first + length
        if left_out:
            print(f"{left_out / 1e6:.2f} M tokens do not fit and are left out")
        else:
            close()


# ---------------------------------------------------------------- unpacking

def unpack_chunk(folder, chunk):
    array = KINDS[chunk["kind"]][1]((folder / chunk["file"]).read_bytes())
    if zlib.crc32(array.tobytes()) != chunk["crc"]:
        raise ValueError(f"{folder / chunk['file']} is damaged")
    return array


def unpack_into(folder, chunk, path):
    """Writes the chunk to its place in the file; chunks of other parts stay as they are."""
    array = unpack_chunk(folder, chunk)
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        raw = array.tobytes()
        offset = chunk["first"] * (len(raw) // max(1, chunk["length"]))
        while raw:
            n = os.pwrite(handle, raw, offset)
            raw, offset = raw[n:], offset + n
    finally:
        os.close(handle)


def unpack(parts, out, processes=None):
    """Restores the files below `out`; may be called again with further parts.

    Prompts of the parts come one after the other in prompts.bin.
    """
    out.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ProcessPoolExecutor(processes) as pool:
        waits = []
        for part in parts:
            for packed in part.glob("*.json.xz"):
                (out / packed.stem).write_bytes(lzma.decompress(packed.read_bytes()))
            for chunk in json.loads((part / "index.json").read_text()):
                name = chunk["target"] + (".bin" if chunk["kind"] == "prompts" else ".u16")
                waits.append(pool.submit(unpack_into, part, chunk, out / name))
        for wait in waits:
            wait.result()
    pieces = sorted(path for path in out.glob("prompts?.bin"))
    if pieces:
        with open(out / "prompts.bin", "wb") as joined:
            for path in pieces:
                joined.write(path.read_bytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack")
    packing.add_argument("--tokens", type=pathlib.Path, required=True)
    packing.add_argument("--out", type=pathlib.Path, required=True)
    packing.add_argument("--prompts", type=pathlib.Path)
    packing.add_argument("--tokenizer", type=pathlib.Path)
    packing.add_argument("--limit", type=int, default=39_900_000)
    packing.add_argument("--parts", type=int, default=2)
    packing.add_argument("--dev-tokens", type=int, default=1_000_000)
    packing.add_argument("--processes", type=int, default=2)
    unpacking = commands.add_parser("unpack")
    unpacking.add_argument("parts", type=pathlib.Path, nargs="+")
    unpacking.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    begun = time.time()
    if arguments.command == "pack":
        pack(arguments)
    else:
        unpack(arguments.parts, arguments.out)
    print(f"{time.time() - begun:.1f} s")


if __name__ == "__main__":
    main()
