"""Measures the exported file on packages that were never trained on.

Owns the numbers in MANIFEST.json under "evaluation":
- bits per byte and top-1 on plain text, second half of full windows (so with real context);
- exact matches of hidden line ends, greedy, fill-in-the-middle prompt (both sides visible);
- the largest logit difference between this PyTorch network and the independent numpy one.

Everything runs on the dequantised weights of the file, not on the checkpoint.
"""
import argparse
import importlib.util
import json
import math
import random

import numpy as np
import torch

import recipe
from network import Network, tensor_shapes
from samples import load_sequence_maker

REFERENCE_FILE = recipe.MODELS_FOLDER.parent / "tests/engine/reference/forward_numpy.py"
REFERENCE_POSITIONS = 48
MAX_NEW_TOKENS = 32
# The two differ only by float32 rounding; router ties aside, this is generous.
MAX_LOGIT_DIFFERENCE = 2e-3


def load_reference():
    spec = importlib.util.spec_from_file_location("forward_numpy", REFERENCE_FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def plain_text(network, maker):
    """(bits per byte, top-1 share, scored tokens)."""
    byte_lengths = np.array(maker.tokenizer.byte_lengths())
    half, nats, n_bytes, hits, count = recipe.CONTEXT // 2, 0.0, 0, 0, 0
    for window in range(recipe.EVALUATION_WINDOWS):
        tokens = torch.tensor(maker.plain(random.Random(f"plain:{window}"))[0])
        logits = network.logits(tokens[None, :-1])[0, half:]
        targets = tokens[1 + half:]
        nats += float(torch.nn.functional.cross_entropy(logits, targets, reduction="sum"))
        hits += int((logits.argmax(dim=-1) == targets).sum())
        n_bytes += int(byte_lengths[targets.numpy()].sum())
        count += len(targets)
    return nats / math.log(2) / n_bytes, hits / count, count


def hidden_line_ends(network, maker):
    """(exact matches, holes); no cache, so every new token costs a full forward pass."""
    end = maker.tokenizer.special("<|endoftext|>")
    exact = 0
    for hole in range(recipe.EVALUATION_HOLES):
        tokens, middle = maker.hole(random.Random(f"hole:{hole}"), to_line_end_only=True)
        made = []
        # Stops at the first wrong token: the rest cannot make the match exact again.
        while made == middle[:len(made)] and len(made) < min(len(middle), MAX_NEW_TOKENS):
            made.append(int(network.logits(torch.tensor([tokens + made]))[0, -1].argmax()))
        exact += made == middle and middle[-1] == end
    return exact, recipe.EVALUATION_HOLES


def difference_to_reference(network, maker, reference_model):
    tokens = maker.plain(random.Random("reference"))[0][:REFERENCE_POSITIONS]
    expected = reference_model.logits(tokens)
    found = network.logits(torch.tensor([tokens]))[0].numpy()
    return float(np.abs(expected - found).max())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default=str(recipe.MODEL_FILE))
    parser.add_argument("--update-manifest", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(recipe.THREADS)
    torch.set_grad_enabled(False)

    reference = load_reference()
    gguf = reference.GgufFile(args.model)
    network = Network({name: torch.tensor(gguf.matrix(name), dtype=torch.float32)
                       for name in tensor_shapes()})
    maker = load_sequence_maker("held-out")
    difference = difference_to_reference(network, maker, reference.Model(gguf))
    if difference > MAX_LOGIT_DIFFERENCE:
        raise SystemExit(f"logits differ from the numpy reference by {difference:.2e}, "
                         f"expected at most {MAX_LOGIT_DIFFERENCE:.0e}")
    bits, top_1, n_tokens = plain_text(network, maker)
    exact, n_holes = hidden_line_ends(network, maker)
    share = exact / n_holes
    results = {
        "bits_per_byte": round(bits, 4), "top_1": round(top_1, 4), "scored_tokens": n_tokens,
        "line_end_exact_match": round(share, 4), "line_end_holes": n_holes,
        "line_end_standard_error": round(math.sqrt(share * (1 - share) / n_holes), 4),
        "max_logit_difference_to_numpy": float(f"{difference:.1e}")}
    print(json.dumps(results))
    if args.update_manifest:
        manifest = json.loads(recipe.MANIFEST_FILE.read_text())
        manifest["evaluation"] = results
        recipe.MANIFEST_FILE.write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main()
