/** Operators that take parts of a tensor: SLICE, STRIDED_SLICE, SPLIT, SPLIT_V, UNPACK. */
import type { Tensor } from "../../graph/graph.ts";
import { reshape, slice, sliceAxis } from "../moves.ts";
import { give, moverOf } from "./move.ts";
import {
  checkAxis,
  input,
  integers,
  type Operator,
  optionsOf,
  output,
  refused,
  requiredIndex,
  show,
  wrong,
} from "./operator.ts";
import { readBool, readInt32 } from "./reader.ts";
import { options } from "./schema.ts";
import { isConstant } from "./tensors.ts";

/** A size of −1 takes what is left. Where it begins may be computed at run time, how much it takes may not. */
export function convertSlice(operator: Operator): void {
  const x = input(operator, 0);
  const rank = x.shape.length;
  if (!isConstant(operator.tensors, requiredIndex(operator, 1))) {
    const starts = input(operator, 1);
    const { shape } = output(operator);
    if (starts.shape.join() !== `${rank}`) {
      throw refused(operator, `starts ${show(starts)}: one for each of the ${rank} dimensions was expected`);
    }
    const window = integers(operator, 2, Math.max(1, rank));
    const isInside = shape.length === rank && shape.every((d, i) => d <= x.shape[i] && window[i] === d);
    if (!isInside) throw refused(operator, `size [${window.join()}] from places computed at run time`);
    give(operator, moverOf(operator)("dynamicSlice", [x, starts], {}, shape));
    return;
  }
  const begin = integers(operator, 1, Math.max(1, rank));
  const given = integers(operator, 2, Math.max(1, rank));
  const size = given.map((n, i) => (n === -1 ? x.shape[i] - begin[i] : n));
  const fits =
    begin.length === rank &&
    size.length === rank &&
    size.every((n, i) => n >= 1 && begin[i] >= 0 && begin[i] + n <= x.shape[i]);
  if (!fits) throw wrong(operator, `begin [${begin.join()}] and size [${given.join()}] for ${show(x)}`);
  const ones = size.map(() => 1);
  give(operator, slice(moverOf(operator), x, begin, size, ones));
}

/** One dimension of a strided slice, counted as numpy counts. */
function resolve(size: number, begin: number | undefined, end: number | undefined, stride: number) {
  const [low, high] = stride > 0 ? [0, size] : [-1, size - 1];
  const clamped = (n: number) => Math.min(Math.max(n < 0 ? n + size : n, low), high);
  const first = begin === undefined ? (stride > 0 ? low : high) : clamped(begin);
  const last = end === undefined ? (stride > 0 ? high : low) : clamped(end);
  return { begin: first, size: Math.ceil((last - first) / stride), stride };
}

/** numpy's basic indexing: bit i of a mask is about entry i of begin, end and strides. */
export function convertStridedSlice(operator: Operator): void {
  const ids = options.stridedSlice;
  const table = optionsOf(operator, ids.type);
  const x = input(operator, 0);
  const rank = x.shape.length;
  const mask = (id: number) => (table ? readInt32(table, id) : 0);
  const [beginMask, endMask] = [mask(ids.beginMask), mask(ids.endMask)];
  const [ellipsis, newAxis, shrink] = [
    mask(ids.ellipsisMask),
    mask(ids.newAxisMask),
    mask(ids.shrinkAxisMask),
  ];
  const isRelative = table !== undefined && readBool(table, ids.offset);
  const most = 2 * rank + 1;
  const begins = integers(operator, 1, most);
  const ends = integers(operator, 2, most);
  const strides = integers(operator, 3, most);
  if (ends.length !== begins.length || strides.length !== begins.length || strides.includes(0)) {
    throw wrong(operator, `begin [${begins.join()}], end [${ends.join()}] and strides [${strides.join()}]`);
  }
  const has = (bits: number, i: number) => ((bits >> i) & 1) === 1;
  const isNew = (i: number) => has(newAxis, i) && !has(ellipsis, i);
  const parts: { begin: number; size: number; stride: number }[] = [];
  const shape: number[] = [];
  const takeWhole = () => {
    const size = x.shape[parts.length];
    parts.push({ begin: 0, size, stride: 1 });
    shape.push(size);
  };
  for (const [i, begin] of begins.entries()) {
    if (has(ellipsis, i)) {
      const behind = begins.slice(i + 1).filter((_, k) => !isNew(i + 1 + k)).length;
      while (parts.length < rank - behind) takeWhole();
      continue;
    }
    if (isNew(i)) {
      shape.push(1);
      continue;
    }
    if (parts.length === rank) throw wrong(operator, `has more entries than ${show(x)} has dimensions`);
    const size = x.shape[parts.length];
    if (has(shrink, i)) {
      const at = begin < 0 ? begin + size : begin;
      if (at < 0 || at >= size)
        throw wrong(operator, `index ${begin} for dimension ${parts.length} of ${show(x)}`);
      parts.push({ begin: at, size: 1, stride: 1 });
      continue;
    }
    const end = isRelative ? begin + ends[i] : ends[i];
    const part = resolve(
      size,
      has(beginMask, i) ? undefined : begin,
      has(endMask, i) ? undefined : end,
      strides[i],
    );
    if (part.size < 1) throw wrong(operator, `takes nothing of dimension ${parts.length} of ${show(x)}`);
    parts.push(part);
    shape.push(part.size);
  }
  while (parts.length < rank) takeWhole();
  const move = moverOf(operator);
  const taken = slice(
    move,
    x,
    parts.map((part) => part.begin),
    parts.map((part) => part.size),
    parts.map((part) => part.stride),
  );
  give(operator, reshape(move, taken, shape));
}

