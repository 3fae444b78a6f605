"""Turns tokenised documents and prepared holes into training sequences.

Owns the sample format. A sequence is plain text (documents in a row, each ended by
<|endoftext|>) or several fill-in-the-middle prompts, exactly as the product writes them:

  for each excerpt, least important first: <|file_sep|>{excerpt}
  <|fim_suffix|>{suffix}<|fim_prefix|>{prefix}<|fim_middle|>{middle}<|endoftext|>

Files of a folder: tokenizer.json; USE.u16, all documents; prompts.bin for training, records of 13
little-endian u32: hole begin and end, document begin and end, number of excerpts, then begin and
length of up to four excerpts, most important first; all are positions into USE.u16.

A batch is a function of (seed, step) and of the share of prompts, so training resumes anywhere.
"""
import json
import multiprocessing
import pathlib
import queue

import numpy as np

import recipe
from byte_pair_encoding import merged

NOTHING, SUFFIX, PREFIX, MIDDLE, PLAIN = range(5)  # indices of recipe.LOSS_WEIGHTS
RECORD = 13
LEAST_ROOM = 96            # what is left of a sequence below this is filled with plain text
PROMPTS_PER_SEQUENCE = 4   # how far holes of neighbouring sequences lie apart


class Vocabulary:
    """Special tokens, and the ways to part a token where a cursor may stand."""

    def __init__(self, path):
        data = json.loads(pathlib.Path(path).read_text())
        self.tokens = data["tokens"]
        self._ids = {token: i for i, token in enumerate(self.tokens)}
        self._rank = {tuple(pair): i for i, pair in enumerate(data["merges"])}
        self.size = len(self.tokens)
        self.end = self._ids["<|endoftext|>"]
        self.prefix, self.middle, self.suffix = (
            self._ids[f"<|fim_{part}|>"] for part in ("prefix", "middle", "suffix"))
        self.excerpt = self._ids["<|file_sep|>"]
        special = np.array([t.startswith("<|") and t.endswith("|>") for t in self.tokens])
        self.byte_lengths = np.where(special, 0, [len(t) for t in self.tokens])
        # In the printable form of byte-level BPE a space is U+0120 and a line feed U+010A.
        self.ends_line = np.array(["\u010a" in t for t in self.tokens]) & ~special
        self.blank = np.array([set(t) == {"\u0120"} for t in self.tokens])
        self.space = self._ids.get("\u0120", -1)
        self._longer_blank = {i: self._ids.get(t + "\u0120", -1)
                              for i, t in enumerate(self.tokens) if self.blank[i]}
        self._parted = {}

    def encode_piece(self, piece):
        return [self._ids[p] for p in merged(piece, self._rank)]

    def parted(self, token, at):
        """Tokens of the first `at` bytes and of the others; None where no cursor can stand."""
        key = (token, at)
        if key not in self._parted:
            text, cut = self.tokens[token], None
            # Bytes beyond ASCII may be parts of a character.
            if 0 < at < len(text) and all(c < "\u007f" or c == "\u0120" for c in text):
                cut = (self.encode_piece(text[:at]), self.encode_piece(text[at:]))
            self._parted[key] = cut
        return self._parted[key]

    def longer_blank(self, token):
        """One more space behind a token of spaces; -1 when no token has so many."""
        return self._longer_blank.get(int(token), -1)


def step_through(index, n):
    """Visits 0 .. n - 1 in a scattered order, each once in n calls with rising index."""
    stride = int(n * 0.6180339887) | 1
    while np.gcd(stride, n) != 1:
        stride += 2
    return index * stride % n


