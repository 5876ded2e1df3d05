"""Distils the teacher into the network and writes ../model.onnx.

    python3 train.py                 # stage 1 of the shipped model, all speakers; README.md has stage 2
    python3 train.py --holdout 40    # 40 speakers set aside, their accuracy printed after each epoch
    python3 train.py --start average.pt --prune 0.75    # three quarters of the blocks of weights go on the way

Loss = 0.7 T^2 KL(teacher || student) at T = 2 + 0.3 cross-entropy of the label. The label counts only where
it is certain or the teacher ranks it first. _silence_ is taught by label alone: the teacher is weak there.
"""
import argparse
import os

import numpy as np
import torch
from torch.nn.functional import cross_entropy, kl_div, log_softmax, one_hot, softmax

from common import CLIP, EXAMPLE, LABELS, SILENCE, WORK
from descend import descend
from features import features
from model import Keyword, export
from prune import Pruning

TEMPERATURE = 2.0


def load_shard(number):
    """features f32[n,49,40], label i64[n], teacher f32[n,12], speaker str[n], exact bool[n]; features are cached."""
    path = os.path.join(WORK, f"pool_{number}")
    info = np.load(path + ".npz")
    if not os.path.exists(path + ".features.npy"):
        clips = np.fromfile(path + ".s16", "<i2").reshape(-1, CLIP)
        parts = [features(clips[i : i + 200]) for i in range(0, len(clips), 200)]
        np.save(path + ".features.npy", np.concatenate(parts))
    teacher = np.fromfile(path + ".f32", "<f4").reshape(-1, len(LABELS))
    return np.load(path + ".features.npy"), info["label"], teacher, info["speaker"], info["exact"]


def split(shards, holdout):
    """(training arrays, validation arrays): validation holds the original clips of `holdout` speakers."""
    x, label, teacher, speaker, exact = (np.concatenate(parts) for parts in zip(*map(load_shard, range(shards))))
    people = sorted({s for s in speaker if len(s) == 8})
    held = set(np.random.default_rng(7).permutation(people)[:holdout])
    hidden = np.array([any(part in held for part in s.split("+")) for s in speaker])
    train, val = ~hidden, hidden & exact
    to = torch.from_numpy
    return [to(a[train]) for a in (x, label, teacher, exact)], [to(a[val]) for a in (x, label)]


def warp(x, axis, stretch, offset):
    """x resampled linearly along `axis` around its middle: out[i] = x[middle + (i - middle) * stretch + offset]."""
    size = x.shape[axis]
    middle = (size - 1) / 2
    place = (middle + (torch.arange(size) - middle) * stretch[:, None] + offset[:, None]).clamp(0, size - 1.001)
    low = place.long()
    part = place - low
    if axis == 1:
        part, low = part[:, :, None], low[:, :, None].expand_as(x)
    else:
        part, low = part[:, None, :], low[:, None, :].expand_as(x)
    return torch.lerp(x.gather(axis, low), x.gather(axis, low + 1), part.expand_as(x))


def blank(x, axis, most, fill, random):
    """x with `fill` in up to `most` neighbouring places along `axis`, others in every example."""
    size = x.shape[axis]
    width = torch.randint(0, most + 1, (len(x), 1), generator=random)
    start = (torch.rand(len(x), 1, generator=random) * (size - width)).long()
    at = torch.arange(size)
    mask = (at >= start) & (at < start + width)
    return torch.where(mask[:, None, :] if axis == 2 else mask[:, :, None], fill, x)


def vary(x, noise, random):
    """A variation of features f32[n,49,40] that no listener would call another word.

    Tempo, position, vocal tract and level change a little; the energy of some noise clip is added to a
    third of them; two bands and one moment are blanked.
    """
    n = len(x)

    def uniform(low, high):
        return torch.rand(n, generator=random) * (high - low) + low

    x = warp(x, 1, uniform(0.88, 1.14), uniform(-3.0, 3.0))
    x = warp(x, 2, uniform(0.92, 1.08), uniform(-1.2, 1.2))
    x = x + uniform(-0.7, 0.7)[:, None, None]
    some = torch.rand(n, generator=random) < 0.33
    added = noise[torch.randint(0, len(noise), (int(some.sum()),), generator=random)]
    gain = x[some].mean((1, 2)) - added.mean((1, 2)) - uniform(-1.5, 2.5)[some]
    x[some] = torch.logaddexp(x[some], added + gain[:, None, None])
    fill = x.mean((1, 2), keepdim=True)
    for axis, most in ((2, 6), (2, 6), (1, 7)):
        x = blank(x, axis, most, fill, random)
    return x


def targets(label, teacher, exact):
    """(soft f32[n,12], hard f32[n,12] or zeros where the label does not count)."""
    hard = one_hot(label, len(LABELS)).float()
    soft = softmax(teacher / TEMPERATURE, 1)
    quiet = label == SILENCE
    soft[quiet] = 0.97 * hard[quiet] + 0.03 / len(LABELS)
    counts = exact | (teacher.argmax(1) == label)
    return soft, hard * counts[:, None]


def loss_of(logits, soft, hard):
    distil = kl_div(log_softmax(logits / TEMPERATURE, 1), soft, reduction="batchmean") * TEMPERATURE**2
    return 0.7 * distil + 0.3 * cross_entropy(logits, hard)


def accuracy(model, x, label):
    model.eval()
    with torch.no_grad():
        return (torch.cat([model(part).argmax(1) for part in x.split(500)]) == label).float().mean().item()


def train(args):
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    random = torch.Generator().manual_seed(args.seed)
    (x, label, teacher, exact), val = split(args.shards, args.holdout)
    noise = x[label == SILENCE]
    soft, hard = targets(label, teacher, exact)
    # What is pruned has no weights to spare.
    model = Keyword(dropout=0.0 if args.prune else 0.1).to(memory_format=torch.channels_last)
    if args.start:
        model.load_state_dict(torch.load(args.start))
    print(len(x), "clips;", end=" ")

    def loss_at(some):
        a, s, h = vary(x[some], noise, random), soft[some], hard[some]
        if torch.rand(1, generator=random) < args.mixup:
            part = 0.5 + 0.5 * torch.rand(len(a), 1, generator=random)
            other = torch.randperm(len(a), generator=random)
            a = part[:, :, None] * a + (1 - part[:, :, None]) * a[other]
            s, h = part * s + (1 - part) * s[other], part * h + (1 - part) * h[other]
        return loss_of(model(a), s, h)

    def held(average):
        return f", held out {100 * accuracy(average, *val):.2f} %" if args.holdout else ""

    return descend(model, len(x), loss_at, args, random, 0.003, held, Pruning(model, args.prune) if args.prune else None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--shards", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=28)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--mixup", type=float, default=0.25)
    parser.add_argument("--holdout", type=int, default=0)
    parser.add_argument("--prune", type=float, default=0.0, help="share of the blocks of weights that goes")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", help="checkpoint to go on from")
    parser.add_argument("--checkpoint", default=os.path.join(WORK, "average.pt"))
    parser.add_argument("--out", default=os.path.join(EXAMPLE, "model.onnx"))
    args = parser.parse_args()
    export(train(args), args.out)
