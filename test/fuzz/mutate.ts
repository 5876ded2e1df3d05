/** Damage that keeps the file's structure in sight: headers, tables, records and weights are hit alike. */

import {
  CHECKSUM_FROM,
  H_CHECKSUM,
  H_FILE_BYTES,
  H_SECTIONS,
  HEADER_BYTES,
  O_BYTES,
  S_BYTES,
  S_KIND,
  S_OFFSET,
  SECTION_BYTES,
  SECTION_OPERATORS,
  SECTION_TENSORS,
  TENSOR_BYTES,
} from "../../assembly/format.ts";
import { checksum } from "../../src/format/checksum.ts";
import type { Random } from "../helpers/graphs.ts";

interface Span {
  from: number;
  bytes: number;
}

/** The parts of a sound file that mutations aim at. */
export interface Anatomy {
  parts: Span[];
  tensors: Span[];
  operators: Span[];
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export function anatomyOf(bytes: Uint8Array): Anatomy {
  const view = viewOf(bytes);
  const count = view.getUint32(H_SECTIONS, true);
  const anatomy: Anatomy = {
    parts: [
      { from: 0, bytes: HEADER_BYTES },
      { from: HEADER_BYTES, bytes: count * SECTION_BYTES },
    ],
    tensors: [],
    operators: [],
  };
  for (let i = 0; i < count; i++) {
    const at = HEADER_BYTES + i * SECTION_BYTES;
    const section = { from: view.getUint32(at + S_OFFSET, true), bytes: view.getUint32(at + S_BYTES, true) };
    const kind = view.getUint32(at + S_KIND, true);
    anatomy.parts.push(section);
    // Operator records decide most, so they are hit most.
    if (kind === SECTION_OPERATORS) anatomy.parts.push(section, section, section);
    const end = section.from + section.bytes;
    if (kind === SECTION_TENSORS)
      for (let t = section.from; t < end; t += TENSOR_BYTES)
        anatomy.tensors.push({ from: t, bytes: TENSOR_BYTES });
    if (kind === SECTION_OPERATORS)
      for (let o = section.from; o < end; o += view.getUint32(o + O_BYTES, true))
        anatomy.operators.push({ from: o, bytes: view.getUint32(o + O_BYTES, true) });
  }
  return anatomy;
}

const extremes = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
  0x7f800000, 0x7fc00000, 0x00000001, 0xff7fffff,
];

function mutateOnce(random: Random, bytes: Uint8Array, anatomy: Anatomy): void {
  const view = viewOf(bytes);
  const part = random.pick(anatomy.parts);
  const word = part.from + 4 * random.int(0, Math.max(0, (part.bytes >> 2) - 1));
  const nearby = (): number => view.getUint32(word, true);
  switch (random.int(0, 7)) {
    case 0:
      bytes[part.from + random.int(0, Math.max(0, part.bytes - 1))]! ^= 1 << random.int(0, 7);
      return;
    case 1:
      bytes[part.from + random.int(0, Math.max(0, part.bytes - 1))] = random.int(0, 255);
      return;
    case 2:
      view.setUint32(word, random.pick(extremes), true);
      return;
    case 3:
      view.setUint32(word, nearby() + random.pick([-1, 1, -64, 64, -16, 16, 4]), true);
      return;
    case 4:
      view.setUint32(
        word,
        random.pick([nearby() * 2, nearby() >>> 1, random.int(0, 0xffffffff), random.int(0, 300)]),
        true,
      );
      return;
    case 5:
      swap(bytes, random.pick(anatomy.tensors), random.pick(anatomy.tensors));
      return;
    case 6:
      swap(bytes, random.pick(anatomy.operators), random.pick(anatomy.operators));
      return;
    default: {
      // A word of one record in the same place of another.
      const records = random.pick([anatomy.tensors, anatomy.operators]);
      const [a, b] = [random.pick(records), random.pick(records)];
      const field = 4 * random.int(0, (Math.min(a.bytes, b.bytes) >> 2) - 1);
      view.setUint32(a.from + field, view.getUint32(b.from + field, true), true);
    }
  }
}

/** Exchanges two records of one length; others stay. */
function swap(bytes: Uint8Array, a: Span, b: Span): void {
  if (a.bytes !== b.bytes) return;
  const kept = bytes.slice(a.from, a.from + a.bytes);
  bytes.copyWithin(a.from, b.from, b.from + b.bytes);
  bytes.set(kept, b.from);
}

/** A damaged copy, its checksum not touched. */
export function mutate(random: Random, sound: Uint8Array, anatomy: Anatomy): Uint8Array {
  const bytes = sound.slice();
  const times = random.pick([1, 1, 1, 2, 3, 5]);
  for (let i = 0; i < times; i++) mutateOnce(random, bytes, anatomy);
  return bytes;
}

/** Makes length and checksum right again, so that the checks behind them are reached. */
export function repair(bytes: Uint8Array): Uint8Array {
  const view = viewOf(bytes);
  view.setUint32(H_FILE_BYTES, bytes.length, true);
  view.setUint32(H_CHECKSUM, checksum(bytes, CHECKSUM_FROM), true);
  return bytes;
}
