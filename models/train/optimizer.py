"""Muon for the matrices inside the layers, AdamW for everything else.

Muon replaces each momentum matrix by the nearest orthogonal one (five Newton-Schulz steps).
It was chosen because others report that it needs fewer tokens than AdamW, and tokens are what
a CPU run lacks; the two were not compared here. The router stays with AdamW: its rows compete
and are no projection.
"""
import torch

import recipe


def orthogonalise(matrix):
    """Last two dimensions are the matrix; leading ones are a batch."""
    a, b, c = 3.4445, -4.7750, 2.0315  # coefficients of K. Jordan's Muon
    transposed = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.transpose(-2, -1) if transposed else matrix
    x = x / (x.flatten(-2).norm(dim=-1)[..., None, None] + 1e-7)
    for _ in range(5):
        gram = x @ x.transpose(-2, -1)
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.transpose(-2, -1) if transposed else x


class Optimizer:
    def __init__(self, weights):
        self._muon = {n: w for n, w in weights.items()
                      if w.dim() >= 2 and n.startswith("blk.") and "ffn_gate_inp" not in n}
        self._momentum = {n: torch.zeros_like(w) for n, w in self._muon.items()}
        others = {n: w for n, w in weights.items() if n not in self._muon}
        self._adam = torch.optim.AdamW(
            [{"params": [w for w in others.values() if w.dim() >= 2],
              "weight_decay": recipe.WEIGHT_DECAY},
             {"params": [w for w in others.values() if w.dim() < 2], "weight_decay": 0.0}],
            lr=recipe.ADAM_RATE, betas=recipe.ADAM_BETAS, eps=1e-8)

    @torch.no_grad()
    def step(self, rate_factor):
        for group in self._adam.param_groups:
            group["lr"] = recipe.ADAM_RATE * rate_factor
        self._adam.step()
        rate = recipe.MUON_RATE * rate_factor
        for name, weight in self._muon.items():
            momentum = self._momentum[name]
            momentum.mul_(recipe.MUON_MOMENTUM).add_(weight.grad)
            direction = weight.grad + recipe.MUON_MOMENTUM * momentum
            rows, columns = weight.shape[-2:]
            scale = max(1.0, rows / columns) ** 0.5
            weight.mul_(1 - rate * recipe.WEIGHT_DECAY)
            weight.add_(orthogonalise(direction), alpha=-rate * scale)

    def state(self):
        return {"adam": self._adam.state_dict(), "momentum": self._momentum}

    def load_state(self, state):
        self._adam.load_state_dict(state["adam"])
        self._momentum = state["momentum"]
