"""Sets people aside: groups the "computer" clips of the benchmark by voice and room -> ../held-out.txt.

    python3 people.py [FOLDER]    # FOLDER: clips whose groups are held out; default: the shared data's twenty

The clips name no speakers, but many come in groups of ten or twenty that share a voice, a microphone and a room:
the noise between words, the colour of the loud part and the pitch tell the groups apart. Groups that might be
one person are joined rather than parted, and whole groups are held out, so that nobody is on both sides.
"""
import os
import sys

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from wake import BENCHMARK, HELD_OUT, read, recordings

DISTANCE, NEAREST = 10.0, 5.0  # of joined groups; of a training clip from every held-out one


def signature(x):
    frames = x[np.arange((len(x) - 1024) // 256 + 1)[:, None] * 256 + np.arange(1024)] * np.hanning(1024)
    power = np.abs(np.fft.rfft(frames)) ** 2
    edges = np.unique(np.round(np.geomspace(2, 512, 49)).astype(int))[:-1] - 1
    bands = np.log(np.add.reduceat(power[:, 1:], edges, axis=1) + 1e-8)
    level = bands.mean(1)
    loud = bands[level > np.percentile(level, 88)].mean(0)
    strongest = frames[np.argsort(level)[-12:]]
    repeats = np.fft.irfft(np.abs(np.fft.rfft(strongest, 2048)) ** 2)[:, 40:230]
    period = np.median(repeats.argmax(1) + 40)
    noise = np.percentile(bands, 15, axis=0)
    return np.concatenate([noise, 0.7 * (loud - loud.mean()), [8 * np.log(period / 100)]])


if __name__ == "__main__":
    data = os.environ.get("NIBBLENET_DATA", os.path.join(os.path.dirname(HELD_OUT), "../../../shared/data"))
    chosen = sys.argv[1] if len(sys.argv) > 1 else os.path.join(data, "audio/wakewords/computer")
    clips = recordings(BENCHMARK, "audio/computer")
    names = [os.path.basename(clip)[:8] for clip in clips]
    marks = np.array([signature(read(clip)) for clip in clips])
    group = fcluster(linkage(marks, "average"), DISTANCE, "distance")
    seeds = {name[:8] for name in os.listdir(chosen)}
    held = np.isin(group, [g for g, name in zip(group, names) if name in seeds])
    apart = np.sqrt(((marks[:, None] - marks[None, held]) ** 2).sum(-1)).min(1)
    near = ~held & (apart < NEAREST)
    with open(HELD_OUT, "w") as file:
        file.writelines(f"{name}{' unused' if n else ''}\n" for name, h, n in zip(names, held, near) if h or n)
    train = ~held & ~near
    print(f"{held.sum()} clips of {len(set(group[held]))} groups held out, {near.sum()} unused;", end=" ")
    print(f"{train.sum()} of {len(set(group[train]))} groups for training, {apart[train].min():.1f} away at least")
