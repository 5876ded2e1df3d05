"""Trains the network on the pool and writes ../model.onnx.

    python3 fit.py --shards 4 --epochs 24

Nobody said where in a canvas the word is. Without padding along time the network judges every window of a canvas
in one go: where the word is there, its surest windows must hear it; where it isn't, no window may.
"""
import argparse
import copy
import os
import time

import numpy as np
import torch
from torch import nn
from torch.nn.functional import softplus

import wake
from model import MEAN, SCALE, constants_to_initializers, conv, fold
from train import warp

FRAMES, MELS = 49, 40


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
        size = x.shape[axis]
        width = torch.randint(0, most + 1, (n, 1), generator=random)
        start = (torch.rand(n, 1, generator=random) * (size - width)).long()
        at = torch.arange(size)
        mask = (at >= start) & (at < start + width)
        x = torch.where(mask[:, None, :] if axis == 2 else mask[:, :, None], x.mean((1, 2), keepdim=True), x)
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
    print(sum(p.numel() for p in model.parameters()), "parameters", flush=True)
    optimiser = torch.optim.AdamW(model.parameters(), lr=args.rate, weight_decay=0.02)
    steps = args.epochs * (len(x) // args.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, args.rate, steps, pct_start=0.15)
    average = copy.deepcopy(model)  # of the weights, moving: this is what is exported
    start = time.time()
    for epoch in range(args.epochs):
        model.train()
        order, total = torch.randperm(len(x), generator=random), 0.0
        for at in range(0, len(x) - args.batch + 1, args.batch):
            some = order[at : at + args.batch]
            loss = loss_of(model(vary(x[some].float(), quiet, random)), label[some])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * args.batch
            with torch.no_grad():
                for mean, now in zip(average.state_dict().values(), model.state_dict().values()):
                    mean.lerp_(now, 0.005) if mean.is_floating_point() else mean.copy_(now)
        torch.save(average.state_dict(), args.checkpoint)
        print(f"epoch {epoch + 1}: loss {total / len(x):.4f}, {time.time() - start:.0f} s", flush=True)
    return average


def export(model, path):
    torch.onnx.export(
        fold(model).to(memory_format=torch.contiguous_format),
        torch.zeros(1, FRAMES, MELS),
        path,
        opset_version=13,
        do_constant_folding=True,
        input_names=["features"],
        output_names=["logit"],
    )
    constants_to_initializers(path)


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
    export(train(args), args.out)
