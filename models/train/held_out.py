"""Measures a network on documents that were never trained on.

- bits per byte of plain text, second half of full windows, so with real context;
- exact matches of hidden line ends, greedy, fill-in-the-middle prompt without excerpts. Greedy
  decoding gives the hidden tokens exactly when each of them is the likeliest one behind the prompt
  and the hidden tokens before it: one pass over prompt and answer tells.
"""
import math

import numpy as np
import torch
import torch.nn.functional as F

import recipe

LONGEST_ANSWER = 32
ROUND_UP = 64  # the network is fastest on whole windows


class HeldOut:
    """tokens: documents one after the other, each followed by <|endoftext|>."""

    def __init__(self, tokens, vocabulary, context, n_windows=160, n_holes=500):
        self._v, self._context = vocabulary, context
        if len(tokens) < context + 2:
            raise SystemExit(f"{len(tokens)} held-out tokens, expected more than {context + 1}")
        rng = np.random.default_rng(11)
        n = max(min(n_windows, len(tokens) // (context + 1)), 1)
        begins = np.sort(rng.integers(0, len(tokens) - context - 1, n))
        self._windows = np.stack([tokens[b:b + context + 1] for b in begins]).astype(np.int64)
        self._holes = self._choose_holes(tokens, rng, n_holes)

    def _choose_holes(self, tokens, rng, n_holes):
        """[(prompt and answer, first position of the answer)]"""
        v, holes = self._v, []
        room = self._context - LONGEST_ANSWER - 3
        n_prefix = min(recipe.PREFIX_TOKENS, room * 3 // 4)
        n_suffix = min(recipe.SUFFIX_TOKENS, room // 4)
        for begin in rng.integers(1, len(tokens) - 2, 200 * n_holes):
            if len(holes) == n_holes:
                break
            ends = np.flatnonzero(v.ends_line[tokens[begin:begin + LONGEST_ANSWER - 1]])
            first = tokens[begin]
            if not len(ends) or v.ends_line[first] or v.blank[first]:
                continue
            end = begin + int(ends[0]) + 1
            answer = tokens[begin:end]
            if v.end in answer:
                continue
            before, after = tokens[max(begin - n_prefix, 0):begin], tokens[end:end + n_suffix]
            stops = np.flatnonzero(before == v.end)
            before = before[stops[-1] + 1:] if len(stops) else before
            stops = np.flatnonzero(after == v.end)
            after = after[:stops[0]] if len(stops) else after
            prompt = [v.suffix, *after, v.prefix, *before, v.middle]
            holes.append((np.array([*prompt, *answer, v.end], np.int64), len(prompt)))
        return holes

    @torch.no_grad()
    def measure(self, network, device, per_call=16):
        """network: exact. {name: number}"""
        table = network.weights["token_embd.weight"]
        half, nats, n_bytes, hits, scored = self._context // 2, 0.0, 0, 0, 0
        for first in range(0, len(self._windows), per_call):
            window = torch.from_numpy(self._windows[first:first + per_call]).to(device)
            x, _, _ = network.hidden(window[:, :-1])
            logits = F.linear(x[:, half:], table).float()
            targets = window[:, half + 1:]
            nats += float(F.cross_entropy(logits.flatten(0, 1), targets.flatten(),
                                          reduction="sum"))
            hits += int((logits.argmax(dim=-1) == targets).sum())
            n_bytes += int(self._v.byte_lengths[targets.cpu().numpy()].sum())
            scored += targets.numel()
        result = {"bits_per_byte": nats / math.log(2) / max(n_bytes, 1),
                  "top_1": hits / max(scored, 1), "scored_tokens": scored}
        if self._holes:
            right = self._matches(network, table, device, per_call)
            share = right / len(self._holes)
            result.update(line_ends=share, line_end_holes=len(self._holes),
                          line_ends_error=math.sqrt(share * (1 - share) / len(self._holes)))
        return result

    def _matches(self, network, table, device, per_call):
        right = 0
        for first in range(0, len(self._holes), per_call):
            group = self._holes[first:first + per_call]
            longest = -(-max(len(sequence) for sequence, _ in group) // ROUND_UP) * ROUND_UP
            tokens = np.full((len(group), longest), self._v.end, np.int64)
            for i, (sequence, _) in enumerate(group):
                tokens[i, :len(sequence)] = sequence
            x, _, _ = network.hidden(torch.from_numpy(tokens).to(device))
            for i, (sequence, begin) in enumerate(group):
                made = F.linear(x[i, begin - 1:len(sequence) - 1], table).argmax(dim=-1)
                right += bool((made.cpu().numpy() == sequence[begin:]).all())
        return right
