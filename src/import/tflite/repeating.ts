/** Operators that repeat, rearrange or join elements: PACK, TILE, BROADCAST_TO, MIRROR_PAD, REVERSE_V2 and blocks. */
import { elementCount, type Tensor } from "../../graph/graph.ts";
import {
  expand,
  type Mirror,
  mirrorPad,
  mirrorReach,
  rearrange,
  reverse,
  slice,
  stack,
  tile,
} from "../moves.ts";
import { give, moverOf } from "./move.ts";
import {
  checkAxis,
  checkRank,
  checkSameType,
  checkShape,
  input,
  integers,
  type Operator,
  optionsOf,
  output,
  refused,
  show,
  wrong,
} from "./operator.ts";
import { readInt8, readInt32 } from "./reader.ts";
import { options } from "./schema.ts";

export function convertPack(operator: Operator): void {
  const ids = options.pack;
  const table = optionsOf(operator, ids.type);
  const parts = operator.record.inputs.map((_, i) => input(operator, i));
  if (parts.length === 0) throw wrong(operator, "has no operands");
  const axis = checkAxis(operator, table ? readInt32(table, ids.axis) : 0, parts[0].shape.length + 1);
  for (const part of parts) {
    checkSameType(operator, part, parts[0]);
    checkShape(operator, part, parts[0].shape);
  }
  give(operator, stack(moverOf(operator), parts, axis));
}

export function convertTile(operator: Operator): void {
  const x = input(operator, 0);
  const repeats = integers(operator, 1, Math.max(1, x.shape.length));
  if (repeats.length !== x.shape.length || repeats.some((n) => n < 1)) {
    throw wrong(operator, `[${repeats.join()}] repeats of ${show(x)}`);
  }
  checkShape(
    operator,
    output(operator),
    x.shape.map((d, i) => d * repeats[i]),
  );
  give(operator, tile(moverOf(operator), x, repeats));
}

export function convertBroadcastTo(operator: Operator): void {
  const x = input(operator, 0);
  const { shape } = output(operator);
  checkShape(operator, output(operator), integers(operator, 1, 8));
  const lead = shape.length - x.shape.length;
  if (lead < 0 || x.shape.some((d, i) => d !== 1 && d !== shape[lead + i])) {
    throw wrong(operator, `${show(x)} does not broadcast to [${shape.join()}]`);
  }
  give(operator, expand(moverOf(operator), x, shape));
}

const mirrors: (Mirror | undefined)[] = ["reflect", "symmetric"];

/** Pairs of amounts before and after each of `rank` dimensions, from 0 up. */
function pairs(operator: Operator, i: number, rank: number): [before: number[], after: number[]] {
  const amounts = integers(operator, i, Math.max(1, 2 * rank));
  if (amounts.length !== 2 * rank || amounts.some((n) => n < 0)) {
    throw wrong(operator, `[${amounts.join()}]: expected ${rank} pairs of numbers from 0 up`);
  }
  return [amounts.filter((_, k) => k % 2 === 0), amounts.filter((_, k) => k % 2 === 1)];
}

export function convertMirrorPad(operator: Operator): void {
  const ids = options.mirrorPad;
  const table = optionsOf(operator, ids.type);
  const code = table ? readInt8(table, ids.mode) : 0;
  const mode = mirrors[code];
  if (!mode) throw refused(operator, `mode ${code}`);
  const x = input(operator, 0);
  const [before, after] = pairs(operator, 1, x.shape.length);
  if (x.shape.some((d, i) => Math.max(before[i], after[i]) > mirrorReach[mode](d))) {
    throw wrong(operator, `padding before [${before.join()}] and after [${after.join()}] exceeds ${show(x)}`);
  }
  give(operator, mirrorPad(moverOf(operator), x, before, after, mode));
}

export function convertReverse(operator: Operator): void {
  const x = input(operator, 0);
  const rank = x.shape.length;
  const axes = integers(operator, 1, Math.max(1, rank)).map((axis) => checkAxis(operator, axis, rank));
  give(operator, reverse(moverOf(operator), x, axes));
}

/** The side of a block, which has to divide what it cuts. */
function blockSize(operator: Operator, ids: { type: number; blockSize: number }): number {
  const table = optionsOf(operator, ids.type);
  const size = table ? readInt32(table, ids.blockSize) : 0;
  if (size < 1) throw wrong(operator, `block size ${size}`);
  return size;
}

