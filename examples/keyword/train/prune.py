"""Training with fewer and fewer blocks of weights, those that the engine's sparse kernel leaves out.

A block is 8 outputs x 4 neighbouring weights of a convolution or of the head, in the order in which the engine multiplies:
kernel places, then channels. Depthwise convolutions stay whole.
"""
import torch
from torch import nn

ROWS, PLACES = 8, 4
CUTS, CUTTING = 60, 0.5  # blocks go in so many parts, over this share of the steps
MEMORY = 0.98  # what a step keeps of the scores
MOST = 0.95  # no layer loses more of its blocks


def blocks(weight):
    """float[outputs, channels, ...] -> a view, float[rows of blocks, columns of blocks, ROWS, PLACES], of a multiple of each."""
    flat = weight.flatten(1) if weight.dim() == 2 else weight.permute(0, 2, 3, 1).flatten(1)
    n, k = flat.shape
    flat = nn.functional.pad(flat, (0, -k % PLACES, 0, -n % ROWS))
    return flat.reshape(flat.shape[0] // ROWS, ROWS, -1, PLACES).transpose(1, 2)


def spread(kept, weight):
    """bool[rows of blocks, columns of blocks] -> of each weight whether its block is kept, in the weight's shape."""
    flat = kept.repeat_interleave(ROWS, 0).repeat_interleave(PLACES, 1)
    if weight.dim() == 2:
        return flat[: weight.shape[0], : weight.shape[1]]
    n, channels, height, width = weight.shape
    return flat[:n, : channels * height * width].reshape(n, height, width, channels).permute(0, 3, 1, 2)


def pruned_layers(model):
    return [m for m in model.modules() if isinstance(m, nn.Linear) or (isinstance(m, nn.Conv2d) and m.groups == 1)]


class Pruning:
    """Takes `share` of all blocks out, those first whose loss changes that of the model least, to first order."""

    def __init__(self, model, share):
        self.share, self.layers = share, pruned_layers(model)
        self.kept = [torch.ones(blocks(layer.weight).shape[:2], dtype=torch.bool) for layer in self.layers]
        self.scores = [torch.zeros(kept.shape) for kept in self.kept]
        self.done = 0

    def observe(self):
        """Takes the gradients of a step into the scores: a running mean of (sum of weight x gradient)^2."""
        with torch.no_grad():
            for layer, score in zip(self.layers, self.scores):
                change = blocks(layer.weight * layer.weight.grad).sum((2, 3)) ** 2
                score.mul_(MEMORY).add_(change, alpha=1 - MEMORY)

    def cut(self, progress):
        """As many blocks as are due at this share of the steps: most of them early."""
        due = min(CUTS, int(progress / CUTTING * CUTS))
        if due == self.done:
            return
        self.done = due
        counts = [kept.numel() for kept in self.kept]
        floors = [count - int(count * MOST) for count in counts]
        gone = int(self.share * (1 - (1 - due / CUTS) ** 3) * sum(counts))
        scores = torch.cat([s.masked_fill(~kept, -1).flatten() for s, kept in zip(self.scores, self.kept)])
        # The best of every layer always stay.
        for part, floor in zip(scores.split(counts), floors):
            part[part.topk(floor).indices] = torch.inf
        order = scores.argsort(stable=True)
        keeps = torch.ones(len(scores), dtype=torch.bool)
        keeps[order[:gone]] = False
        self.kept = [part.reshape(kept.shape) for part, kept in zip(keeps.split(counts), self.kept)]

    def apply(self, model):
        """Nothing is left in what is gone."""
        with torch.no_grad():
            for layer, kept in zip(pruned_layers(model), self.kept):
                layer.weight.mul_(spread(kept, layer.weight))

    def left(self):
        """Of each layer the share of blocks that are there."""
        return " ".join(f"{100 * kept.float().mean().item():.0f}" for kept in self.kept)
