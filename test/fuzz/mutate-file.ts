/** Damage that knows nothing of a format: bytes, words, and pieces that are cut, doubled, exchanged or taken from elsewhere. */
import type { Random } from "../helpers/graphs.ts";

/** Bytes that end ranges, or that a variable-length number goes on after. */
const telling = [0, 1, 2, 3, 4, 7, 8, 0x7f, 0x80, 0x81, 0xfe, 0xff];
const words = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x7f800000, 0x7fc00000, 0x10000, 0x1000000];

const longestPiece = 24;

/** A random piece of `bytes`, as [from, to). */
function pieceOf(random: Random, bytes: Uint8Array): [number, number] {
  const from = random.int(0, bytes.length - 1);
  return [from, Math.min(bytes.length, from + random.int(1, longestPiece))];
}

const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

function mutateOnce(random: Random, bytes: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  const at = random.int(0, bytes.length - 1);
  const [from, to] = pieceOf(random, bytes);
  switch (random.int(0, 15)) {
    case 0:
      bytes[at]! ^= 1 << random.int(0, 7);
      return bytes;
    case 1:
      bytes[at] = random.int(0, 255);
      return bytes;
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
      bytes[at] = random.pick(telling);
      return bytes;
    case 7:
    case 8:
    case 9:
      bytes[at]! += random.pick([-1, 1]);
      return bytes;
    case 10:
    case 11: {
      const word = Math.max(0, Math.min(at & ~3, bytes.length - 4));
      if (bytes.length >= 4)
        new DataView(bytes.buffer, bytes.byteOffset).setUint32(
          word,
          random.pick([...words, bytes.length]),
          true,
        );
      return bytes;
    }
    case 12:
      return bytes.length > to - from ? joined(bytes.subarray(0, from), bytes.subarray(to)) : bytes;
    case 13:
      return joined(bytes.subarray(0, to), bytes.subarray(from));
    case 14:
      bytes.copyWithin(at, from, Math.min(to, bytes.length - at + from));
      return bytes;
    default: {
      const other = random.pick(others);
      const [begin, end] = pieceOf(random, other);
      const piece = other.subarray(begin, end);
      return joined(bytes.subarray(0, at), piece, bytes.subarray(Math.min(bytes.length, at + piece.length)));
    }
  }
}

/** A damaged copy of `sound`; pieces may come from `others`. */
export function mutateFile(random: Random, sound: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  let bytes: Uint8Array = sound.slice();
  for (let n = random.pick([1, 1, 1, 2, 3, 5]); n > 0; n--) bytes = mutateOnce(random, bytes, others);
  return bytes;
}
