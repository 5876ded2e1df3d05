/** FlexBuffers, in which custom operators keep their options: maps of numbers, as far as they are read here. */

import { badFile } from "./errors.ts";

/** Keys may share their bytes: together they could be far longer than the file. */
const longestKey = 64;

const types = { int: 1, uint: 2, float: 3, map: 9, bool: 26 } as const;

/** The numbers (and booleans, as 0 and 1) of a map by their keys. @throws NibbleError where the bytes are no such map */
export function readFlexMap(bytes: Uint8Array, what: string): Map<string, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const damaged = () => badFile(`${what}: its options are no map of numbers`);
  const within = (at: number, count: number): number => {
    if (at < 0 || at + count > bytes.length) throw damaged();
    return at;
  };
  const whole = (at: number, width: number): number => {
    within(at, width);
    if (width === 1) return view.getUint8(at);
    if (width === 2) return view.getUint16(at, true);
    if (width === 4) return view.getUint32(at, true);
    const wide = Number(view.getBigUint64(at, true));
    if (!Number.isSafeInteger(wide)) throw damaged();
    return wide;
  };
  const number = (at: number, width: number, type: number): number => {
    within(at, width);
    if (type === types.uint || type === types.bool) return whole(at, width);
    if (type === types.float) return width === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true);
    if (type !== types.int) throw damaged();
    if (width === 8) return Number(view.getBigInt64(at, true));
    return width === 1 ? view.getInt8(at) : width === 2 ? view.getInt16(at, true) : view.getInt32(at, true);
  };
  const text = (at: number): string => {
    const key = bytes.subarray(within(at, 1), at + longestKey);
    const end = key.indexOf(0);
    if (end < 0) throw damaged();
    return new TextDecoder().decode(key.subarray(0, end));
  };
  const widthOf = (value: number): number => {
    if (![1, 2, 4, 8].includes(value)) throw damaged();
    return value;
  };

  if (bytes.length < 3) throw damaged();
  const rootWidth = widthOf(bytes[bytes.length - 1]);
  const packed = bytes[bytes.length - 2];
  if (packed >> 2 !== types.map) throw damaged();
  const root = bytes.length - 2 - rootWidth;
  const width = 1 << (packed & 3);
  // Before a map's values lie the offset of its keys, the width of those, and how many there are.
  const values = root - whole(root, rootWidth);
  const count = whole(values - width, width);
  const keyWidth = widthOf(whole(values - 2 * width, width));
  const keys = values - 3 * width - whole(values - 3 * width, width);
  within(values, count * (width + 1));
  within(keys, count * keyWidth);
  return new Map(
    Array.from({ length: count }, (_, i) => {
      const key = keys + i * keyWidth;
      const type = bytes[values + count * width + i] >> 2;
      return [text(key - whole(key, keyWidth)), number(values + i * width, width, type)] as const;
    }),
  );
}
