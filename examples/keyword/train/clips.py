"""The example's own clips, ../clips/*.wav, and what is expected of them, ../features_expected.json.

    python3 clips.py make      # synthesizes candidates, keeps those the teacher is surest of
    python3 clips.py expect    # features of two clips, logits of the model on all of them

The voices are the HELD_OUT variants of espeak-ng, absent from the training pool. The trained model has no
say in the choice.
"""
import json
import os
import subprocess
import sys

import numpy as np
import torch

from common import CLIP, EXAMPLE, HERE, LABELS, WORK, read_wav, write_wav
from evaluate import Graph
from features import features
from synthesize import HELD_OUT, espeak, trim

CLIPS = os.path.join(EXAMPLE, "clips")
SPOKEN = [(word, f"{word}_0", label) for label, word in enumerate(LABELS[:10])]
SPOKEN += [("house", "unknown_0", 11), ("seven", "unknown_1", 11)]


def candidates(word):
    """[(int16[16000], setting)] of the word in the held-out voices, over a breath of noise."""
    random = np.random.default_rng(99)
    found = []
    for accent in ("en-us", "en-gb"):
        for variant in sorted(HELD_OUT):
            for pitch, speed in ((35, 130), (50, 130), (50, 160), (65, 145)):
                clip = trim(*espeak(word, accent, variant, pitch, speed))
                clip = np.round(0.6 * clip + random.normal(0, 4, CLIP)).astype(np.int16)
                found.append((clip, f"{accent}+{variant} pitch {pitch} speed {speed}"))
    return found


def teacher(clips):
    """softmax float[n, 12] of KWT-1."""
    source, target = os.path.join(WORK, "candidates.s16"), os.path.join(WORK, "candidates.f32")
    clips.astype("<i2").tofile(source)
    subprocess.run(["node", os.path.join(HERE, "teacher.mjs"), source, target], check=True, stderr=subprocess.DEVNULL)
    logits = np.fromfile(target, "<f4").reshape(-1, len(LABELS)).astype(float)
    odds = np.exp(logits - logits.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)


def make():
    os.makedirs(CLIPS, exist_ok=True)
    used = {}
    for word, name, label in SPOKEN:
        found = candidates(word)
        sure = teacher(np.stack([clip for clip, _ in found]))[:, label]
        # A voice that already speaks three clips has to be clearly better to speak a fourth.
        best = max(range(len(found)), key=lambda i: sure[i] - 0.05 * (used.get(found[i][1].split()[0], 0) // 3))
        used[found[best][1].split()[0]] = used.get(found[best][1].split()[0], 0) + 1
        write_wav(os.path.join(CLIPS, name + ".wav"), found[best][0])
        print(f"{name}: {word}, {found[best][1]}, teacher {sure[best]:.3f}")
    random = np.random.default_rng(5)
    hiss = np.cumsum(random.normal(0, 1, CLIP + 1))
    hiss = np.diff(hiss) + 0.1 * (hiss[1:] - np.convolve(hiss[1:], np.ones(401) / 401, "same"))
    write_wav(os.path.join(CLIPS, "silence_0.wav"), np.round(40 * hiss).astype(np.int16))


def expect():
    names = sorted(os.listdir(CLIPS))
    clips = np.stack([read_wav(os.path.join(CLIPS, name)) for name in names])
    found = features(clips)
    graph = Graph(os.path.join(EXAMPLE, "model.onnx"))
    with torch.no_grad():
        logits = graph(torch.from_numpy(found)).numpy()
    guess = [LABELS[row.argmax()] for row in logits]
    for name, heard in zip(names, guess):
        print(f"{name:16} {heard}")
    wanted = [{"silence": "_silence_", "unknown": "_unknown_"}.get(n.split("_")[0], n.split("_")[0]) for n in names]
    print(sum(a == b for a, b in zip(guess, wanted)), "of", len(names), "right")

    def short(values):
        return [float(f"{v:.6g}") for v in values]

    result = {
        "labels": LABELS,
        "features": {n: [short(frame) for frame in found[names.index(n)]] for n in ("yes_0.wav", "silence_0.wav")},
        "logits": {name: short(row) for name, row in zip(names, logits)},
    }
    with open(os.path.join(EXAMPLE, "features_expected.json"), "w") as file:
        file.write(json.dumps(result, separators=(",", ":")).replace("],[", "],\n[") + "\n")


if __name__ == "__main__":
    {"make": make, "expect": expect}[sys.argv[1]]()
