"""The network: mel bins are channels, all convolutions run along time."""
import onnx
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from features import FRAMES, MELS

CLASSES = 12
MEAN, SCALE = -3.0, 0.2  # features are normalised as (x - MEAN) * SCALE


def conv(inputs, outputs, width, stride=1, padding=0, groups=1):
    """A convolution along time and its batch normalisation, as two neighbours in a Sequential."""
    return [
        nn.Conv2d(inputs, outputs, (width, 1), (stride, 1), (padding, 0), groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]


class Block(nn.Module):
    """relu(x + pointwise(relu(depthwise(x)))); with a stride the sum is left out."""

    def __init__(self, channels, width, stride=1):
        super().__init__()
        self.residual = stride == 1
        self.body = nn.Sequential(
            *conv(channels, channels, width, stride, width // 2, channels),
            nn.ReLU(),
            *conv(channels, channels, 1),
        )

    def forward(self, x):
        return torch.relu(x + self.body(x) if self.residual else self.body(x))


class Keyword(nn.Module):
    """features float32[n, 49, 40] -> logits float32[n, 12]."""

    def __init__(self, channels=96, widths=(9, 9, 9, 9, 9, 9), strides=(1, 2, 1, 1, 1, 1), stem=5, dropout=0.1):
        super().__init__()
        self.normalised = False  # true once MEAN and SCALE are part of the stem
        self.stem = nn.Sequential(*conv(MELS, channels, stem), nn.ReLU())  # no padding
        self.blocks = nn.Sequential(*[Block(channels, w, s) for w, s in zip(widths, strides)])
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, CLASSES)

    def forward(self, features):
        x = features.transpose(1, 2).unsqueeze(-1)  # [n, 40, 49, 1]
        if not self.normalised:
            x = (x - MEAN) * SCALE
        x = self.pool(self.blocks(self.stem(x))).flatten(1)
        return self.head(self.dropout(x))


def fold(model):
    """In place: batch normalisations and the normalisation of the input become weights and biases."""
    model.eval()
    for sequence in [model.stem] + [b.body for b in model.blocks]:
        for i, layer in enumerate(sequence):
            if isinstance(layer, nn.BatchNorm2d):
                sequence[i - 1] = fuse_conv_bn_eval(sequence[i - 1], layer)
                sequence[i] = nn.Identity()
    stem = model.stem[0]
    with torch.no_grad():
        stem.weight *= SCALE
        stem.bias -= MEAN * stem.weight.sum((1, 2, 3))
    model.normalised = True
    return model


def constants_to_initializers(path):
    """In place: the exporter writes small constants as nodes; the file holds them beside the weights."""
    model = onnx.load(path)
    graph = model.graph
    for node in [n for n in graph.node if n.op_type == "Constant"]:
        tensor = onnx.helper.get_attribute_value(node.attribute[0])
        tensor.name = node.output[0]
        graph.initializer.append(tensor)
        graph.node.remove(node)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def export(model, path, output="logits"):
    torch.onnx.export(
        fold(model).to(memory_format=torch.contiguous_format),
        torch.zeros(1, FRAMES, MELS),
        path,
        opset_version=13,
        do_constant_folding=True,
        input_names=["features"],
        output_names=[output],
    )
    constants_to_initializers(path)
