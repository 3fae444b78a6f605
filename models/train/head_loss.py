"""Weighted cross-entropy of the tied head, in chunks, with its gradient made on the way.

The logits of all tokens of a step would be the largest array by far; they exist for one chunk at
a time, and the gradients of the hidden states and of the table are ready before backward runs.
"""
import torch

CHUNK_TOKENS = 8192


def softmax_gradient(logits, targets, weights):
    """(loss of each row, gradient of sum(weights * loss) by the logits in their own type)."""
    wide = logits.float()
    log_sum = wide.logsumexp(dim=-1, keepdim=True)
    losses = log_sum[:, 0] - wide.gather(1, targets[:, None])[:, 0]
    hit = targets[:, None] == torch.arange(logits.shape[1], device=logits.device)
    gradient = (torch.exp(wide - log_sum) - hit.float()) * weights[:, None]
    return losses, gradient.to(logits.dtype)


class HeadLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, h, table, targets, weights, part):
        """part: softmax_gradient, possibly compiled. (sum of weighted losses, losses)"""
        gradient_h = torch.empty_like(h)
        gradient_table = torch.zeros(table.shape, device=table.device)
        losses = torch.empty(len(h), device=h.device)
        for first in range(0, len(h), CHUNK_TOKENS):
            at = slice(first, first + CHUNK_TOKENS)
            losses[at], gradient = part(h[at] @ table.t(), targets[at], weights[at])
            torch.mm(gradient, table, out=gradient_h[at])
            gradient_table += gradient.t() @ h[at]
        ctx.save_for_backward(gradient_h, gradient_table.to(table.dtype))
        ctx.mark_non_differentiable(losses)
        return (losses * weights).sum(), losses

    @staticmethod
    def backward(ctx, scale, _):
        gradient_h, gradient_table = ctx.saved_tensors
        scale = scale.to(gradient_h.dtype)
        return scale * gradient_h, scale * gradient_table, None, None, None
