/**
 * Variations of recorded clips, the same on every run: other tempo, place, noise and level. What they are mixed with are
 * other clips and noise.
 */

/** Numbers in 0…1, the same on every run. */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const rootMeanSquare = (x) => Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / x.length) + 1e-6;

/** Faster by `speed` around its middle and later by `shift` samples; silence where nothing is known. */
function moved(x, speed, shift) {
  const middle = x.length / 2;
  return x.map((_, i) => {
    const at = (i - middle - shift) * speed + middle;
    const low = Math.floor(at);
    if (low < 0 || low + 1 >= x.length) return 0;
    return x[low] + (at - low) * (x[low + 1] - x[low]);
  });
}

/** Noise that leans towards low frequencies by `lean` in 0…1. */
function noise(length, lean, next) {
  let last = 0;
  return Float32Array.from({ length }, () => {
    last = lean * last + (1 - lean) * (next() + next() + next() - 1.5);
    return last;
  });
}

/** `count` variations of each clip, float32 samples; `backgrounds` are mixed in beside noise that is made. */
export function* variations(clips, backgrounds, count, seed) {
  const next = random(seed);
  const between = (low, high) => low + (high - low) * next();
  for (let turn = 0; turn < count; turn++)
    for (const clip of clips) {
      const speed = next() < 0.7 ? between(0.85, 1.17) : 1;
      const made = moved(clip, speed, between(-1920, 1920));
      if (next() < 0.7) {
        const other =
          next() < 0.5
            ? backgrounds[Math.floor(next() * backgrounds.length)]
            : noise(made.length, between(0, 0.97), next);
        const from = Math.floor(next() * other.length);
        const gain = (rootMeanSquare(made) / rootMeanSquare(other)) * 10 ** (-between(2, 35) / 20);
        for (let i = 0; i < made.length; i++) made[i] += gain * other[(from + i) % other.length];
      }
      const level = 10 ** (between(-14, 8) / 20);
      yield made.map((v) => Math.min(1, Math.max(-1, level * v)));
    }
}
