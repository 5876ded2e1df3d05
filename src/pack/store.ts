/** Weights stored narrower than they run: chosen part by part, without loss. assembly/engine/stored.ts widens them. */

import {
  STORED_BYTES,
  STORED_CODEBOOK,
  STORED_CRUMBS,
  STORED_HALVES,
  STORED_NIBBLES,
  STORED_SPARSE,
} from "../../assembly/format.ts";
import { halfOf } from "../numerics/half.ts";

/** The whole must become smaller by this share and so many bytes: in memory, narrow weights lie beside the wide ones. */
const leastSaving = { share: 1 / 8, bytes: 1024 };

interface Form {
  kind: number;
  bits: number;
  codebook?: Uint8Array;
  /** Zeros, as of padding, are one value more than the codebook has. */
  isMasked?: boolean;
}

/** The section's bytes; undefined where weights had better stay as they run. */
export function storeWeights(
  parts: readonly { bytes: Uint8Array; isFloat: boolean }[],
  least: { share: number; bytes: number } = leastSaving,
): Uint8Array | undefined {
  const total = parts.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const stream: Uint8Array[] = [new Uint8Array(Uint32Array.of(total).buffer)];
  let size = 4;
  for (const part of parts) {
    if (part.bytes.length === 0) continue;
    const stored = smallest(part.bytes, part.isFloat);
    stream.push(stored);
    size += stored.length;
  }
  if (total - size < Math.max(1, least.bytes, total * least.share)) return undefined;
  const out = new Uint8Array(size);
  let at = 0;
  for (const piece of stream) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

const align = (n: number): number => (n + 3) & ~3;

function smallest(bytes: Uint8Array, isFloat: boolean): Uint8Array {
  const halves = isFloat ? asHalves(bytes) : undefined;
  const elements = halves ?? bytes;
  const form = halves ? { kind: STORED_HALVES, bits: 16 } : formOf(bytes);
  const isSparse = form.isMasked || sizeOf(elements, form, true) < sizeOf(elements, form, false);
  return write(bytes.length, elements, form, isSparse);
}

/** float16 bits of the values, where all of them are float16. */
function asHalves(bytes: Uint8Array): Uint16Array | undefined {
  const values = new Float32Array(bytes.slice().buffer);
  const halves = new Uint16Array(values.length);
  for (const [i, value] of values.entries()) {
    const half = halfOf(value);
    if (half === undefined) return undefined;
    halves[i] = half;
  }
  return halves;
}

/** The narrowest form that holds every byte. */
function formOf(bytes: Uint8Array): Form {
  const isUsed = new Uint8Array(256);
  for (const byte of bytes) isUsed[byte] = 1;
  const used = [...isUsed.keys()].filter((byte) => isUsed[byte]);
  const within = (low: number, high: number) =>
    used.every((b) => (b << 24) >> 24 >= low && (b << 24) >> 24 <= high);
  if (within(-2, 1)) return { kind: STORED_CRUMBS, bits: 2 };
  if (within(-8, 7)) return { kind: STORED_NIBBLES, bits: 4 };
  const values = used.filter((b) => b !== 0);
  if (values.length <= 16 && bytes.length > 64) {
    const codebook = new Uint8Array(16);
    const isMasked = used.length === 17;
    codebook.set(isMasked ? values : used);
    return { kind: STORED_CODEBOOK, bits: 4, codebook, isMasked };
  }
  return { kind: STORED_BYTES, bits: 8 };
}

const count = (elements: ArrayLike<number>): number => {
  let n = 0;
  for (let i = 0; i < elements.length; i++) if (elements[i] !== 0) n++;
  return n;
};

function sizeOf(elements: ArrayLike<number>, { bits, codebook }: Form, isSparse: boolean): number {
  const stored = isSparse ? count(elements) : elements.length;
  const mask = isSparse ? Math.ceil(elements.length / 8) : 0;
  return align(8 + (codebook ? 16 : 0) + mask + Math.ceil((stored * bits) / 8));
}

function write(
  length: number,
  elements: Uint8Array | Uint16Array,
  form: Form,
  isSparse: boolean,
): Uint8Array {
  const out = new Uint8Array(sizeOf(elements, form, isSparse));
  const view = new DataView(out.buffer);
  view.setUint32(0, form.kind | (isSparse ? STORED_SPARSE : 0), true);
  view.setUint32(4, length, true);
  let at = 8;
  if (form.codebook) {
    out.set(form.codebook, at);
    at += 16;
  }
  if (isSparse) {
    for (const [i, element] of elements.entries()) if (element !== 0) out[at + (i >> 3)] |= 1 << (i & 7);
    at += Math.ceil(elements.length / 8);
  }
  const index =
    form.codebook && Uint8Array.from({ length: 256 }, (_, byte) => form.codebook!.indexOf(byte) & 15);
  let next = 0;
  for (const element of elements) {
    if (isSparse && element === 0) continue;
    const bit = next++ * form.bits;
    const value = index ? index[element] : element;
    if (form.bits === 16) view.setUint16(at + (bit >> 3), value, true);
    else out[at + (bit >> 3)] |= (value & ((1 << form.bits) - 1)) << (bit & 7);
  }
  return out;
}
