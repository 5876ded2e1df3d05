/** Where a graph's states live in the packed file, and how what an inference leaves gets there. */
import { bytesPerElement, elementCount, type State, type Tensor } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import { copyWhole } from "./lower/copy.ts";
import type { Lowering } from "./lowering.ts";
import { type Instruction, tensorsOf } from "./record.ts";

const byteLength = ({ shape, dtype }: Tensor): number => elementCount(shape) * bytesPerElement(dtype);

/** What the placement needs to know about a lowered graph. */
export interface Lowered {
  instructions: Instruction[];
  /** Inputs and outputs of the model, which have places of their own. */
  fixed: ReadonlySet<Tensor>;
  /** The tensor whose bytes `t` shares; itself when it has its own. */
  root(t: Tensor): Tensor;
  /** Makes `t` a view of the bytes of `of`. */
  share(t: Tensor, of: Tensor): void;
}

/** @throws NibbleError where the two sides of a state do not fit each other, or nothing can write one. */
export function checkStates(states: readonly State[], produced: ReadonlySet<Tensor>): void {
  for (const { name, value, next, initial } of states) {
    const count = elementCount(value.shape);
    if (value.dtype !== next.dtype || elementCount(next.shape) !== count)
      throw new NibbleError(
        "unsupported",
        `state "${name}": begins as ${value.dtype}[${value.shape}] and ends as ${next.dtype}[${next.shape}]; ` +
          "both need one type and size",
      );
    if (initial && initial.length !== count)
      throw new NibbleError(
        "bad-file",
        `state "${name}": expected ${count} initial values, found ${initial.length}`,
      );
    if (produced.has(value))
      throw new NibbleError("bad-file", `state "${name}": a node writes "${value.name}", its begin`);
  }
}

/**
 * Appends what stores every state for the next inference. What is itself the begin of a state is copied aside
 * first: no state is overwritten while another still needs its old value.
 */
export function emitStores(lowering: Lowering, states: readonly State[], lowered: Lowered): void {
  const begins = new Set(states.map(({ value }) => value));
  const sources = states.map(({ name, value, next }) => {
    const from = lowered.root(next);
    if (from === value || !begins.has(from)) return next;
    const aside = lowering.intermediate(`${name}/next`, next, next.shape);
    copyWhole(lowering, name, next, aside);
    return aside;
  });
  for (const [i, { name, value }] of states.entries())
    if (lowered.root(sources[i]) !== value) copyWhole(lowering, name, sources[i], value);
}

/**
 * Drops the copy at the end of each state whose next value can be made in its place: nothing writes that value
 * before the last one that reads the old one has run, and it is neither the model's nor a constant.
 */
export function storeInPlace(states: readonly State[], lowered: Lowered): void {
  const { instructions, root, fixed, share } = lowered;
  for (const { value } of states) {
    const store = instructions.map(({ output }) => output).lastIndexOf(value);
    if (store < 0) continue;
    const made = root(instructions[store].input!);
    const isOwn = !made.data && !fixed.has(made) && !states.some((other) => other.value === made);
    if (!isOwn) continue;
    const touches = (t: Tensor) =>
      instructions.flatMap((it, i) => (tensorsOf(it).some((x) => root(x) === t) ? [i] : []));
    const lastRead = Math.max(-1, ...touches(value).filter((i) => i !== store));
    const [firstWrite] = touches(made);
    const isHandedOver = firstWrite === lastRead && isWholeCopy(instructions[lastRead], value, made, root);
    if (firstWrite < lastRead || (firstWrite === lastRead && !isHandedOver)) continue;
    instructions.splice(store, 1);
    if (isHandedOver) instructions.splice(lastRead, 1);
    share(made, value);
  }
}

/** The instruction does nothing but hand the old value on, as operators want it that change a tensor in place. */
const isWholeCopy = (
  { input, output, isWhole }: Instruction,
  from: Tensor,
  to: Tensor,
  root: (t: Tensor) => Tensor,
): boolean => isWhole === true && root(input!) === from && root(output) === to;

/** Bytes that the region begins with, up to the last that is not zero. */
export function initialBytes(
  states: readonly State[],
  offsetOf: (value: Tensor) => number,
  regionBytes: number,
): Uint8Array {
  const region = new Uint8Array(regionBytes);
  for (const { value, initial } of states) {
    if (!initial) continue;
    const bytes = new Uint8Array(initial.buffer, initial.byteOffset, initial.byteLength);
    region.set(bytes, offsetOf(value));
  }
  let end = region.length;
  while (end > 0 && region[end - 1] === 0) end--;
  return region.subarray(0, end);
}

/** Places in the state region, 64 bytes aligned, in the graph's order. */
export function planStates(
  states: readonly State[],
  align: number,
): { offsets: Map<Tensor, number>; bytes: number } {
  const offsets = new Map<Tensor, number>();
  let bytes = 0;
  for (const { value } of states) {
    if (offsets.has(value)) continue;
    offsets.set(value, bytes);
    bytes += Math.ceil(byteLength(value) / align) * align;
  }
  return { offsets, bytes };
}
