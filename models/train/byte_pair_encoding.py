"""Text <-> token ids: byte-level BPE.

Owns the split rule and the merge rule; the C++ engine implements the same two from the
vocabulary stored in the GGUF file. Special tokens are never produced from text here: the
training samples insert them by id.
"""
import json

import regex

# The names are those of GGUF's tokenizer.ggml.pre; the engine has each of them.
PRE_TOKENS = {
    "qwen2": regex.compile(
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
    "gpt-2": regex.compile(
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"),
}

CACHED_WORDS = 1_000_000

SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>",
                  "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>",
                  "<|file_sep|>"]


def byte_characters():
    """The GPT-2 table: every byte gets one printable character."""
    kept = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table, extra = {}, 0
    for byte in range(256):
        if byte in kept:
            table[byte] = chr(byte)
        else:
            table[byte] = chr(256 + extra)
            extra += 1
    return table


def merged(parts, rank):
    """The parts of one pre-token after all merges, lowest rank first; rank: {pair: number}."""
    parts, none = list(parts), len(rank)
    while len(parts) > 1:
        best, at = min((rank.get(pair, none), i) for i, pair in enumerate(zip(parts, parts[1:])))
        if best == none:
            break
        parts[at:at + 2] = [parts[at] + parts[at + 1]]
    return parts


class Tokenizer:
    def __init__(self, tokens, merges, pre="qwen2"):
        self.tokens = tokens            # id -> printable form, special tokens last
        self.merges = merges            # [(left, right)] in order of rank
        self.pre = pre                  # how text is cut before merging: a name of PRE_TOKENS
        self._words = PRE_TOKENS[pre]
        self._ids = {token: i for i, token in enumerate(tokens)}
        self._rank = {pair: i for i, pair in enumerate(merges)}
        self._characters = byte_characters()
        self._bytes = {c: b for b, c in self._characters.items()}
        self._cache = {}

    @classmethod
    def load(cls, path):
        data = json.loads(path.read_text())
        return cls(data["tokens"], [tuple(pair) for pair in data["merges"]],
                   data.get("pre", "qwen2"))

    def special(self, name):
        return self._ids[name]

    def encode(self, text):
        ids = []
        for word in self._words.findall(text):
            found = self._cache.get(word)
            if found is None:
                found = self._encode_word(word)
                if len(self._cache) < CACHED_WORDS:
                    self._cache[word] = found
            ids += found
        return ids

    def _encode_word(self, word):
        parts = [self._characters[b] for b in word.encode()]
        return [self._ids[p] for p in merged(parts, self._rank)]

    def decode_bytes(self, ids):
        """Bytes of ordinary tokens; special tokens give their name."""
        first_special = len(self.tokens) - len(SPECIAL_TOKENS)
        return b"".join(
            self.tokens[i].encode() if i >= first_special
            else bytes(self._bytes[c] for c in self.tokens[i]) for i in ids)

    def byte_lengths(self):
        """Bytes of text each token stands for; 0 for special tokens."""
        first_special = len(self.tokens) - len(SPECIAL_TOKENS)
        return [len(t) if i < first_special else 0 for i, t in enumerate(self.tokens)]
