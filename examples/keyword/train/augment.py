"""The training pool: augmented waveforms in shards that the teacher labels.

    python3 augment.py SHARD      # writes pool_SHARD.s16 (int16 clips) and pool_SHARD.npz (label, speaker, exact)

Each shard draws its own: REAL variations of each word of train and train_v001, SYNTHETIC_PART of the
synthetic clips, COLLAGES of two words, SILENCE_CLIPS of noise. Shard 0 also holds the clips as they are.
Strength 0, shards 0 to 7: small changes. Strength 1, shards 8 and 9: tempo, pitch and formants vary widely.
Strength 2, from shard 10 on: position and noise too, and there are MIXTURES of two voices.
dev and dev_extra are never read here.
"""
import os
import sys

import numpy as np
from scipy.fft import next_fast_len
from scipy.signal import fftconvolve, resample

from common import CLIP, RATE, SILENCE, UNKNOWN, WORK, fit, speech_commands

REAL, SYNTHETIC_PART, SILENCE_CLIPS, COLLAGES, MIXTURES = 2, 0.25, 250, 150, 1200


def speed(x, factor):
    """Shorter and higher by `factor`: pitch, formants and tempo together."""
    return resample(x, next_fast_len(int(len(x) / factor)))


def stretch(x, factor, window=640, reach=160):
    """Faster by `factor` at the same pitch: overlap-add of the segments which fit best (WSOLA)."""
    hop = window // 2
    fade = np.hanning(window + 1)[:-1]
    padded = np.pad(x, (reach, window + 2 * reach))
    out = np.zeros(int(len(x) / factor) + window)
    follow = padded[reach : reach + hop]
    for at in range(0, len(out) - window, hop):
        start = min(int(at * factor), len(x))
        area = padded[start : start + hop + 2 * reach]
        best = start + int(np.argmax(np.correlate(area, follow, "valid")))
        segment = padded[best : best + window]
        out[at : at + len(segment)] += segment * fade[: len(segment)]
        follow = padded[best + hop : best + 2 * hop]
        if len(follow) < hop:
            break
    return out


