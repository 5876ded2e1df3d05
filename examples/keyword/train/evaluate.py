"""Accuracy of ../model.onnx on the dev split, in float and with simulated int8.

    python3 evaluate.py [--model ../model.onnx] [--split dev] [--int8] [--confusion] [--ranges]

The graph is run by the small interpreter below, so that the figure is that of the shipped file.
Simulated int8: weights per output channel, symmetric; activations per tensor, asymmetric, ranges = minimum
and maximum over 500 training clips; biases and accumulation exact.
"""
import argparse
import os

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional as F

from common import EXAMPLE, LABELS, SILENCE, speech_commands
from features import features


def attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


class Graph:
    """Runs a model of Conv, Relu, Add, Gemm, pooling and reshaping on any batch size."""

    def __init__(self, path):
        graph = onnx.load(path).graph
        self.nodes, self.input, self.output = graph.node, graph.input[0].name, graph.output[0].name
        self.constants = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
        self.ranges = {}  # tensor -> (minimum, maximum), filled while `calibrating`
        self.calibrating = self.quantizing = False
        self.macs = 0
        # A convolution or sum which only feeds a Relu is stored once, after the Relu.
        self.fused = {n.input[0] for n in graph.node if n.op_type == "Relu"}

    def parameters(self):
        return sum(c.numel() for c in self.constants.values() if c.is_floating_point())

    def stored(self, name, x):
        """x as it is kept between two operators."""
        if name in self.fused:
            return x
        if self.calibrating:
            low, high = self.ranges.get(name, (0.0, 0.0))
            self.ranges[name] = (min(low, x.min().item()), max(high, x.max().item()))
        if self.quantizing:
            low, high = self.ranges[name]
            scale = (high - low) / 255
            zero = round(-128 - low / scale)
            x = (torch.clamp(torch.round(x / scale) + zero, -128, 127) - zero) * scale
        return x

    def weight(self, w):
        """w[out, ...] rounded to 127 steps per output channel when quantizing."""
        if not self.quantizing:
            return w
        scale = w.abs().flatten(1).max(1)[0].reshape(-1, *[1] * (w.dim() - 1)) / 127
        return torch.round(w / scale) * scale

    def __call__(self, x):
        values = dict(self.constants)
        values[self.input] = self.stored(self.input, x)
        self.macs = 0
        for node in self.nodes:
            a = [values[name] for name in node.input]
            at = attributes(node)
            kind = node.op_type
            if kind == "Conv":
                w = self.weight(a[1])
                top, left, bottom, right = at.get("pads", [0, 0, 0, 0])
                x = F.pad(a[0], (left, right, top, bottom))
                y = F.conv2d(x, w, a[2], tuple(at["strides"]), groups=at["group"])
                self.macs += w.numel() * y.shape[2] * y.shape[3]
            elif kind == "Gemm":
                w = a[1] if at.get("transB") else a[1].T
                y = F.linear(a[0], self.weight(w), a[2])
                self.macs += w.numel()
            elif kind == "Relu":
                y = F.relu(a[0])
            elif kind == "Add":
                y = a[0] + a[1]
            elif kind == "GlobalAveragePool":
                y = a[0].mean((2, 3), keepdim=True)
            elif kind == "Flatten":
                y = a[0].flatten(at.get("axis", 1))
            elif kind == "Transpose":
                y = a[0].permute(*at["perm"])
            elif kind == "Unsqueeze":
                y = a[0].unsqueeze(int(a[1]))
            else:
                raise NotImplementedError(kind)
            layout = kind in ("Flatten", "Transpose", "Unsqueeze")
            values[node.output[0]] = y if layout else self.stored(node.output[0], y)
        return values[self.output]

    def calibrate(self, x):
        self.calibrating = True
        self(x)
        self.calibrating, self.quantizing = False, True


def load(name):
    clips = speech_commands(name)
    x = torch.from_numpy(features(np.stack([c for c, _, _ in clips])))
    return x, torch.tensor([label for _, label, _ in clips])


def report(title, guess, label):
    right, words = guess == label, label != SILENCE
    all_, some = right.float().mean().item(), right[words].float().mean().item()
    print(f"{title}: {int(right.sum())}/{len(right)} = {100 * all_:.2f} %, ", end="")
    print(f"without _silence_ {int(right[words].sum())}/{int(words.sum())} = {100 * some:.2f} %")


def confusion(guess, label):
    print("rows: spoken; columns: heard")
    print(" " * 10 + "".join(f"{name[:6]:>7}" for name in LABELS))
    for i, name in enumerate(LABELS):
        row = [int(((label == i) & (guess == j)).sum()) for j in range(len(LABELS))]
        print(f"{name:10}" + "".join(f"{n or '.':>7}" for n in row))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default=os.path.join(EXAMPLE, "model.onnx"))
    parser.add_argument("--split", default="dev")
    parser.add_argument("--int8", action="store_true")
    parser.add_argument("--confusion", action="store_true")
    parser.add_argument("--ranges", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    graph = Graph(args.model)
    x, label = load(args.split)
    with torch.no_grad():
        graph(x[:1])
        operators = sorted({n.op_type for n in graph.nodes})
        print(f"{graph.parameters()} parameters, {graph.macs} multiply-adds, operators: {' '.join(operators)}")
        guess = graph(x).argmax(1)
        report(f"{args.split}, float32", guess, label)
        if args.confusion:
            confusion(guess, label)
        if args.int8:
            some = load("train")[0]
            graph.calibrate(some[torch.randperm(len(some), generator=torch.Generator().manual_seed(1))[:500]])
            report(f"{args.split}, simulated int8", graph(x).argmax(1), label)
        if args.ranges:
            for name, (low, high) in graph.ranges.items():
                print(f"{name:24} {low:9.3f} {high:9.3f}")
