/** Operators that repeat or rearrange elements, and Pad with all its modes. */
import { elementCount, type Tensor } from "../../../graph/graph.ts";
import { maxFoldedElements } from "../../../graph/passes/constant.ts";
import { expand, mirrorPad, mirrorReach, rearrange, reshape, slice, tile } from "../../moves.ts";
import type { Scope } from "../scope.ts";
import { broadcastShape, checkedCount, normalAxes, normalAxis } from "../shape.ts";
import { moverOf } from "./moves.ts";

function tiled(scope: Scope): Tensor {
  const x = scope.input(0);
  if (scope.opset < 6) throw scope.unsupported("Tile before opset 6");
  const repeats = scope.integers(1, "repeats");
  if (repeats.length !== x.shape.length || repeats.some((n) => n < 1)) {
    throw scope.bad(`expected ${x.shape.length} repeats from 1 up, found [${repeats.join(", ")}]`);
  }
  checkedCount(
    x.shape.map((d, i) => d * repeats[i]),
    scope.where,
  );
  return tile(moverOf(scope), x, repeats);
}

function expanded(scope: Scope): Tensor {
  const x = scope.input(0);
  const shape = broadcastShape(x.shape, scope.integers(1, "the shape"), scope.where);
  return expand(moverOf(scope), x, shape);
}

function blockSize(scope: Scope, x: Tensor): number {
  const size = scope.intAttribute("blocksize", 0);
  if (x.shape.length !== 4) throw scope.bad(`expected 4 dimensions, found [${x.shape.join(", ")}]`);
  if (!(size >= 1)) throw scope.bad(`expected a blocksize from 1 up, found ${size}`);
  return size;
}

function depthToSpace(scope: Scope): Tensor {
  const x = scope.input(0);
  const b = blockSize(scope, x);
  const [n, c, h, w] = x.shape;
  const mode = scope.stringAttribute("mode", "DCR");
  const depth = c / (b * b);
  if (!Number.isInteger(depth) || (mode !== "DCR" && mode !== "CRD")) {
    throw scope.bad(`expected channels in blocks of ${b}×${b} and mode DCR or CRD, found ${c} and ${mode}`);
  }
  const to = [n, depth, h * b, w * b];
  const move = moverOf(scope);
  return mode === "DCR"
    ? rearrange(move, x, [n, b, b, depth, h, w], [0, 3, 4, 1, 5, 2], to)
    : rearrange(move, x, [n, depth, b, b, h, w], [0, 1, 4, 2, 5, 3], to);
}

function spaceToDepth(scope: Scope): Tensor {
  const x = scope.input(0);
  const b = blockSize(scope, x);
  const [n, c, h, w] = x.shape;
  if (h % b || w % b) throw scope.bad(`expected sides in blocks of ${b}, found [${x.shape.join(", ")}]`);
  const to = [n, b * b * c, h / b, w / b];
  return rearrange(moverOf(scope), x, [n, c, h / b, b, w / b, b], [0, 3, 5, 1, 2, 4], to);
}

/** x without what negative amounts cut off, then padded with a stored value. */
function padConstant(scope: Scope, x: Tensor, before: number[], after: number[], stored: number): Tensor {
  const cut = (amounts: number[]) => amounts.map((n) => Math.max(0, -n));
  const grown = (amounts: number[]) => amounts.map((n) => Math.max(0, n));
  const [low, high] = [cut(before), cut(after)];
  const size = x.shape.map((d, i) => d - low[i] - high[i]);
  if (size.some((d) => d < 1)) throw scope.unsupported("negative pads that leave nothing");
  const move = moverOf(scope);
  const ones = size.map(() => 1);
  const inner = slice(move, x, low, size, ones);
  const [more, rest] = [grown(before), grown(after)];
  const shape = size.map((d, i) => more[i] + d + rest[i]);
  if (elementCount(shape) === elementCount(size)) return inner;
  const q = x.quantization;
  const value = q ? q.scale[0] * (stored - q.zeroPoint[0]) : stored;
  return move("pad", [inner], { before: more, after: rest, value }, shape);
}

