"""Turns corpus text into training sequences.

Owns the sample format. Half of the sequences are plain text; the others hold fill-in-the-middle
samples in SPM order, so that the middle follows the prefix directly:

  <|fim_suffix|>{suffix}<|fim_prefix|>{prefix}<|fim_middle|>{middle}<|endoftext|>

Prefix, middle and suffix are tokenised separately, as an editor does at the cursor.
A sequence is a function of (seed, step, slot) only, so training can resume anywhere.
"""
import bisect
import collections
import itertools
import json
import random

import recipe
from byte_pair_encoding import PRE_TOKEN, Tokenizer

CHARS_PER_TOKEN = 6          # generous: windows are cut to tokens afterwards
FIM_PIECE_TOKENS = 256       # at least two samples per sequence: more middles per token
MIN_FIM_PIECE_TOKENS = 160   # what is left of a sequence below this is padding
MAX_MIDDLE_TOKENS = 96
MIDDLE_WEIGHT = 3.0          # middles are about 5 % of the tokens of a sample


class Corpus:
    """Documents of one use ("train" or "held-out"), drawn by language share and size."""

    def __init__(self, use):
        self._texts = collections.defaultdict(list)
        with open(recipe.CACHE_FOLDER / (use + ".jsonl")) as lines:
            for line in lines:
                document = json.loads(line)
                self._texts[document["language"]].append(document["text"])
        self._ends = {language: list(itertools.accumulate(map(len, texts)))
                      for language, texts in self._texts.items()}
        self._shares = {language: recipe.LANGUAGE_SHARES[language] for language in self._texts}

    def draw(self, rng, chars):
        """About `chars` characters of one file, starting at a line start."""
        language = rng.choices(list(self._shares), list(self._shares.values()))[0]
        ends = self._ends[language]
        point = rng.randrange(ends[-1])
        index = bisect.bisect_right(ends, point)
        text = self._texts[language][index]
        offset = max(0, min(point - (ends[index] - len(text)), len(text) - chars // 2))
        start = text.rfind("\n", 0, offset) + 1
        return text[start:start + chars], start + chars >= len(text)


class SequenceMaker:
    def __init__(self, corpus, tokenizer):
        self._corpus, self.tokenizer = corpus, tokenizer
        self._end = tokenizer.special("<|endoftext|>")
        self._pad = tokenizer.special("<|fim_pad|>")
        self._prefix, self._middle, self._suffix = (
            tokenizer.special(f"<|fim_{part}|>") for part in ("prefix", "middle", "suffix"))

    def sequence(self, step, slot):
        """(tokens, weights), both CONTEXT + 1 long; weights[i] is the loss weight of tokens[i]."""
        rng = random.Random(f"{recipe.SEED}:{step}:{slot}")
        if rng.random() < recipe.FIM_SHARE:
            return self._fill_in_the_middle(rng)
        return self.plain(rng)

    def plain(self, rng):
        size = recipe.CONTEXT + 1
        tokens = []
        while len(tokens) < size:
            text, reached_end = self._corpus.draw(rng, size * CHARS_PER_TOKEN)
            tokens += self.tokenizer.encode(text) + ([self._end] if reached_end else [])
        return tokens[:size], [1.0] * size

    def _fill_in_the_middle(self, rng):
        size = recipe.CONTEXT + 1
        tokens, weights = [], []
        while size - len(tokens) >= MIN_FIM_PIECE_TOKENS:
            before, middle = self.hole(rng, min(FIM_PIECE_TOKENS, size - len(tokens)))
            tokens += before + middle
            weights += [1.0] * len(before) + [MIDDLE_WEIGHT] * len(middle)
        padding = size - len(tokens)
        return tokens + [self._pad] * padding, weights + [0.0] * padding

    def hole(self, rng, budget=FIM_PIECE_TOKENS, to_line_end_only=False):
        """(tokens up to <|fim_middle|>, tokens of the middle with <|endoftext|>)."""
        while True:
            text, _ = self._corpus.draw(rng, FIM_PIECE_TOKENS * CHARS_PER_TOKEN)
            span = choose_span(rng, text, to_line_end_only)
            if span is None:
                continue
            middle = self.tokenizer.encode(text[span[0]:span[1]])
            if 0 < len(middle) <= MAX_MIDDLE_TOKENS:
                break
        prefix = self.tokenizer.encode(text[:span[0]])
        suffix = self.tokenizer.encode(text[span[1]:])
        room = budget - 4 - len(middle)
        n_suffix = min(len(suffix), int(room * rng.uniform(0.1, 0.5)))
        n_prefix = min(len(prefix), room - n_suffix)
        before = ([self._suffix] + suffix[:n_suffix] + [self._prefix]
                  + prefix[len(prefix) - n_prefix:] + [self._middle])
        return before, middle + [self._end]


def choose_span(rng, text, to_line_end_only=False):
    """(start, end) of a hole, or None when the drawn line is not suitable."""
    lines = text.split("\n")
    if len(lines) < 6:
        return None
    # The hole lies near the middle, so that both sides stay in reach after cutting.
    row = rng.randrange(len(lines) // 6, max(len(lines) * 2 // 3, len(lines) // 6 + 1))
    line = lines[row]
    line_start = sum(len(l) + 1 for l in lines[:row])
    line_end = line_start + len(line)
    body = line_start + len(line) - len(line.lstrip())
    if line_end - body < 3:
        return None
    kind = 0.0 if to_line_end_only else rng.random()
    if kind < 0.5:  # from inside the line to its end
        start = rng.randrange(body, line_end)
        if rng.random() < 0.5:
            pieces = itertools.accumulate(map(len, PRE_TOKEN.findall(line)), initial=line_start)
            start = max(p for p in pieces if p <= start)
        return max(start, body), line_end
    if kind < 0.75:  # a whole line
        return body, line_end
    if kind < 0.9:  # a few lines
        last = min(row + rng.randrange(1, 5), len(lines) - 1)
        return body, line_end + sum(len(l) + 1 for l in lines[row + 1:last + 1])
    return (start := rng.randrange(body, line_end)), min(len(text), start + rng.randrange(1, 120))


def load_sequence_maker(use):
    return SequenceMaker(Corpus(use), Tokenizer.load(recipe.CACHE_FOLDER / "tokenizer.json"))
