/** Memory for constants that an import makes: a file of a few nodes must not ask for gigabytes. */
import type { Tensor, TensorData } from "../../graph/graph.ts";
import { NibbleError } from "../../runtime/errors.ts";

/** All constants of a model that are not initializers: at most this much, or this many times the file. */
const [leastRoom, roomPerFileByte] = [64 << 20, 8];
const bytesOfWidest = 8;

export interface Room {
  left: number;
  /** Contents that have been counted. */
  known: Set<TensorData>;
}

export const openRoom = (fileBytes: number): Room => ({
  left: Math.max(leastRoom, roomPerFileByte * fileBytes),
  known: new Set(),
});

const full = (where: string): NibbleError =>
  new NibbleError(
    "bad-file",
    `${where}: expected constants that fit the file, found that those which follow from others would take more than ` +
      `${leastRoom >> 20} MiB and ${roomPerFileByte} times the file; fold them before exporting the model`,
  );

/** To be asked before `elements` of whatever type are made. */
export function checkRoom(room: Room, elements: number, where: string): void {
  if (bytesOfWidest * elements > room.left) throw full(where);
}

/** Counts the contents of constants that were not there before. */
export function takeRoom(room: Room, tensors: Iterable<Tensor | null | undefined>, where: string): void {
  for (const tensor of tensors) {
    if (!tensor?.data || room.known.has(tensor.data)) continue;
    room.known.add(tensor.data);
    room.left -= tensor.data.byteLength;
  }
  if (room.left < 0) throw full(where);
}
