"""What the oracles of the families other than DeepSeek-V4 share: attention, routing, traces, tokens, fixtures.

A family file makes weights under the names and in the conventions of the published checkpoints ("HF" below), runs
them in float64, and writes the same weights twice: as the checkpoint has them and as a GGUF file has them. The
forward pass never sees the GGUF form, so a mistake in reordering or folding shows as a difference.
"""
import sys

import numpy as np

import common

VOCABULARY = 288
TOKENS = 96
# Rows of logits and residuals that are kept: the start, both sides of multiples of the window (16), the end.
POSITIONS = [0, 1, 5, 11, 15, 16, 17, 32, 47, 64, 79, 95]

_PAIRS = [(b" ", b"t"), (b"h", b"e"), (b"i", b"n"), (b"r", b"e"), (b"o", b"n"), (b" t", b"he"), (b"e", b"r"), (b" ", b"s"),
          (b"a", b"t"), (b" ", b"c"), (b"o", b"r"), (b"e", b"n"), (b"i", b"t"), (b" ", b" "), (b"  ", b"  "),
          (b"in", b"g"), (b"\n", b"\n"), (b"s", b"t"), (b"a", b"n"), (b"d", b"e"), (b" ", b"="), (b"(", b")"),
          (b"r", b"n"), (b"t", b"u"), (b"re", b"tu"), (b"retu", b"rn"), (b"d", b"ef"), (b"e", b"f"), (b" ", b"a"),
          (b"l", b"e"), (b"1", b"0")]


class Trace:
    """What one run of a model leaves: the residual stream after each layer [T, d], the experts of each token by
    falling selection score [T, k] (layers with a router only), their weights, the logits [T, vocabulary], and for
    each token the smallest gap between the last expert chosen and the first one left out."""

    def __init__(self, tokens):
        self.tokens = np.asarray(tokens)
        self.layers, self.experts, self.expert_weights = [], {}, {}
        self.margin = np.full(len(tokens), np.inf)
        self.logits = None
        self.extra = {}

    def routed(self, layer, chosen, weights, selection):
        self.experts[layer] = chosen
        self.expert_weights[layer] = weights
        order = -np.sort(-selection, axis=1)
        k = chosen.shape[1]
        self.margin = np.minimum(self.margin, order[:, k - 1] - order[:, k])

    def tensors(self, positions=None):
        rows = np.asarray(POSITIONS if positions is None else positions)
        out = {"tokens": ("I32", self.tokens), "positions": ("I32", rows), "logits": ("F32", self.logits[rows])}
        for i, stream in enumerate(self.layers):
            out["layer.%d" % i] = ("F32", stream[rows])
        for i, chosen in self.experts.items():
            out["router.%d" % i] = ("I32", chosen)
            out["router_weights.%d" % i] = ("F32", self.expert_weights[i])
        for name, value in self.extra.items():
            out[name] = ("F32", value)
        return out


def attention(q, k, v, scale, window=0, sinks=None):
    """Causal attention of q [T, H, a], k [T, K, a], v [T, K, b], H a multiple of K; result [T, H * b].
    window > 0: a token sees itself and the window - 1 tokens before it. sinks [H]: one more logit a head, whose
    share of the softmax goes nowhere."""
    count, heads = q.shape[:2]
    group = heads // k.shape[1]
    logits = np.einsum("thd,shd->hts", q, np.repeat(k, group, axis=1)) * scale
    distance = np.arange(count)[:, None] - np.arange(count)[None, :]
    hidden = distance < 0
    if window:
        hidden |= distance >= window
    logits[:, hidden] = -np.inf
    if sinks is not None:
        extra = np.broadcast_to(np.asarray(sinks).reshape(-1, 1, 1), (heads, count, 1))
        share = common.softmax(np.concatenate([logits, extra], axis=2))[:, :, :-1]
    else:
        share = common.softmax(logits)
    return np.einsum("hts,shd->thd", share, np.repeat(v, group, axis=1)).reshape(count, -1)


def top_k(selection, k):
    """The k largest of each row, falling; ties to the lower index."""
    return np.argsort(-selection, axis=1, kind="stable")[:, :k]


def mixture(chosen, weights, outputs):
    """Weighted sum over the chosen experts; outputs [E, T, d] holds what every expert makes of every token."""
    rows = np.arange(len(chosen))[:, None]
    return np.sum(outputs[chosen, rows] * weights[:, :, None], axis=1)