def centre(x):
    """The middle second of x; zeros on both sides if it is shorter."""
    if len(x) < CLIP:
        x = np.pad(x, ((CLIP - len(x)) // 2, 0))
        return fit(x)
    start = (len(x) - CLIP) // 2
    return x[start : start + CLIP]


def shift(x, by):
    """Later by `by` samples (earlier if negative), zeros in the gap."""
    return np.pad(x, (by, 0))[:CLIP] if by >= 0 else np.pad(x[-by:], (0, -by))


def coloured_noise(random, length=CLIP):
    """Noise with a power spectrum of 1/f^a, a in 0..2, slowly swelling; root mean square 1."""
    spectrum = np.fft.rfft(random.standard_normal(length))
    spectrum /= np.maximum(np.arange(len(spectrum)), 20.0) ** (random.uniform(0, 2) / 2)
    noise = np.fft.irfft(spectrum, length)
    if random.random() < 0.3:
        noise *= np.interp(np.arange(length), np.linspace(0, length, 6), random.uniform(0.2, 1.0, 6))
    return noise / np.sqrt(np.mean(noise**2))


def equalise(x, random):
    """A smooth random response of a few decibels, sometimes with the top or the bottom cut off."""
    knots = random.normal(0, 4, 7)
    if random.random() < 0.15:
        knots[-2:] -= 20
    if random.random() < 0.15:
        knots[0] -= 25
    bins = np.linspace(0, 1, len(x) // 2 + 1) ** 0.5
    gain = 10 ** (np.interp(bins, np.linspace(0, 1, 7), knots) / 20)
    return np.fft.irfft(np.fft.rfft(x) * gain, len(x))


def reverberate(x, random):
    """A room: direct sound and an exponential tail of noise."""
    length = int(random.uniform(0.05, 0.35) * RATE)
    tail = random.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    tail *= random.uniform(0.1, 0.6) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return fftconvolve(x, tail)[: len(x)]


def distort(x, noises, random, synthetic=False, strength=0):
    """float[16000] -> int16[16000]: one random variation of a clip with speech; strength as in `shard`."""
    if random.random() < (0.85 if strength else 0.6):
        x = centre(speed(x, random.uniform(0.78, 1.3) if strength else random.uniform(0.85, 1.17)))
    if random.random() < (0.6 if strength else 0.35):
        x = centre(stretch(x, random.uniform(0.75, 1.3) if strength else random.uniform(0.8, 1.25)))
    far = strength == 2 and random.random() < 0.5
    x = shift(x, int(random.uniform(-0.4, 0.4) * RATE if far else random.uniform(-0.12, 0.12) * RATE))
    if random.random() < 0.5:
        x = equalise(x, random)
    if random.random() < (0.6 if synthetic else 0.3):
        x = reverberate(x, random)
    level = np.sqrt(np.mean(x**2)) + 1e-6
    if random.random() < (0.95 if synthetic else 0.75):
        noise = noises[random.integers(len(noises))] if random.random() < 0.5 else coloured_noise(random)
        noise = np.roll(noise, random.integers(CLIP)) / (np.sqrt(np.mean(noise**2)) + 1e-6)
        x = x + noise * level * 10 ** (-random.uniform(-5 if strength == 2 else 2, 35) / 20)
    return to_int16(x * 10 ** (random.uniform(-14, 8) / 20))


def silence(noises, random):
    """int16[16000] of background: recorded noise, coloured noise or next to nothing, at any level."""
    kind = random.random()
    a, b = noises[random.integers(len(noises))], noises[random.integers(len(noises))]
    if kind < 0.6:
        x = np.roll(a, random.integers(CLIP)) * 10 ** (random.uniform(-12, 6) / 20)
        if random.random() < 0.3:
            x = x + b * random.uniform(0.1, 1)
        if random.random() < 0.4:
            x = centre(speed(x, random.uniform(0.8, 1.0)))
    elif kind < 0.95:
        x = coloured_noise(random) * 10 ** (random.uniform(-75, -12) / 20)
    else:
        x = random.standard_normal(CLIP) * 10 ** random.uniform(-6, -4)
    return to_int16(equalise(x, random) if random.random() < 0.5 else x)


def collage(a, b, random):
    """The end of one word and the beginning of another: the teacher says what it is, if anything."""
    cut = int(random.uniform(0.3, 0.7) * CLIP)
    fade = 1 / (1 + np.exp(-(np.arange(CLIP) - cut) / 80))
    return shift(a, -random.integers(0, 4000)) * (1 - fade) + shift(b, random.integers(0, 4000)) * fade


def mixture(a, b, random):
    """Two voices at once, the second softer: new voices if they say one word, doubtful cases if not."""
    level = np.sqrt(np.mean(a**2)) / (np.sqrt(np.mean(b**2)) + 1e-6)
    return 0.7 * (a + b * level * 10 ** (-random.uniform(0, 12) / 20))


def to_int16(x):
    return np.clip(np.round(x * 32768), -32768, 32767).astype(np.int16)


def shard(number):
    """(clips int16[n, 16000], label, speaker, exact); exact: label certain, whatever the teacher says."""
    random = np.random.default_rng(1000 + number)
    strength = 0 if number < 8 else 1 if number < 10 else 2
    recorded = speech_commands("train", "train_v001")
    words = [(x / 32768.0, label, who) for x, label, who in recorded if label != SILENCE]
    noises = [x / 32768.0 for x, label, _ in recorded if label == SILENCE]
    spoken = np.load(os.path.join(WORK, "synthetic.npz"))
    rows = []
    if number == 0:
        rows += [(x, label, who, True) for x, label, who in recorded]
    for x, label, who in words:
        rows += [(distort(x, noises, random, strength=strength), label, who, False) for _ in range(REAL)]
    chosen = random.permutation(len(spoken["label"]))[: int(SYNTHETIC_PART * len(spoken["label"]))]
    samples, labels = spoken["samples"], spoken["label"]
    for i in chosen:
        rows.append((distort(samples[i] / 32768.0, noises, random, True, strength), labels[i], "synthetic", False))
    for _ in range(COLLAGES):
        (a, _, who_a), (b, _, who_b) = (words[i] for i in random.integers(len(words), size=2))
        x = distort(collage(a, b, random), noises, random, strength=strength)
        rows.append((x, UNKNOWN, f"{who_a}+{who_b}", False))
    for _ in range(MIXTURES if strength == 2 else 0):
        a, label, who_a = words[random.integers(len(words))]
        while True:
            b, other, who_b = words[random.integers(len(words))]
            if other == label or random.random() < 0.1:
                break
        x = distort(mixture(a, b, random), noises, random, strength=2)
        rows.append((x, label, f"{who_a}+{who_b}", False))
    rows += [(silence(noises, random), SILENCE, "none", True) for _ in range(SILENCE_CLIPS)]
    clips, label, speaker, exact = zip(*rows)
    return np.stack(clips), np.array(label), np.array(speaker), np.array(exact)


if __name__ == "__main__":
    number = int(sys.argv[1])
    clips, label, speaker, exact = shard(number)
    path = os.path.join(WORK, f"pool_{number}")
    clips.astype("<i2").tofile(path + ".s16")
    np.savez(path + ".npz", label=label, speaker=speaker, exact=exact)
    print(path, len(clips), "clips")
