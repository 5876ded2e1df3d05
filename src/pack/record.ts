import { FIRST_WIDE, O_BYTES, O_CODE } from "../../assembly/format.ts";
import type { Tensor } from "../graph/graph.ts";

/** Fields of an operator record, by the offsets of assembly/format.ts. */
export type Fields = [offset: number, value: number][];

/** One operator of the engine, before its tensors and scratch have places. */
export interface Instruction {
  /** The graph node it came from, for errors and reports. */
  node: string;
  record: DataView;
  input: Tensor | null;
  input2: Tensor | null;
  /** Of operators with the longer head (FIRST_WIDE and up). */
  input3?: Tensor | null;
  /** What such an operator reads and writes in place. */
  variables?: readonly Tensor[];
  output: Tensor;
  /** Arena bytes needed while it runs, and the field that receives their offset; 0 for none. */
  scratchBytes: number;
  scratchField: number;
  /** A copy of all of the input to all of the output. */
  isWhole?: boolean;
}

export const isWide = ({ record: view }: Instruction): boolean => view.getUint32(O_CODE, true) >= FIRST_WIDE;

/** Every tensor that the instruction names. */
export function tensorsOf({ input, input2, input3, variables, output }: Instruction): Tensor[] {
  const named = [input, input2, input3, ...(variables ?? []), output];
  return named.filter((t): t is Tensor => t != null);
}

/** A record of `bytes` bytes; `floats` are stored as f32, `ints` as 32-bit integers of either sign. */
export function record(code: number, bytes: number, ints: Fields, floats: Fields = []): DataView {
  const view = new DataView(new ArrayBuffer(bytes));
  view.setUint32(O_CODE, code, true);
  view.setUint32(O_BYTES, bytes, true);
  for (const [offset, value] of ints) view.setInt32(offset, value, true);
  for (const [offset, value] of floats) view.setFloat32(offset, value, true);
  return view;
}

/** Writes an array of integers into consecutive fields. */
export const listFields = (offset: number, values: readonly number[]): Fields =>
  values.map((value, i) => [offset + 4 * i, value]);
