/** The newest samples of a stream, addressed by their place in the whole stream. Allocates nothing after creation. */
export interface SampleRing {
  readonly capacity: number;
  /** Samples written so far: the place of the next one. */
  readonly end: number;
  /** At most `capacity` samples at a time. */
  write(samples: Float32Array): void;
  /** Copies samples from place `from` on into `target`; int16 targets get them times 32768, rounded and saturated. */
  read(from: number, target: Float32Array | Int16Array): void;
  clear(): void;
}

export function createRing(capacity: number): SampleRing {
  const samples = new Float32Array(capacity);
  let end = 0;
  return {
    capacity,
    get end() {
      return end;
    },
    write(chunk) {
      const at = end % capacity;
      const first = Math.min(chunk.length, capacity - at);
      for (let i = 0; i < first; i++) samples[at + i] = chunk[i];
      for (let i = first; i < chunk.length; i++) samples[i - first] = chunk[i];
      end += chunk.length;
    },
    read(from, target) {
      let at = from % capacity;
      const isInteger = target instanceof Int16Array;
      for (let i = 0; i < target.length; i++) {
        target[i] = isInteger ? toInt16(samples[at]) : samples[at];
        if (++at === capacity) at = 0;
      }
    },
    clear() {
      samples.fill(0);
      end = 0;
    },
  };
}

/** NaN becomes 0, as it does in an Int16Array. */
const toInt16 = (sample: number): number => Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
