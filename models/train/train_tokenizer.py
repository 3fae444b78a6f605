"""Learns the BPE merges from a sample of the training corpus; writes tokenizer.json.

Works on counts of unique pre-tokens and keeps pair counts up to date after each merge, so a
full run takes well under two minutes. Ties go to the lexicographically smaller pair.
"""
import argparse
import collections
import heapq
import json
import pathlib
import random

import corpus_settings as settings
from byte_pair_encoding import PRE_TOKENS, SPECIAL_TOKENS, Tokenizer, byte_characters


def sample_texts(docs):
    """Whole files in seeded order, until each language has its share of the sample."""
    by_language = collections.defaultdict(list)
    with open(docs / "train.jsonl") as lines:
        for line in lines:
            document = json.loads(line)
            by_language[settings.SHARE_GROUP[document["language"]]].append(document["text"])
    for language, share in settings.LANGUAGE_SHARES.items():
        texts = by_language[language]
        random.Random(settings.SEED).shuffle(texts)
        left = share * settings.TOKENIZER_SAMPLE_BYTES
        for text in texts:
            if left <= 0:
                break
            left -= len(text)
            yield text


def count_words(texts, pre):
    characters = byte_characters()
    counts = collections.Counter()
    for text in texts:
        counts.update(PRE_TOKENS[pre].findall(text))
    return [([characters[b] for b in word.encode()], n)
            for word, n in sorted(counts.items()) if n > 1]


class HeapEntry:
    """Largest count first, then the smaller pair."""
    __slots__ = ("count", "pair")

    def __init__(self, count, pair):
        self.count, self.pair = count, pair

    def __lt__(self, other):
        return (-self.count, self.pair) < (-other.count, other.pair)


def learn_merges(words, n_merges):
    pair_counts = collections.Counter()
    words_with = collections.defaultdict(set)
    for index, (parts, n) in enumerate(words):
        for pair in zip(parts, parts[1:]):
            pair_counts[pair] += n
            words_with[pair].add(index)
    heap = [HeapEntry(n, pair) for pair, n in pair_counts.items()]
    heapq.heapify(heap)
    merges = []
    while len(merges) < n_merges and heap:
        entry = heapq.heappop(heap)
        count = pair_counts[entry.pair]
        if count <= 0:
            continue
        if count != entry.count:  # stale: put it back with today's count
            heapq.heappush(heap, HeapEntry(count, entry.pair))
            continue
        merges.append(entry.pair)
        changed = apply_merge(words, entry.pair, words_with.pop(entry.pair), pair_counts, words_with)
        for pair in changed:
            if pair_counts[pair] > 0:
                heapq.heappush(heap, HeapEntry(pair_counts[pair], pair))
    return merges


def apply_merge(words, pair, indices, pair_counts, words_with):
    """Rewrites the words that contain the pair; returns the pairs whose count grew."""
    left, right = pair
    grown = set()
    for index in indices:
        parts, n = words[index]
        merged, i = [], 0
        while i < len(parts):
            if i + 1 < len(parts) and parts[i] == left and parts[i + 1] == right:
                merged.append(left + right)
                i += 2
            else:
                merged.append(parts[i])
                i += 1
        if len(merged) == len(parts):
            continue
        for old in zip(parts, parts[1:]):
            pair_counts[old] -= n
        for new in zip(merged, merged[1:]):
            pair_counts[new] += n
            words_with[new].add(index)
            grown.add(new)
        words[index] = (merged, n)
    pair_counts[pair] = 0
    return grown


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--docs", type=pathlib.Path, default=settings.CACHE_FOLDER / "docs")
    parser.add_argument("--out", type=pathlib.Path,
                        default=settings.CACHE_FOLDER / "tokenizer.json")
    parser.add_argument("--pre", choices=sorted(PRE_TOKENS), default=settings.PRE_TOKENIZER)
    parser.add_argument("--entries", type=int, default=settings.VOCABULARY_SIZE)
    arguments = parser.parse_args()
    characters = byte_characters()
    words = count_words(sample_texts(arguments.docs), arguments.pre)
    base = [characters[b] for b in range(256)]
    merges = learn_merges(words, arguments.entries - len(base) - len(SPECIAL_TOKENS))
    tokens = base + [a + b for a, b in merges] + SPECIAL_TOKENS
    if len(tokens) != arguments.entries or len(set(tokens)) != len(tokens):
        raise SystemExit(f"{len(tokens)} tokens, {len(set(tokens))} different ones, "
                         f"expected {arguments.entries}")
    arguments.out.write_text(
        json.dumps({"pre": arguments.pre, "tokens": tokens, "merges": merges}))
    report(Tokenizer.load(arguments.out), arguments.docs, len(words))


def report(tokenizer, docs, n_words):
    """Bytes per token by language on a part of each use; checks the way back."""
    for use in settings.USES:
        n_bytes, n_tokens = collections.Counter(), collections.Counter()
        with open(docs / (use + ".jsonl")) as lines:
            for i, line in enumerate(lines):
                if i % (100 if use == "train" else 4):
                    continue
                document = json.loads(line)
                text, language = document["text"], document["language"]
                ids = tokenizer.encode(text)
                if tokenizer.decode_bytes(ids) != text.encode():
                    raise SystemExit("the tokenizer does not round-trip")
                n_bytes[language] += len(text.encode())
                n_tokens[language] += len(ids)
        each = ", ".join(f"{lang} {n_bytes[lang] / n_tokens[lang]:.2f}" for lang in sorted(n_bytes))
        print(f"{n_words} words; {use}: "
              f"{sum(n_bytes.values()) / max(1, sum(n_tokens.values())):.3f} bytes per token ({each})")


if __name__ == "__main__":
    main()
