"""Synthetic speech -> $WAKE_WORK/speech.npz: "computer", words that sound like it, and sentences.

    python3 speech.py

Voices as in the keyword example; those it holds out are held out here too.
"""
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import wake
from synthesize import OTHERS, resampled, say

TARGET, ALIKE, SENTENCES = 1300, 14, 420
WORDS_ALIKE = (
    "compute computed computes computing compiler competitor commuter commuters commute commuting communicator "
    "communion community completer complete composer compose compressor compass company compare complain compact "
    "compete companion compote compounder accuser amputee amputate disputer dispute disputed repute reputed imputed "
    "permuter transmuter executor pewter tutor future cuter neuter scooter router shooter looter rooter hooter "
    "Jupiter Peter butter putter poodle puter pute come compu comp'y minuter come-here conductor container consumer "
    "customer counter commander calculator contributor confuser conifer copper copier camper camera consider "
    "come-to-her can-you-to come-pick-her combine-it con-pewter uh-pewter um-tutor newcomer contour"
).split()
JOINING = (
    "the a of and to in is that it was for on are as with his they at be this from I have or by one had not but what "
    "all were when we there can an your which their said if do will each about how up out them then she many some so "
    "these would other into has more her two like him see time could no make than first been its who now people my "
    "made over did down only way find use may water long little very after words called just where most know"
).split()


def sentence(random):
    pools = (JOINING, JOINING, OTHERS, [word.replace("-", " ") for word in WORDS_ALIKE])
    words = (str(random.choice(pools[random.choice(4, p=[0.35, 0.2, 0.35, 0.1])])) for _ in range(18))
    return " ".join(word for word in words if word != "computer")


def speak(job):
    text, seed = job
    random = np.random.default_rng(seed)
    spoken, _ = say(text or sentence(random), random, flite_share=0.2)
    x = resampled(*spoken)
    x = x if text is None else wake.spoken_part(x, 0.05)
    return np.round(x * (16384 / (np.abs(x).max() + 1e-9))).astype(np.int16)


if __name__ == "__main__":
    target = ("computer", "computer", "computer!", "computer?", "Computer,")
    jobs = [(target[i % len(target)], "target") for i in range(TARGET)]
    jobs += [(word.replace("-", " "), "alike") for word in WORDS_ALIKE for _ in range(ALIKE)]
    jobs += [(None, "sentence")] * SENTENCES
    with ThreadPoolExecutor(2) as pool:
        spoken = list(pool.map(speak, [(text, 50000 + seed) for seed, (text, _) in enumerate(jobs)]))
    os.makedirs(wake.WORK, exist_ok=True)
    kinds = np.array([kind for _, kind in jobs])
    ends = np.cumsum([len(x) for x in spoken])
    np.savez(os.path.join(wake.WORK, "speech.npz"), samples=np.concatenate(spoken), ends=ends, kind=kinds)
    seconds = {kind: sum(len(x) for x, k in zip(spoken, kinds) if k == kind) / 16000 for kind in set(kinds)}
    print({kind: (int((kinds == kind).sum()), f"{s:.0f} s") for kind, s in seconds.items()})