/** SPLIT: as many equal parts as there are outputs. */
export function convertSplit(operator: Operator): void {
  const x = input(operator, 1);
  const [given] = integers(operator, 0, 1);
  const axis = checkAxis(operator, given, x.shape.length);
  const count = operator.record.outputs.length;
  checkCount(operator, options.split);
  const size = x.shape[axis] / count;
  if (!Number.isInteger(size)) throw wrong(operator, `${show(x)} does not split into ${count} along ${axis}`);
  giveParts(operator, x, axis, new Array<number>(count).fill(size));
}

/** SPLIT_V: parts of given sizes, one of which may be −1, the rest. */
export function convertSplitV(operator: Operator): void {
  const x = input(operator, 0);
  const count = operator.record.outputs.length;
  const given = integers(operator, 1, count);
  const [axisGiven] = integers(operator, 2, 1);
  const axis = checkAxis(operator, axisGiven, x.shape.length);
  checkCount(operator, options.splitV);
  const known = given.reduce((sum, n) => sum + (n < 0 ? 0 : n), 0);
  const sizes = given.map((n) => (n === -1 ? x.shape[axis] - known : n));
  const total = sizes.reduce((sum, n) => sum + n, 0);
  if (sizes.length !== count || sizes.some((n) => n < 1) || total !== x.shape[axis]) {
    throw wrong(operator, `sizes [${given.join()}] for dimension ${axis} of ${show(x)} and ${count} outputs`);
  }
  giveParts(operator, x, axis, sizes);
}

/** UNPACK: the slices along a dimension, without it. */
export function convertUnpack(operator: Operator): void {
  const ids = options.unpack;
  const x = input(operator, 0);
  const table = optionsOf(operator, ids.type);
  const axis = checkAxis(operator, table ? readInt32(table, ids.axis) : 0, x.shape.length);
  const count = operator.record.outputs.length;
  if (x.shape[axis] !== count) throw wrong(operator, `${count} outputs for dimension ${axis} of ${show(x)}`);
  const shape = x.shape.filter((_, i) => i !== axis);
  const move = moverOf(operator);
  for (let i = 0; i < count; i++) give(operator, reshape(move, sliceAxis(move, x, axis, i, 1), shape), i);
}

/** Refuses options that state another number of parts than the operator has outputs. */
function checkCount(operator: Operator, ids: { type: number; count: number }): void {
  const table = optionsOf(operator, ids.type);
  const stated = table ? readInt32(table, ids.count) : 0;
  const found = operator.record.outputs.length;
  if (stated !== 0 && stated !== found) throw wrong(operator, `expected ${stated} outputs, found ${found}`);
}

function giveParts(operator: Operator, x: Tensor, axis: number, sizes: readonly number[]): void {
  let begin = 0;
  for (const [i, size] of sizes.entries()) {
    give(operator, sliceAxis(moverOf(operator), x, axis, begin, size), i);
    begin += size;
  }
}
