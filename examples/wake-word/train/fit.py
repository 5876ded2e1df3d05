"""Trains the network on the pool and writes ../model.onnx.

    python3 fit.py --shards 4 --epochs 24

Nobody said where in a canvas the word is. Without padding along time the network judges every window of a canvas
in one go: where the word is there, its surest windows must hear it; where it isn't, no window may.
"""
import argparse
import os

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

import wake
from descend import descend
from features import MELS
from model import MEAN, SCALE, conv, export
from train import blank, warp


class Block(nn.Module):
    """relu(x + pointwise(relu(depthwise(x)))), of the columns which the depthwise convolution sees whole."""

    def __init__(self, channels, width):
        super().__init__()
        self.cut = width // 2
        self.body = nn.Sequential(
            *conv(channels, channels, width, groups=channels), nn.ReLU(), *conv(channels, channels, 1)
        )

    def forward(self, x):
        return torch.relu(x[:, :, self.cut : -self.cut] + self.body(x))


class WakeWord(nn.Module):
    """features float32[n, frames, 40] -> logits float32[n, windows]; windows of 49 frames, 2 apart."""

    def __init__(self, channels=64, blocks=4):
        super().__init__()
        self.normalised = False
        self.stem = nn.Sequential(*conv(MELS, channels, 5, stride=2), nn.ReLU())
        self.blocks = nn.Sequential(*[Block(channels, 5) for _ in range(blocks)])
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Conv2d(channels, 1, (7, 1))

    def forward(self, features):
        x = features.transpose(1, 2).unsqueeze(-1)
        if not self.normalised:
            x = (x - MEAN) * SCALE
        return self.head(self.dropout(self.blocks(self.stem(x)))).flatten(1)


def loss_of(logits, label):
    """Of the two surest windows where the word is; of the surest, and a little of all, where it isn't."""
    best = logits.topk(4, 1).values
    hit = softplus(-best[:, :2]).mean(1)
    false = softplus(best).mean(1) + 0.5 * softplus(logits).mean(1)
    return torch.where(label, hit, false).mean()


def vary(x, noise, random):
    """Vocal tract, tempo and level change a little, noise is added to some, a band and a moment are blanked."""
    n = len(x)

    def uniform(low, high):
        return torch.rand(n, generator=random) * (high - low) + low

    x = warp(x, 1, uniform(0.92, 1.1), uniform(-2.0, 2.0))
    x = warp(x, 2, uniform(0.9, 1.1), uniform(-1.0, 1.0))
    x = x + uniform(-1.0, 1.0)[:, None, None]
    for axis, most in ((2, 6), (1, 4)):
        x = blank(x, axis, most, x.mean((1, 2), keepdim=True), random)
    added = noise[torch.randint(0, len(noise), (n,), generator=random)]
    return torch.logaddexp(x, added - uniform(1.0, 9.0)[:, None, None])


def train(args):
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    random = torch.Generator().manual_seed(args.seed)
    pools = [np.load(os.path.join(wake.WORK, f"pool_{shard}.npz")) for shard in range(args.shards)]
    x = torch.from_numpy(np.concatenate([pool["x"] for pool in pools]))
    label = torch.from_numpy(np.concatenate([pool["label"] for pool in pools]))
    quiet = x[~label][x[~label].float().std((1, 2)) < 1.6].float()
    model = WakeWord().to(memory_format=torch.channels_last)
    print(len(x), "canvases,", len(quiet), "of them noise;", end=" ")

    def loss_at(some):
        return loss_of(model(vary(x[some].float(), quiet, random)), label[some])

    return descend(model, len(x), loss_at, args, random, 0.005)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--shards", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--checkpoint", default=os.path.join(wake.WORK, "average.pt"))
    parser.add_argument("--out", default=os.path.join(wake.EXAMPLE, "model.onnx"))
    args = parser.parse_args()
    export(train(args), args.out, "logit")
