"""Synthetic speech by espeak-ng and flite -> $KEYWORD_WORK/synthetic.npz (samples, label, voice).

    python3 synthesize.py

The ten words and many others (for _unknown_) in several accents, voice variants, pitches and speeds.
HELD_OUT voices never enter the training pool: the clips of the example are made with them (clips.py).
"""
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.signal import resample_poly

from common import CLIP, LABELS, RATE, UNKNOWN, WORK, fit

ACCENTS = (
    "en-us en-gb en-gb-scotland en-gb-x-rp en-gb-x-gbclan en-gb-x-gbcwmd en-029 en-us-nyc"
).split()
VARIANTS = (
    "Alex Alicia Andrea Andy Annie Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee Mario Michael Mike Storm "
    "adam anika antonio aunty belinda benjamin boris caleb david ed edward edward2 f1 f2 f3 f4 f5 grandma grandpa "
    "gustave iven iven2 john linda m1 m2 m3 m4 m5 m6 m7 m8 marcelo max michel miguel norbert pablo paul pedro quincy "
    "rob robert sandro shelby steph steph2 travis victor zac klatt klatt2 klatt4"
).split()
FLITE = ["kal", "kal16", "awb", "rms", "slt"]
HELD_OUT = {"Marco", "Nguyen", "steph3", "iven3"}  # espeak-ng variants kept for the clips of the example

OTHERS = (
    "backward bed bird cat dog eight five follow forward four happy house learn marvin nine one seven sheila six "
    "three tree two visual wow zero yet yellow guess mess chess note know-it nose nope now new snow row low oh cup "
    "sup app ape pup us dawn town done drown clown don't lift laugh loft lefty let life rice ride write-off light "
    "bright wait arm own in an awning honest often of if cough softly office top shop step stock spot stuff store "
    "grow goat ghost gold good toe dough girl water music computer hello world orange window table pencil summer "
    "winter coffee radio kitchen river mountain please thanks open close start play pause next back morning evening "
    "question answer number letter paper money people between under over after before because school family yesterday"
).split()
PER_WORD, PER_OTHER = 260, 22


def run(command):
    """Standard output of the command, a WAV -> int16 samples and their rate."""
    wav = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    at = wav.index(b"data") + 8
    body = wav[at : at + (len(wav) - at) // 2 * 2]
    return np.frombuffer(body, "<i2"), int.from_bytes(wav[24:28], "little")


def espeak(text, accent, variant, pitch, speed):
    return run(["espeak-ng", "-v", f"{accent}+{variant}", "-p", str(pitch), "-s", str(speed), "--stdout", text])


def flite(text, voice, pitch, stretch):
    command = ["flite", "-voice", voice, "--setf", f"duration_stretch={stretch:.2f}"]
    command += ["--setf", f"int_f0_target_mean={pitch}", "-t", text, "-o", "/dev/stdout"]
    return run(command)


def resampled(samples, rate):
    """int16 samples of any rate -> float of 16 kHz."""
    samples = samples / 32768.0
    if rate == RATE:
        return samples
    return resample_poly(samples, RATE, rate) if rate != 22050 else resample_poly(samples, 320, 441)


def trim(samples, rate, lead=0.5):
    """16 kHz, peak 0.5, the spoken part within one clip: `lead` of the free room goes before it."""
    samples = resampled(samples, rate)
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())
    if len(loud) == 0:
        return np.zeros(CLIP, np.int16)
    samples = samples[max(0, loud[0] - 320) : loud[-1] + 800][:CLIP]
    samples = np.pad(samples, (int(lead * (CLIP - len(samples))), 0))
    return fit(np.round(samples * (16384 / np.abs(samples).max())).astype(np.int16))


def say(text, random, flite_share=0.12):
    """The text in a random voice -> (samples, rate), the voice."""
    if random.random() < flite_share:
        voice = random.choice(FLITE)
        pitch = int(random.integers(160, 240) if voice == "slt" else random.integers(80, 150))
        return flite(text, voice, pitch, random.uniform(0.8, 1.4)), voice
    accent, variant = random.choice(ACCENTS, p=[0.4] + [0.6 / 7] * 7), random.choice(VARIANTS)
    pitch, speed = int(random.integers(20, 85)), int(random.integers(95, 200))
    return espeak(text, accent, variant, pitch, speed), f"{accent}+{variant}"


def speak(job):
    text, seed = job
    random = np.random.default_rng(seed)
    lead = random.uniform(0.2, 0.8)
    spoken, voice = say(text, random)
    return trim(*spoken, lead), voice


if __name__ == "__main__":
    jobs = [(word, label) for label, word in enumerate(LABELS[:10]) for _ in range(PER_WORD)]
    jobs += [(word, UNKNOWN) for word in OTHERS for _ in range(PER_OTHER)]
    with ThreadPoolExecutor(2) as pool:
        spoken = list(pool.map(speak, [(word, seed) for seed, (word, _) in enumerate(jobs)]))
    os.makedirs(WORK, exist_ok=True)
    np.savez(
        os.path.join(WORK, "synthetic.npz"),
        samples=np.stack([s for s, _ in spoken]),
        label=np.array([label for _, label in jobs]),
        voice=np.array([v for _, v in spoken]),
    )
    print(len(jobs), "clips")
