"""The training pool: two-second canvases with and without the word, as features -> $WAKE_WORK/pool_SHARD.npz

    python3 pool.py SHARD

Read here: the benchmark's "computer" clips of people not held out, the community's recordings apart from those in
the shared data, Speech Commands train and train_v001, and speech.npz. Nothing that measure.mjs listens to.
"""
import glob
import os
import sys

import numpy as np

import wake
from augment import coloured_noise, equalise, reverberate, speed, stretch, to_int16
from common import DATA, LABELS, SILENCE, speech_commands
from features import features
from wake import BENCHMARK, CANVAS, COMMUNITY, WORK, read, recordings, spoken_part

PEOPLE, SYNTHETIC, WITHOUT = 650, 300, 1450  # canvases of a shard


def sources():
    """Words, other speech by kind, and noises: lists of float arrays."""
    held = {line.split()[0] for line in open(wake.HELD_OUT)}
    bench = [f for f in recordings(BENCHMARK, "audio/computer") if os.path.basename(f)[:8] not in held]
    measured = {os.path.basename(f) for f in glob.glob(os.path.join(DATA, "audio/precise/*/*.wav"))}
    community = [f for f in recordings(COMMUNITY, "computer", "heycomputer")]
    others = recordings(COMMUNITY, "amelia", "athena", "heychatterbox", "not-wake-words")  # heysavant is not free
    others = [f for f in others if os.path.basename(f) not in measured]
    noise = [f for f in others if "noises" in f]
    recorded = speech_commands("train", "train_v001")
    spoken = np.load(os.path.join(WORK, "speech.npz"))
    parts = np.split(spoken["samples"] / 32768.0, spoken["ends"][:-1])
    of = lambda kind: [x for x, k in zip(parts, spoken["kind"]) if k == kind]
    people = [spoken_part(read(f)) for f in bench + community]
    speech = {
        "words": [spoken_part(x / 32768.0) for x, label, _ in recorded if label != SILENCE],
        "people": [spoken_part(read(f)) for f in others if f not in noise],
        "sentence": of("sentence"),
        "alike": of("alike"),
    }
    noises = [x / 32768.0 for x, label, _ in recorded if label == SILENCE] + [read(f) for f in noise]
    return people, of("target"), speech, noises


def loudness(x):
    return np.sqrt(np.mean(x**2)) + 1e-6


def place(canvas, x, at):
    """Adds x at sample `at`, wherever it ends; 5 ms of fading keep clicks out."""
    fade = np.minimum(1, np.minimum(np.arange(len(x)), np.arange(len(x))[::-1]) / 80)
    first, last = max(0, -at), min(len(x), CANVAS - at)
    if last > first:
        canvas[at + first : at + last] += (x * fade)[first:last]


def varied(x, random):
    if random.random() < 0.6:
        x = speed(x, random.uniform(0.83, 1.2))
    if random.random() < 0.1:
        x = stretch(x, random.uniform(0.8, 1.25))
    return x / loudness(x)


def other(speech, random):
    kind = random.choice(["words", "people", "sentence", "alike"], p=[0.25, 0.25, 0.3, 0.2])
    return speech[kind][random.integers(len(speech[kind]))]


def finish(canvas, noises, random):
    """A room, a microphone, noise and a level."""
    level = loudness(canvas)
    if random.random() < 0.5:
        canvas = equalise(canvas, random)
    if random.random() < 0.35:
        canvas = reverberate(canvas, random)
    if random.random() < 0.85:
        noise = coloured_noise(random, CANVAS)
        if random.random() < 0.5:
            noise = np.resize(np.roll(noises[random.integers(len(noises))], random.integers(16000)), CANVAS)
        canvas = canvas + noise / loudness(noise) * level * 10 ** (-random.uniform(-3, 35) / 20)
    return to_int16(canvas / loudness(canvas) * 10 ** (-random.uniform(16, 52) / 20))


def with_word(word, speech, noises, random):
    canvas = np.zeros(CANVAS)
    word = varied(word, random)[: CANVAS - 400]
    at = int(random.uniform(0, CANVAS - len(word)))
    place(canvas, word, at)
    for side in (-1, 1):
        if random.random() < 0.3:
            x = varied(other(speech, random)[-24000:], random) * 10 ** (random.uniform(-8, 3) / 20)
            gap = int(random.uniform(0, 4800))
            place(canvas, x, at - gap - len(x) if side < 0 else at + len(word) + gap)
    return finish(canvas, noises, random)


def without_word(words, speech, noises, random):
    kind, canvas = random.random(), np.zeros(CANVAS)
    if kind < 0.08:
        return finish(coloured_noise(random, CANVAS) * 1e-3, noises, random)
    if kind < 0.2:  # a piece of the word, alone
        word = varied(words[random.integers(len(words))], random)
        cut = int(len(word) * random.uniform(0.25, 0.6))
        place(canvas, word[:cut] if random.random() < 0.5 else word[cut:], int(random.uniform(0, 16000)))
        if random.random() < 0.5:
            return finish(canvas, noises, random)  # otherwise other speech follows it
    at = -int(random.uniform(0, 12000))
    while at < CANVAS:
        x = other(speech, random)
        start = int(random.uniform(0, max(1, len(x) - 16000)))
        x = varied(x[start : start + CANVAS], random)
        if kind >= 0.2 or at > 16000:
            place(canvas, x * 10 ** (random.uniform(-6, 3) / 20), at)
        at += len(x) + int(random.uniform(0, 6000))
    return finish(canvas, noises, random)


if __name__ == "__main__":
    shard = int(sys.argv[1])
    random = np.random.default_rng(shard)
    people, synthetic, speech, noises = sources()
    draw = lambda words: words[random.integers(len(words))]
    canvases = [with_word(draw(people), speech, noises, random) for _ in range(PEOPLE)]
    canvases += [with_word(draw(synthetic), speech, noises, random) for _ in range(SYNTHETIC)]
    canvases += [without_word(people + synthetic, speech, noises, random) for _ in range(WITHOUT)]
    x = np.concatenate([features(np.stack(canvases[i : i + 100])) for i in range(0, len(canvases), 100)])
    label = np.arange(len(canvases)) < PEOPLE + SYNTHETIC
    np.savez(os.path.join(WORK, f"pool_{shard}.npz"), x=x.astype(np.float16), label=label)
    print(f"shard {shard}: {len(x)} canvases, {label.sum()} with the word, of {len(people)} clips of people")
