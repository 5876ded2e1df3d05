"""Where things are, and the 12 labels in the order of the model's outputs."""
import csv
import os
import wave

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLE = os.path.dirname(HERE)
DATA = os.environ.get("NIBBLENET_DATA", os.path.join(HERE, "../../../../shared/data"))
WORK = os.environ.get("KEYWORD_WORK", os.path.join(HERE, "../../../build/keyword"))  # scratch: pool, features, checkpoints
SPEECH = os.path.join(DATA, "audio/speech_commands")

RATE = 16000
CLIP = 16000  # samples in a clip
LABELS = open(os.path.join(EXAMPLE, "labels.txt")).read().split()
SILENCE = LABELS.index("_silence_")
UNKNOWN = LABELS.index("_unknown_")


def fit(samples):
    """Zero-padded at the end or cut to exactly one clip."""
    samples = samples[:CLIP]
    return np.pad(samples, (0, CLIP - len(samples)))


def read_wav(path):
    """16 kHz mono 16-bit WAV -> int16[16000]."""
    with wave.open(path) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2), path
        return fit(np.frombuffer(file.readframes(file.getnframes()), "<i2"))


def write_wav(path, samples):
    """int16[n] -> 16 kHz mono 16-bit WAV with a 44-byte header."""
    with wave.open(path, "wb") as file:
        file.setframerate(RATE)
        file.setnchannels(1)
        file.setsampwidth(2)
        file.writeframes(samples.astype("<i2").tobytes())


def speech_commands(*splits):
    """[(int16[16000], class, speaker)] of the splits, in the order of index.csv; train_v001 from its folders."""
    with open(os.path.join(SPEECH, "index.csv")) as file:
        rows = [(r["split"], r["label"], r["file"], r["speaker"]) for r in csv.DictReader(file)]
    for label in LABELS:
        folder = os.path.join(SPEECH, "train_v001", label)
        for file in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            rows.append(("train_v001", label, file, file.split("_")[1]))
    return [
        (read_wav(os.path.join(SPEECH, split, label, file)), LABELS.index(label), speaker)
        for split, label, file, speaker in rows
        if split in splits
    ]