export function convertSpaceToDepth(operator: Operator): void {
  const b = blockSize(operator, options.spaceToDepth);
  const x = input(operator, 0);
  checkRank(operator, x, 4);
  const [n, h, w, c] = x.shape;
  if (h % b || w % b) throw wrong(operator, `blocks of ${b} do not divide ${show(x)}`);
  const move = moverOf(operator);
  const to = [n, h / b, w / b, b * b * c];
  give(operator, rearrange(move, x, [n, h / b, b, w / b, b, c], [0, 1, 3, 2, 4, 5], to));
}

export function convertDepthToSpace(operator: Operator): void {
  const b = blockSize(operator, options.depthToSpace);
  const x = input(operator, 0);
  checkRank(operator, x, 4);
  const [n, h, w, c] = x.shape;
  if (c % (b * b)) throw wrong(operator, `blocks of ${b} do not divide the channels of ${show(x)}`);
  const move = moverOf(operator);
  const to = [n, h * b, w * b, c / b / b];
  give(operator, rearrange(move, x, [n, h, w, b, b, c / b / b], [0, 1, 3, 2, 4, 5], to));
}

/** Sides of the blocks along the dimensions behind the first. */
function blockShape(operator: Operator, x: Tensor): number[] {
  const block = integers(operator, 1, Math.max(1, x.shape.length - 1));
  if (block.length >= x.shape.length || block.some((n) => n < 1)) {
    throw wrong(operator, `blocks [${block.join()}] for ${show(x)}`);
  }
  return block;
}

/** [N, …s·b…, rest] → [b…, N, …s…, rest], with zeros around x first. */
export function convertSpaceToBatch(operator: Operator): void {
  const x = input(operator, 0);
  const block = blockShape(operator, x);
  const [before, after] = pairs(operator, 2, block.length);
  const move = moverOf(operator);
  const all = (amounts: number[]) => x.shape.map((_, i) => amounts[i - 1] ?? 0);
  const shape = x.shape.map((d, i) => d + all(before)[i] + all(after)[i]);
  const padded =
    elementCount(shape) === elementCount(x.shape)
      ? x
      : move("pad", [x], { before: all(before), after: all(after), value: 0 }, shape);
  if (block.some((b, i) => shape[i + 1] % b)) {
    throw wrong(operator, `blocks [${block.join()}] do not divide [${shape.join()}]`);
  }
  const [batch, rest] = [shape[0], shape.slice(block.length + 1)];
  const sides = block.map((b, i) => shape[i + 1] / b);
  const from = [batch, ...block.flatMap((b, i) => [sides[i], b]), ...rest];
  const perm = [
    ...block.map((_, i) => 2 * i + 2),
    0,
    ...block.map((_, i) => 2 * i + 1),
    ...rest.map((_, i) => 2 * block.length + 1 + i),
  ];
  give(operator, rearrange(move, padded, from, perm, [batch * elementCount(block), ...sides, ...rest]));
}

/** [b…, N, …s…, rest] → [N, …s·b…, rest], without what is cropped off the sides. */
export function convertBatchToSpace(operator: Operator): void {
  const x = input(operator, 0);
  const block = blockShape(operator, x);
  const [before, after] = pairs(operator, 2, block.length);
  const m = block.length;
  const batch = x.shape[0] / elementCount(block);
  if (!Number.isInteger(batch)) throw wrong(operator, `blocks [${block.join()}] do not divide ${show(x)}`);
  const [sides, rest] = [x.shape.slice(1, m + 1), x.shape.slice(m + 1)];
  const perm = [m, ...block.flatMap((_, i) => [m + 1 + i, i]), ...rest.map((_, i) => 2 * m + 1 + i)];
  const move = moverOf(operator);
  const shape = [batch, ...sides.map((d, i) => d * block[i]), ...rest];
  const whole = rearrange(move, x, [...block, batch, ...sides, ...rest], perm, shape);
  const size = shape.map((d, i) => d - (before[i - 1] ?? 0) - (after[i - 1] ?? 0));
  if (size.some((d) => d < 1)) throw wrong(operator, `crops everything off [${shape.join()}]`);
  const begin = shape.map((_, i) => before[i - 1] ?? 0);
  const ones = shape.map(() => 1);
  give(operator, slice(move, whole, begin, size, ones));
}