class Samples:
    """Batches out of one or several folders of the same tokenizer."""

    def __init__(self, folders, use, context, seed):
        tokens, holes, base = [], [], 0
        for folder in map(pathlib.Path, folders):
            part = np.fromfile(folder / f"{use}.u16", "<u2")
            path = folder / "prompts.bin"
            known = use == "train" and path.exists()
            records = np.fromfile(path, "<u4") if known else np.zeros(0, "<u4")
            records = records.reshape(-1, RECORD).astype(np.int64)
            records = records[(records[:, 3] <= len(part)) & (records[:, 1] > records[:, 0])]
            records[:, :4] += base
            records[:, 5::2] += base
            tokens.append(part)
            holes.append(records)
            base += len(part)
        self.vocabulary = Vocabulary(pathlib.Path(folders[0]) / "tokenizer.json")
        self.tokens, self.holes = np.concatenate(tokens), np.concatenate(holes)
        self._size, self._seed = context + 1, seed
        if len(self.tokens) < 2 * self._size or self.tokens.max() >= self.vocabulary.size:
            raise SystemExit(f"{folders}: {len(self.tokens)} tokens, or tokens without a name")

    def batch(self, step, n_sequences, fim_share):
        """(tokens [n, context + 1], kinds [n, context + 1]); kinds index the loss weights."""
        tokens = np.empty((n_sequences, self._size), np.int16)
        kinds = np.empty((n_sequences, self._size), np.uint8)
        rng = np.random.default_rng([self._seed, step])
        fim = rng.random(n_sequences) < fim_share
        for i in range(n_sequences):
            at = step * n_sequences + i
            if fim[i] and len(self.holes):
                self._prompts(rng, at, tokens[i], kinds[i])
            else:
                tokens[i] = self._plain(rng, at, self._size)
                kinds[i] = PLAIN
        return tokens, kinds

    def _plain(self, rng, at, n):
        windows = max((len(self.tokens) - self._size) // self._size, 1)
        begin = step_through(at + self._seed, windows) * self._size + int(rng.integers(self._size))
        return self.tokens[begin:begin + n]

    def _prompts(self, rng, at, tokens, kinds):
        used = 0
        for k in range(self._size // LEAST_ROOM):
            room = self._size - used
            if room < LEAST_ROOM:
                break
            index = step_through(at * PROMPTS_PER_SEQUENCE + k + self._seed, len(self.holes))
            for part, kind in self.prompt(rng, self.holes[index], room):
                end = used + len(part)
                tokens[used:end], kinds[used:end] = part, kind
                used = end
        tokens[used:] = self._plain(rng, at + k, self._size - used)
        kinds[used:] = PLAIN

    def prompt(self, rng, hole, room):
        """[(tokens, kind), ...] of one prompt with its middle, at most `room` tokens in all; empty
        when not even the middle has room."""
        v, u = self.vocabulary, rng.random(8)
        begin, end, document, document_end, n_excerpts = hole[:5].tolist()
        middle = self.tokens[begin:end]
        whole = len(middle) <= recipe.MIDDLE_TOKENS
        middle = middle[:recipe.MIDDLE_TOKENS].tolist()
        dropped, before, middle = self._move_cursor(middle, begin, document, u[0], u[1])
        room -= len(middle) + 4 + len(before)
        if room < 32:
            return []
        # Most prompts are as long as the product's; the others show less, as at a file's start.
        n_prefix = recipe.PREFIX_TOKENS if u[2] < 0.5 else 16 + int(u[3] * (
            recipe.PREFIX_TOKENS - 16))
        n_suffix = (0 if u[4] < 0.15 else recipe.SUFFIX_TOKENS if u[4] < 0.65
                    else int(u[5] * recipe.SUFFIX_TOKENS))
        n_prefix = min(n_prefix, begin - document)
        n_suffix = min(n_suffix, document_end - end)
        n_excerpts = 0 if u[6] < 0.2 else min(n_excerpts, 1 + int(u[7] * 6))
        excerpts = hole[5:5 + 2 * n_excerpts].reshape(-1, 2).tolist()
        least = min(n_prefix, 64)
        while excerpts and sum(n + 1 for _, n in excerpts) + n_suffix // 2 + least > room:
            excerpts.pop()
        room -= sum(n + 1 for _, n in excerpts)
        n_suffix = min(n_suffix, max(room - n_prefix, room // 4))
        n_prefix = min(n_prefix, room - n_suffix)
        parts = []
        for first, n in reversed(excerpts):
            parts += [([v.excerpt], NOTHING), (self.tokens[first:first + n], NOTHING)]
        parts += [([v.suffix], NOTHING), (self.tokens[end:end + n_suffix], SUFFIX),
                  ([v.prefix], NOTHING),
                  (self.tokens[begin - n_prefix:begin - dropped], PREFIX), (before, PREFIX),
                  ([v.middle], NOTHING), (middle, MIDDLE)]
        if whole:
            parts.append(([v.end], MIDDLE))
        return [(part, kind) for part, kind in parts if len(part)]

    def _move_cursor(self, middle, begin, document, u, where):
        """Holes lie on borders of tokens, cursors do not: behind a typed space or indentation, and
        inside words. (number of tokens that the prefix loses, tokens it gains, middle)"""
        v, first = self.vocabulary, middle[0]
        text = v.tokens[first]
        if v.ends_line[first] or len(text) < 2 or v.blank[first]:
            return 0, [], middle
        before = int(self.tokens[begin - 1]) if begin > document else v.end
        spaced, cut = text[0] == "\u0120", None
        if spaced and v.blank[before]:
            # "   " + " x" is how indented code is split; a cursor in front of x has "    ".
            cut, longer = v.parted(first, 1), v.longer_blank(before)
            if u < 0.9 and cut and longer >= 0:
                return 1, [longer], cut[1] + middle[1:]
            return 0, [], middle
        if spaced and u < 0.5:
            cut = v.parted(first, 1)
        elif len(text) > 2 and u > 0.75:
            cut = v.parted(first, 1 + int(where * (len(text) - 1)))
        return (0, cut[0], cut[1] + middle[1:]) if cut else (0, [], middle)


# ------------------------------------------------------------------------- batches made ahead


def share_of_prompts(step, decay_from):
    return recipe.FIM_SHARE if step < decay_from.value else recipe.FIM_SHARE_IN_DECAY


def _work(samples, n_sequences, first, every, decay_from, out):
    step = first
    while True:
        out.put(samples.batch(step, n_sequences, share_of_prompts(step, decay_from)))
        step += every


class Prefetcher:
    """Batches in order of steps, made by forked processes; start it before CUDA is used.

    decay_from: the step from which more prompts are drawn; batches made ahead may miss a change.
    """

    AHEAD = 4

    def __init__(self, samples, n_sequences, first_step, n_workers):
        context = multiprocessing.get_context("fork")
        self.decay_from = context.Value("q", 1 << 60)
        self._samples, self._n = samples, n_sequences
        self._first = self._step = first_step
        self._queues, self._workers = [], []
        for i in range(n_workers):
            out = context.Queue(self.AHEAD)
            worker = context.Process(target=_work, daemon=True, args=(
                samples, n_sequences, first_step + i, n_workers, self.decay_from, out))
            worker.start()
            self._queues.append(out)
            self._workers.append(worker)

    def next(self):
        step, self._step = self._step, self._step + 1
        if not self._queues:
            return self._samples.batch(step, self._n, share_of_prompts(step, self.decay_from))
        which = (step - self._first) % len(self._queues)
        while True:
            try:
                return self._queues[which].get(timeout=5)
            except queue.Empty:
                if not self._workers[which].is_alive():
                    raise RuntimeError("a process that makes samples ended") from None

    def close(self):
        for worker in self._workers:
            worker.terminate()