def experts_swiglu(x, gate, up, down):
    """What every expert makes of every token: gate, up [E, f, d], down [E, d, f] -> [E, T, d]."""
    hidden = common.silu(np.einsum("td,efd->etf", x, gate)) * np.einsum("td,efd->etf", x, up)
    return np.einsum("etf,edf->etd", hidden, down)


def mlp_swiglu(x, gate, up, down):
    return common.linear(common.swiglu(common.linear(x, gate), common.linear(x, up)), down)


def heads(x, count):
    return x.reshape(len(x), count, -1)


def yarn_frequencies(dims, base, factor, original, beta_fast, beta_slow, truncate):
    """YaRN: pair i keeps its frequency below the ramp, is slowed by factor above it; the ramp's ends are the pairs
    that make beta_fast and beta_slow turns over the original context, rounded outwards when truncate is set."""
    pair = np.arange(dims // 2, dtype=np.float64)
    plain = base ** (-2 * pair / dims)
    low, high = (dims * np.log(original / (turns * 2 * np.pi)) / (2 * np.log(base)) for turns in (beta_fast, beta_slow))
    if truncate:
        low, high = np.floor(low), np.ceil(high)
    low, high = max(low, 0.0), min(high, dims - 1.0)
    slowed = np.clip((pair - low) / max(high - low, 1e-3), 0, 1)
    return plain * (1 - slowed) + plain / factor * slowed


def choose_tokens(seed, forward, least_margin, count=TOKENS, vocabulary=VOCABULARY, tries=60):
    """Token ids such that every routing decision has a margin of at least least_margin, found one token at a time
    (all models here are causal, so a later token does not disturb an earlier decision)."""
    draw = common.Draw(seed).integers("tokens", (count, tries), vocabulary)
    tokens = []
    for i in range(count):
        best = None
        for candidate in draw[i]:
            margin = forward(tokens + [int(candidate)]).margin[i]
            if best is None or margin > best[0]:
                best = (margin, int(candidate))
            if margin >= least_margin:
                break
        tokens.append(best[1])
    return tokens


def gguf_vocabulary(g, pre, control, bos=None, eos=None, pad=None, template=None):
    """The byte-level vocabulary of every fixture: bytes, merges up to VOCABULARY, the family's control tokens."""
    merges = []
    known = {bytes([b]) for b in range(256)}
    for a, b in _PAIRS:
        if len(merges) < VOCABULARY - 256 - len(control) and a in known and b in known:
            merges.append((a, b))
            known.add(a + b)
    size = common.tokenizer_keys(g, pre, last=control, merges=merges, bos=bos, eos=eos, pad=pad, template=template)
    if size != VOCABULARY:
        raise ValueError("vocabulary of %d tokens" % size)


def start_gguf(arch, name, config_keys):
    """config_keys: (key under the architecture's name, kind, value), in order."""
    g = common.Gguf(arch, name)
    g.kv("general.type", common.STR, "model")
    g.kv("general.file_type", common.U32, 0)
    g.kv("general.quantization_version", common.U32, 2)
    for key, kind, value in config_keys:
        g.akv(key, kind, value)
    return g


def bf16_tensors(weights):
    return {name: ("BF16", value) for name, value in weights.items()}


def report(fixture, trace):
    size = sum(len(data) for data in fixture.files.values())
    rms = [float(np.sqrt(np.mean(stream**2))) for stream in trace.layers]
    text = "%-16s %4d KB  residual rms %s  logits rms %.2f" % (
        fixture.name, size // 1024, " ".join("%.2f" % r for r in rms), float(np.sqrt(np.mean(trace.logits**2))))
    if trace.experts:
        used = [len(np.unique(chosen)) for chosen in trace.experts.values()]
        text += "  experts used %s  least margin %.3f" % (used, float(np.min(trace.margin)))
    print(text)


def main(fixtures):
    """fixtures() -> fixtures, with their trace where a model made them. Writes them, or with --check compares with what
    is committed. run.py does the same for all families."""
    check = "--check" in sys.argv[1:]
    bad = 0
    for fixture in fixtures():
        if hasattr(fixture, "trace"):
            report(fixture, fixture.trace)
        if not check:
            fixture.write()
            continue
        problems = fixture.check()
        for line in problems:
            print("  " + line)
        print("%s: %s" % (fixture.name, "%d problems" % len(problems) if problems else "as committed"))
        bad += len(problems)
    return 1 if bad else 0
