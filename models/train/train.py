"""Trains the network; resumable, and the schedule counts tokens, never time.

Owns the loop, the learning-rate schedule and checkpoint.pt in the cache folder. A run that was
stopped continues from the checkpoint with the same samples and the same result.
"""
import argparse
import hashlib
import json
import os
import time

import torch

import recipe
from network import Network, initial_weights
from optimizer import Optimizer
from samples import load_sequence_maker

CHECKPOINT_EVERY_STEPS = 100
LOG_EVERY_STEPS = 20


def rate_factor(step):
    """Linear warm-up, flat, linear decay."""
    zero_at = recipe.DECAY_FROM_STEP + recipe.DECAY_STEPS
    return min(1.0, (step + 1) / recipe.WARMUP_STEPS, (zero_at - step) / recipe.DECAY_STEPS)


def batch(maker, step):
    sequences = [maker.sequence(step, slot) for slot in range(recipe.SEQUENCES_PER_STEP)]
    tokens = torch.tensor([s[0] for s in sequences])
    weights = torch.tensor([s[1] for s in sequences])
    return tokens[:, :-1], tokens[:, 1:], weights[:, 1:]


class HeadLoss(torch.autograd.Function):
    """Weighted cross-entropy of the tied head, with its gradient made in place.

    The logits are the largest array of a step by far; PyTorch's own backward made two more
    copies of them and cost a tenth of the step.
    """

    @staticmethod
    def forward(ctx, h, embedding, targets, weights):
        logits = h @ embedding.t()
        log_sum = logits.logsumexp(dim=-1, keepdim=True)
        losses = log_sum[:, 0] - logits.gather(1, targets[:, None])[:, 0]
        weights = weights / weights.sum()
        gradient = logits.sub_(log_sum).exp_()
        gradient[torch.arange(len(targets)), targets] -= 1.0
        gradient.mul_(weights[:, None])
        ctx.save_for_backward(h, embedding, gradient)
        ctx.mark_non_differentiable(losses)
        return (losses * weights).sum(), losses

    @staticmethod
    def backward(ctx, scale, _):
        h, embedding, gradient = ctx.saved_tensors
        return scale * (gradient @ embedding), scale * (gradient.t() @ h), None, None


def step_loss(network, inputs, targets, weights):
    """(loss to minimise, mean cross-entropy in nats as plain number)."""
    h, balance = network.hidden(inputs)
    targets, weights = targets.flatten(), weights.flatten()
    loss, losses = HeadLoss.apply(h.flatten(0, 1), network.weights["token_embd.weight"],
                                  targets, weights)
    mean = float(losses[weights > 0].mean())
    return loss + recipe.BALANCE_WEIGHT * balance, mean


def fingerprint():
    """Of the recipe and the data; a checkpoint of another one is not continued."""
    digest = hashlib.sha256(json.dumps(recipe.training_values()).encode())
    for name in ("train.jsonl", "tokenizer.json"):
        digest.update((recipe.CACHE_FOLDER / name).read_bytes())
    return digest.hexdigest()


def save(path, weights, optimizer, step, cpu_seconds):
    partial = path.with_suffix(".partial")
    torch.save({"fingerprint": fingerprint(), "weights": {n: w.detach() for n, w in weights.items()},
                "optimizer": optimizer.state(), "step": step,
                "cpu_seconds": cpu_seconds}, partial)
    partial.rename(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, help="stop early after this many steps (for timing)")
    args = parser.parse_args()
    torch.set_num_threads(recipe.THREADS)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(recipe.SEED)

    maker = load_sequence_maker("train")
    weights = {n: w.requires_grad_() for n, w in initial_weights().items()}
    optimizer = Optimizer(weights)
    path = recipe.CACHE_FOLDER / "checkpoint.pt"
    first, cpu_before = 0, 0.0
    if path.exists():
        saved = torch.load(path)
        if saved["fingerprint"] != fingerprint():
            raise SystemExit(f"{path} belongs to another recipe or corpus: remove it first")
        with torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(saved["weights"][name])
        optimizer.load_state(saved["optimizer"])
        first, cpu_before = saved["step"], saved["cpu_seconds"]
        print(f"continuing at step {first}", flush=True)

    network = Network(weights)
    tokens_per_step = recipe.SEQUENCES_PER_STEP * recipe.CONTEXT
    n_steps = recipe.TRAIN_TOKENS // tokens_per_step
    n_parameters = sum(w.numel() for w in weights.values())
    print(f"{n_parameters} parameters, {n_steps} steps of {tokens_per_step} tokens", flush=True)
    started, running = time.process_time(), None
    for step in range(first, min(n_steps, args.steps or n_steps)):
        loss, mean = step_loss(network, *batch(maker, step))
        for weight in weights.values():
            weight.grad = None
        loss.backward()
        optimizer.step(rate_factor(step))
        running = mean if running is None else 0.95 * running + 0.05 * mean
        cpu_seconds = cpu_before + time.process_time() - started
        done = step + 1
        if done % LOG_EVERY_STEPS == 0 or done == n_steps:
            print(f"step {done} tokens {done * tokens_per_step} loss {running:.3f} "
                  f"cpu_s {cpu_seconds:.0f} "
                  f"tokens/cpu_s {(done - first) * tokens_per_step / (cpu_seconds - cpu_before):.0f}",
                  flush=True)
        if done % CHECKPOINT_EVERY_STEPS == 0 or done in (n_steps, args.steps):
            save(path, weights, optimizer, done, cpu_seconds)


if __name__ == "__main__":
    # One thread for the linear algebra library too; it reads this when it is loaded.
    if os.environ.get("OMP_NUM_THREADS") != str(recipe.THREADS):
        raise SystemExit("start through models/train/run: it fixes the number of threads")
    main()
