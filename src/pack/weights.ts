import type { TensorData } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";

/** The weights section as it grows: 16-byte aligned blobs, equal ones stored once. */
export interface WeightsSection {
  /** Offset of `data` within the section. */
  add(data: TensorData | Uint32Array): number;
  bytes(): Uint8Array;
  /** What was added, each padded to the next one's place. */
  parts(): { bytes: Uint8Array; isFloat: boolean }[];
}

const align = (n: number): number => (n + 15) & ~15;

/** @param most bytes; more are refused, which only many operators on one large constant can ask for */
export function createWeights(most = Number.POSITIVE_INFINITY): WeightsSection {
  const blobs: Uint8Array[] = [];
  const floats: boolean[] = [];
  const known = new Map<string, { offset: number; blob: Uint8Array }[]>();
  let end = 0;
  return {
    add(data) {
      const blob = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      const key = `${blob.length}:${hash(blob)}`;
      const same = known.get(key)?.find((entry) => equal(entry.blob, blob));
      if (same) return same.offset;
      const offset = end;
      known.set(key, [...(known.get(key) ?? []), { offset, blob }]);
      blobs.push(blob);
      floats.push(data instanceof Float32Array);
      end += align(blob.length);
      if (end > most)
        throw new NibbleError(
          "unsupported",
          `expected packed weights of at most ${most} bytes for constants of this size, found more: too many operators ` +
            "share a constant, each with a packed form of its own",
        );
      return offset;
    },
    parts: () =>
      blobs.map((blob, i) => {
        const bytes = new Uint8Array(align(blob.length));
        bytes.set(blob);
        return { bytes, isFloat: floats[i] };
      }),
    bytes() {
      const out = new Uint8Array(end);
      let at = 0;
      for (const blob of blobs) {
        out.set(blob, at);
        at += align(blob.length);
      }
      return out;
    },
  };
}

function hash(bytes: Uint8Array): number {
  let h = 0x811c9dc5;
  for (const byte of bytes) h = Math.imul(h ^ byte, 0x01000193);
  return h;
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, i) => byte === b[i]);
