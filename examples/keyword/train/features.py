"""The features contract: one second of 16 kHz audio -> float32[49, 40], frame-major log mel energies.

Samples are int16 / 32768, exactly 16000 of them. 49 frames of 480 samples every 320, no centring;
periodic Hann window; FFT of 512; power |X[k]|^2, k = 0..256; 40 triangles between 42 points equally
spaced in HTK mel from 60 to 7600 Hz, evaluated at the frequency of each bin, no area normalisation;
ln(energy + 1e-6). Computed in float64.
"""
import numpy as np

RATE, WINDOW, HOP, FFT = 16000, 480, 320, 512
FRAMES, MELS = 49, 40
LOW, HIGH, FLOOR = 60.0, 7600.0, 1e-6


def mel(hertz):
    return 2595.0 * np.log10(1.0 + hertz / 700.0)


def hertz(mels):
    return 700.0 * (10.0 ** (mels / 2595.0) - 1.0)


def mel_filters():
    """float64[40, 257]: weight of each bin in each triangle."""
    edges = hertz(np.linspace(mel(LOW), mel(HIGH), MELS + 2))
    bins = np.arange(FFT // 2 + 1) * RATE / FFT
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - left) / (centre - left)
    falling = (right - bins) / (right - centre)
    return np.maximum(0.0, np.minimum(rising, falling))


HANN = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)
FILTERS = mel_filters()


def features(samples):
    """int16[..., n] -> float32[..., frames, 40]: of one second, 49 frames."""
    count = (samples.shape[-1] - WINDOW) // HOP + 1
    starts = np.arange(count)[:, None] * HOP + np.arange(WINDOW)
    frames = (samples / 32768.0)[..., starts] * HANN
    spectrum = np.fft.rfft(frames, FFT)
    energy = (spectrum.real**2 + spectrum.imag**2) @ FILTERS.T
    return np.log(energy + FLOOR).astype(np.float32)
