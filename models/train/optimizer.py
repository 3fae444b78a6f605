"""Muon for the matrices inside the layers, AdamW for everything else; master weights in float32.

The network reads working weights: copies of the masters in its own number type, rounded to the
file's block types when asked (the gradient at the rounded point moves the master: straight-through).
Small parts that stay float32 in the file are their own working weights.

Muon replaces each momentum matrix by the nearest orthogonal one (five Newton-Schulz steps).
Matrices of one shape lie side by side in one array, an expert or an output group being a matrix of
its own, so that a step is a few batched products. The router stays with AdamW: its rows compete and
are no projection. So do tables: their rows are no projection either.
"""
import collections

import torch

import recipe
from quantise import rounded
from shape import storage_type

NOT_PROJECTIONS = ("token_embd", "engram_embd", "engram_q.", "engram_k.", "ffn_gate_inp", "hc_",
                   "compressor_ape")


def orthogonalise(matrix):
    """Last two dimensions are the matrix; leading ones are a batch."""
    a, b, c = 3.4445, -4.7750, 2.0315  # coefficients of K. Jordan's Muon
    transposed = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.transpose(-2, -1) if transposed else matrix
    x = x / (x.float().flatten(-2).norm(dim=-1)[..., None, None] + 1e-7).to(x.dtype)
    for _ in range(5):
        gram = x @ x.transpose(-2, -1)
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.transpose(-2, -1) if transposed else x


def matrix_count(name, shape):
    """Into how many matrices a tensor falls."""
    if "engram_wkv" in name:
        return shape.n_streams + 1
    if "attn_output_a" in name:
        return shape.n_groups
    return shape.n_experts if "_exps" in name else 1


class MuonGroup:
    """All matrices of one size: masters, working copies, momentum [n, rows, columns]."""

    def __init__(self, kind, tensors, counts, work_type):
        stacked = [t.reshape(count, -1, t.shape[-1]) for t, count in zip(tensors.values(), counts)]
        self.kind, self.master = kind, torch.cat(stacked)
        self.work = torch.empty_like(self.master, dtype=work_type)
        self.momentum = torch.zeros_like(self.master)
        self.views, self.masters, first = {}, {}, 0
        for (name, tensor), count in zip(tensors.items(), counts):
            part = slice(first, first + count)
            self.views[name] = self.work[part].view(tensor.shape).detach().requires_grad_()
            self.masters[name] = self.master[part].view(tensor.shape)
            first += count

    def step(self, rate, quantised):
        gradient = torch.cat([view.grad.reshape(-1, *self.master.shape[1:])
                              for view in self.views.values()]).float()
        self.momentum.lerp_(gradient, 1 - recipe.MUON_MOMENTUM)
        direction = gradient.lerp_(self.momentum, recipe.MUON_MOMENTUM)
        if direction.is_cuda:
            direction = direction.bfloat16()
        rows, columns = self.master.shape[-2:]
        scale = max(1.0, rows / columns) ** 0.5
        self.master.mul_(1 - rate * recipe.WEIGHT_DECAY)
        self.master.add_(orthogonalise(direction).float(), alpha=-rate * scale)
        self.refresh(quantised)

    def refresh(self, quantised):
        self.work.copy_(rounded(self.master, self.kind) if quantised else self.master)


class Optimizer:
    """Takes {name: float32 tensor} and owns it; `working` is what the network reads."""

    def __init__(self, shape, weights, work_type):
        stacks = collections.defaultdict(dict)
        self.working, self._masters, self._rounded = {}, {}, []
        small, tables = [], []
        for name, tensor in weights.items():
            kind = storage_type(name, tensor.shape)
            if "exp_probs_b" in name:  # moved by the loads, not by a gradient
                self.working[name] = self._masters[name] = tensor
            elif (tensor.dim() >= 2 and name.startswith("blk.")
                    and not any(part in name for part in NOT_PROJECTIONS)):
                count = matrix_count(name, shape)
                rows = tensor.numel() // tensor.shape[-1] // count
                stacks[kind, rows, tensor.shape[-1]][name] = tensor
            elif kind == "f32":
                self.working[name] = self._masters[name] = tensor.requires_grad_()
                small.append(tensor)
            else:
                work = torch.empty_like(tensor, dtype=work_type).requires_grad_()
                self.working[name], self._masters[name] = work, tensor
                self._rounded.append((kind, tensor, work))
                tables.append(tensor)
        self._groups = [
            MuonGroup(key[0], tensors, [matrix_count(n, shape) for n in tensors], work_type)
            for key, tensors in stacks.items()]
        for group in self._groups:
            self.working.update(group.views)
            self._masters.update(group.masters)
        self._masters = {name: self._masters[name] for name in weights}
        self._adam = torch.optim.AdamW(
            [{"params": tables, "rate": recipe.TABLE_RATE},
             {"params": small, "rate": recipe.SMALL_RATE}],
            lr=recipe.SMALL_RATE, betas=recipe.ADAM_BETAS, eps=1e-8, weight_decay=0.0)
        self.refresh(False)

    @property
    def masters(self):
        """{GGUF name: float32 tensor}, in file order."""
        return self._masters

    @torch.no_grad()
    def refresh(self, quantised):
        """Makes the working weights follow the masters."""
        for kind, master, work in self._rounded:
            work.copy_(rounded(master, kind) if quantised else master)
        for group in self._groups:
            group.refresh(quantised)

    @torch.no_grad()
    def zero_gradients(self):
        for group in self._groups:
            for view in group.views.values():
                view.grad = None
        for _, _, work in self._rounded:
            work.grad = None
        for group in self._adam.param_groups:
            for tensor in group["params"]:
                tensor.grad = None

    @torch.no_grad()
    def step(self, rate_factor, quantised):
        for _, master, work in self._rounded:
            master.grad = None if work.grad is None else work.grad.float()
        for group in self._adam.param_groups:
            group["lr"] = group["rate"] * rate_factor
        self._adam.step()
        for kind, master, work in self._rounded:
            work.copy_(rounded(master, kind) if quantised else master)
        for group in self._groups:
            group.step(recipe.MUON_RATE * rate_factor, quantised)

    def gradient_owners(self):
        """The working weights that gradients flow to."""
        return [tensor for tensor in self.working.values() if tensor.requires_grad]

    def state(self):
        return {"adam": self._adam.state_dict(), "momentum": [g.momentum for g in self._groups]}

    @torch.no_grad()
    def load(self, weights, state):
        for name, tensor in self._masters.items():
            tensor.copy_(weights[name])
        self._adam.load_state_dict(state["adam"])
        for group, momentum in zip(self._groups, state["momentum"]):
            group.momentum.copy_(momentum)
        self.refresh(False)