/** Pad: pads and value are attributes before opset 11 and inputs since. */
function pad(scope: Scope): Tensor {
  const x = scope.input(0);
  const mode = scope.stringAttribute("mode", "constant");
  const hasInputs = scope.opset >= 11;
  const pads = hasInputs ? scope.integers(1, "pads") : (scope.intsAttribute("pads") ?? []);
  const value = hasInputs
    ? scope.has(2)
      ? scope.scalar(2, "the value")
      : 0
    : scope.floatAttribute("value", 0);
  const rank = x.shape.length;
  const given = scope.has(3) ? scope.integers(3, "axes") : x.shape.map((_, i) => i);
  const axes = given.map((axis) => normalAxis(axis, rank, scope.where));
  normalAxes(given, rank, scope.where);
  if (pads.length !== 2 * axes.length) {
    throw scope.bad(`expected ${2 * axes.length} pads, found ${pads.length}`);
  }
  const before = x.shape.map(() => 0);
  const after = x.shape.map(() => 0);
  axes.forEach((axis, i) => {
    before[axis] = pads[i];
    after[axis] = pads[axes.length + i];
  });
  if (mode === "constant") return padConstant(scope, x, before, after, value);
  if (mode !== "reflect" && mode !== "edge" && mode !== "wrap") throw scope.unsupported(`mode ${mode}`);
  if (pads.some((p) => p < 0)) throw scope.unsupported(`negative pads in mode ${mode}`);
  if (x.shape.some((d, i) => Math.max(before[i], after[i]) > mirrorReach[mode](d)))
    throw scope.unsupported(
      `pads [${pads.join(", ")}] that reach over [${x.shape.join(", ")}] in mode ${mode}`,
    );
  return mirrorPad(moverOf(scope), x, before, after, mode);
}

/** The middle of a larger dimension, zeros around a smaller one. */
function centerCropPad(scope: Scope): Tensor {
  const x = scope.input(0);
  const rank = x.shape.length;
  const shape = scope.integers(1, "the shape");
  const given = scope.intsAttribute("axes") ?? x.shape.map((_, i) => i);
  const axes = given.map((axis) => normalAxis(axis, rank, scope.where));
  if (axes.length !== shape.length) throw scope.bad(`expected ${axes.length} sizes, found ${shape.length}`);
  const before = x.shape.map(() => 0);
  const after = x.shape.map(() => 0);
  axes.forEach((axis, i) => {
    const more = shape[i] - x.shape[axis];
    before[axis] = more >= 0 ? Math.floor(more / 2) : -Math.floor(-more / 2);
    after[axis] = more - before[axis];
  });
  return padConstant(scope, x, before, after, 0);
}

/** The triangle of every matrix, zeros elsewhere: elements picked from the matrix and one zero behind it. */
function trilu(scope: Scope): Tensor {
  const x = scope.input(0);
  const rank = x.shape.length;
  if (rank < 2) throw scope.bad(`expected at least 2 dimensions, found [${x.shape.join(", ")}]`);
  const k = scope.has(1) ? scope.scalar(1, "k") : 0;
  const upper = scope.intAttribute("upper", 1) !== 0;
  const [rows, columns] = x.shape.slice(-2);
  const count = rows * columns;
  const outer = elementCount(x.shape.slice(0, -2));
  if (count > maxFoldedElements) throw scope.unsupported(`matrices of ${rows}×${columns}`);
  scope.checkRoom(count);
  const data = Int32Array.from({ length: count }, (_, i) => {
    const diagonal = (i % columns) - Math.floor(i / columns);
    return (upper ? diagonal >= k : diagonal <= k) ? i : count;
  });
  const picks: Tensor = { name: scope.nameFor("triangle"), dtype: "int32", shape: [count], data };
  const move = moverOf(scope);
  const flat = reshape(move, x, [outer, count]);
  const attributes = { before: [0, 0], after: [0, 1], value: 0 };
  const padded = move("pad", [flat], attributes, [outer, count + 1]);
  const picked = move("gather", [padded, picks], { axis: 1, batchDims: 0, fromEnd: false }, [outer, count]);
  return reshape(move, picked, x.shape);
}

export const repeating: Record<string, (scope: Scope) => Tensor> = {
  CenterCropPad: centerCropPad,
  DepthToSpace: depthToSpace,
  Expand: expanded,
  Pad: pad,
  SpaceToDepth: spaceToDepth,
  Tile: tiled,
  Trilu: trilu,
};
