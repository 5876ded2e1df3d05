"""Where things are, and reading recordings; the keyword example's scripts are imported from beside it."""
import glob
import os
import sys
import wave

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLE = os.path.dirname(HERE)
sys.path.append(os.path.join(HERE, "../../keyword/train"))
WORK = os.environ.get("WAKE_WORK", os.path.join(HERE, "../../../build/wake-word"))  # scratch
BENCHMARK = os.environ.get("WAKE_BENCHMARK", os.path.join(WORK, "wake-word-benchmark"))
COMMUNITY = os.environ.get("WAKE_COMMUNITY", os.path.join(WORK, "Precise-Community-Data"))
HELD_OUT = os.path.join(EXAMPLE, "held-out.txt")
CANVAS = 32000  # samples of a training example, two seconds


def recordings(root, *folders):
    """The .wav files of the folders and of those in them, sorted."""
    found = [glob.glob(os.path.join(root, folder, "**/*.wav"), recursive=True) for folder in folders]
    return sorted(file for files in found for file in files)


def read(path):
    """16 kHz mono 16-bit WAV -> float[n]."""
    with wave.open(path) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2), path
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768.0


def spoken_part(x, margin=0.08, longest=1.9):
    """Without the silence around: from the first to the last 10 ms well above the noise, and `margin` seconds."""
    blocks = x[: len(x) // 160 * 160].reshape(-1, 160)
    level = 10 * np.log10(np.convolve(np.mean(blocks**2, 1), np.ones(3) / 3, "same") + 1e-9)
    loud = np.flatnonzero(level > max(level.max() - 25, np.percentile(level, 10) + 8))
    if len(loud) == 0:
        return x[: int(longest * 16000)]
    start = max(0, loud[0] * 160 - int(margin * 16000))
    end = loud[-1] * 160 + 160 + int(margin * 16000)
    if end - start > longest * 16000:  # noise at one end: keep what is around the loudest moment
        start = max(0, int(level.argmax()) * 160 - int(longest * 8000))
        end = start + int(longest * 16000)
    return x[start:end]
