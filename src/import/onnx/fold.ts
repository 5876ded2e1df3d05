import { type DType, elementCount, type Tensor, type TensorData } from "../../graph/graph.ts";
import {
  broadcastSteps,
  type Constant,
  gather,
  isConstant,
  maxFoldedElements,
  newData,
  permuteConstant,
  stridesOf,
  walk,
} from "../../graph/passes/constant.ts";
import { castElements } from "../../numerics/cast.ts";
import { keyOf } from "./expand.ts";
import { arithmeticFolds } from "./fold-arithmetic.ts";
import { sliceParts } from "./operators/moves.ts";
import type { Scope } from "./scope.ts";
import { broadcastShape, checkedCount, isPermutation, normalAxes, normalAxis } from "./shape.ts";
import { permOf, reshapedShape, squeezedShape, unsqueezedShape } from "./target-shape.ts";
import { dtypeOf, typeName } from "./tensor-data.ts";

/** Computes a node whose operands are constant. */
type Fold = (scope: Scope) => Constant;

const bounded = (scope: Scope, shape: number[]): number[] => {
  const count = checkedCount(shape, scope.where);
  if (count > maxFoldedElements) {
    throw scope.bad(
      `expected a constant of at most ${maxFoldedElements} elements, found [${shape.join(", ")}]`,
    );
  }
  scope.checkRoom(count);
  return shape;
};

const constantOf = (dtype: DType, shape: number[], data: TensorData): Constant => ({
  name: "",
  dtype,
  shape,
  data,
});

const int64s = (shape: number[], values: readonly number[]): Constant =>
  constantOf("int64", shape, BigInt64Array.from(values, BigInt));

const all = (scope: Scope): Constant[] => scope.node.inputs.map((_, i) => scope.constant(i, "an operand"));

const reshaped = (x: Constant, shape: number[]): Constant => constantOf(x.dtype, shape, x.data);

type Numbers = (a: number, b: number) => number;
type BigInts = (a: bigint, b: bigint) => bigint;

/** Arithmetic in the operands' own type: 64-bit integers wrap, float32 is rounded once. */
function binary(numbers: Numbers, bigints: BigInts): Fold {
  return (scope) => {
    const [a, b] = [scope.constant(0, "an operand"), scope.constant(1, "an operand")];
    if (a.dtype !== b.dtype)
      throw scope.bad(`expected operands of one type, found ${a.dtype} and ${b.dtype}`);
    const shape = bounded(scope, broadcastShape(a.shape, b.shape, scope.where));
    const count = elementCount(shape);
    const left = gather(a.data, count, walk(shape, broadcastSteps(a.shape, shape)));
    const right = gather(b.data, count, walk(shape, broadcastSteps(b.shape, shape)));
    if (left instanceof BigInt64Array && right instanceof BigInt64Array) {
      if (scope.node.opType === "Div" && right.includes(0n)) throw scope.bad("division by zero");
      for (let i = 0; i < count; i++) left[i] = bigints(left[i], right[i]);
    } else if (!(left instanceof BigInt64Array) && !(right instanceof BigInt64Array)) {
      const isInteger = a.dtype !== "float32";
      if (isInteger && scope.node.opType === "Div" && right.includes(0)) throw scope.bad("division by zero");
      for (let i = 0; i < count; i++) {
        const value = numbers(left[i], right[i]);
        left[i] = isInteger ? Math.trunc(value) : value;
      }
    }
    return constantOf(a.dtype, shape, left);
  };
}

/** `bigints` computes whole numbers, which functions without it refuse. */
function unary(numbers: (x: number) => number, bigints?: (x: bigint) => bigint): Fold {
  return (scope) => {
    const x = scope.constant(0, "the operand");
    if (x.data instanceof Float32Array) return constantOf(x.dtype, x.shape, x.data.map(numbers));
    if (!bigints || (x.dtype !== "int32" && x.dtype !== "int64"))
      throw scope.unsupported(`${scope.node.opType} of a constant ${x.dtype}`);
    const data = x.data instanceof BigInt64Array ? x.data.map(bigints) : (x.data as Int32Array).map(numbers);
    return constantOf(x.dtype, x.shape, data);
  };
}

function cast(scope: Scope): Constant {
  const x = scope.constant(0, "the operand");
  const to = scope.intAttribute("to", 0);
  const dtype = to === 10 || to === 11 ? "float32" : dtypeOf(to);
  if (!dtype) throw scope.unsupported(`Cast to ${typeName(to)}`);
  if (dtype === x.dtype) return x;
  return constantOf(dtype, x.shape, castElements(x.data, x.dtype, dtype));
}

function gatherElements(scope: Scope): Constant {
  const x = scope.constant(0, "the data");
  const indices = scope.constant(1, "the indices");
  const axis = normalAxis(scope.intAttribute("axis", 0), x.shape.length, scope.where);
  const size = x.shape[axis];
  const picks = Array.from(indices.data as ArrayLike<number | bigint>, (i) => {
    const index = Number(i) < 0 ? Number(i) + size : Number(i);
    if (!(index >= 0 && index < size)) throw scope.bad(`expected indices below ${size}, found ${i}`);
    return index;
  });
  const shape = bounded(scope, [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]);
  const inner = elementCount(x.shape.slice(axis + 1));
  const data = gather(x.data, elementCount(shape), (i) => {
    const row = Math.floor(i / inner);
    return (Math.floor(row / picks.length) * size + picks[row % picks.length]) * inner + (i % inner);
  });
  return constantOf(x.dtype, shape, data);
}

function slice(scope: Scope): Constant {
  const x = scope.constant(0, "the data");
  const { begin, size, stride } = sliceParts(scope, x.shape);
  const strides = stridesOf(x.shape);
  const first = begin.reduce((at, n, d) => at + n * strides[d], 0);
  const at = walk(
    size,
    strides.map((n, d) => n * stride[d]),
  );
  return constantOf(
    x.dtype,
    size,
    gather(x.data, elementCount(size), (i) => first + at(i)),
  );
}

function concat(scope: Scope): Constant {
  const parts = all(scope);
  if (parts.length === 0) throw scope.bad("expected operands, found none");
  const [first] = parts;
  const axis = normalAxis(scope.intAttribute("axis", 0), first.shape.length, scope.where);
  const fits = (part: Constant) =>
    part.dtype === first.dtype &&
    part.shape.length === first.shape.length &&
    part.shape.every((d, i) => i === axis || d === first.shape[i]);
  if (!parts.every(fits)) throw scope.bad("expected operands of one type that differ only along the axis");
  const shape = [...first.shape];
  shape[axis] = parts.reduce((n, part) => n + part.shape[axis], 0);
  bounded(scope, shape);
  const data = newData(first.dtype, elementCount(shape));
  const outer = elementCount(first.shape.slice(0, axis));
  let offset = 0;
  for (let row = 0; row < outer; row++) {
    for (const part of parts) {
      const length = outer ? part.data.length / outer : 0;
      const rows = part.data.subarray(row * length, (row + 1) * length);
      (data as Float32Array).set(rows as Float32Array, offset);
      offset += length;
    }
  }
  return constantOf(first.dtype, shape, data);
}

function expand(scope: Scope): Constant {
  const x = scope.constant(0, "the data");
  const shape = bounded(scope, broadcastShape(x.shape, scope.integers(1, "the shape"), scope.where));
  return constantOf(
    x.dtype,
    shape,
    gather(x.data, elementCount(shape), walk(shape, broadcastSteps(x.shape, shape))),
  );
}

function range(scope: Scope): Constant {
  const [start, limit, delta] = [
    scope.scalar(0, "start"),
    scope.scalar(1, "limit"),
    scope.scalar(2, "delta"),
  ];
  if (delta === 0) throw scope.bad("expected a delta other than 0");
  const [count] = bounded(scope, [Math.max(0, Math.ceil((limit - start) / delta))]);
  const { dtype } = scope.constant(0, "start");
  const values = Array.from({ length: count }, (_, i) => start + i * delta);
  return dtype === "int64" ? int64s([count], values) : constantOf(dtype, [count], fill(dtype, values));
}

function fill(dtype: DType, values: number[]): TensorData {
  const data = newData(dtype, values.length);
  for (let i = 0; i < values.length; i++) (data as Float32Array)[i] = values[i];
  return data;
}

function constantOfShape(scope: Scope): Constant {
  const shape = bounded(scope, scope.integers(0, "the shape"));
  const value = scope.tensorAttribute("value");
  const dtype = value?.dtype ?? "float32";
  if (value && value.data.length !== 1) throw scope.bad(`expected one value, found ${value.data.length}`);
  const data = value ? gather(value.data, elementCount(shape), () => 0) : newData(dtype, elementCount(shape));
  return constantOf(dtype, shape, data);
}

function constantNode(scope: Scope): Constant {
  const tensor = scope.tensorAttribute("value");
  if (tensor) return tensor;
  const float = scope.attribute("value_float")?.f;
  if (float !== undefined) return constantOf("float32", [], Float32Array.of(float));
  const int = scope.attribute("value_int")?.i;
  if (int !== undefined) return int64s([], [int]);
  const floats = scope.attribute("value_floats")?.floats;
  if (floats) return constantOf("float32", [floats.length], Float32Array.from(floats));
  const ints = scope.attribute("value_ints")?.ints;
  if (ints) return int64s([ints.length], ints);
  throw scope.unsupported(
    `Constant without a dense number (${[...scope.node.attributes.keys()].join(", ")})`,
  );
}

function transposed(scope: Scope): Constant {
  const x = scope.constant(0, "the data");
  const perm = permOf(scope, x.shape.length);
  if (!isPermutation(perm, x.shape.length))
    throw scope.bad(`expected a permutation, found [${perm.join(", ")}]`);
  return permuteConstant(x, perm);
}

function shapeOf(scope: Scope): Constant {
  const { shape } = scope.input(0);
  const bound = (name: string, otherwise: number) => {
    const value = scope.intAttribute(name, otherwise);
    return Math.min(Math.max(value < 0 ? value + shape.length : value, 0), shape.length);
  };
  const part = shape.slice(bound("start", 0), bound("end", shape.length));
  return int64s([part.length], part);
}

function reduceProd(scope: Scope): Constant {
  const x = scope.constant(0, "the data");
  const axes = scope.intsAttribute("axes") ?? (scope.has(1) ? scope.integers(1, "axes") : [0]);
  if (x.dtype !== "int64" || x.shape.length !== 1 || normalAxes(axes, 1, scope.where).length !== 1) {
    throw scope.unsupported("ReduceProd of anything but a list of int64");
  }
  const product = (x.data as BigInt64Array).reduce((n, d) => BigInt.asIntN(64, n * d), 1n);
  return constantOf("int64", scope.intAttribute("keepdims", 1) ? [1] : [], BigInt64Array.of(product));
}

const first = (scope: Scope): Constant => scope.constant(0, "the operand");

/** Nodes that need only the shape of their operand. */
export const shapeFolds: Record<string, Fold> = {
  Shape: shapeOf,
  Size: (scope) => int64s([], [elementCount(scope.input(0).shape)]),
};

/** Nodes that are computed here when all their operands are constant. */
export const folds: Record<string, Fold> = {
  Constant: constantNode,
  ConstantOfShape: constantOfShape,
  Identity: first,
  Cast: cast,
  Gather: gatherElements,
  Slice: slice,
  Concat: concat,
  Expand: expand,
  Range: range,
  ReduceProd: reduceProd,
  Transpose: transposed,
  Reshape: (scope) => reshaped(first(scope), reshapedShape(scope, first(scope).shape)),
  Squeeze: (scope) => reshaped(first(scope), squeezedShape(scope, first(scope).shape)),
  Unsqueeze: (scope) => reshaped(first(scope), unsqueezedShape(scope, first(scope).shape)),
  Add: binary(
    (a, b) => a + b,
    (a, b) => a + b,
  ),
  Sub: binary(
    (a, b) => a - b,
    (a, b) => a - b,
  ),
  Mul: binary(
    (a, b) => a * b,
    (a, b) => a * b,
  ),
  Div: binary(
    (a, b) => a / b,
    (a, b) => a / b,
  ),
  ...arithmeticFolds,
  Neg: unary(
    (x) => -x,
    (x) => -x,
  ),
  Abs: unary(Math.abs, (x) => (x < 0n ? -x : x)),
  Sqrt: unary(Math.sqrt),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
};

/** Computes the node now if it can be; undefined when it has operands that exist only at run time. */
export function foldNode(scope: Scope): Constant | undefined {
  const type = keyOf(scope.node);
  if (Object.hasOwn(shapeFolds, type)) return shapeFolds[type](scope);
  if (!Object.hasOwn(folds, type)) return undefined;
  const operands: (Tensor | undefined)[] = scope.node.inputs.map((_, i) => scope.optional(i));
  if (!operands.every((operand) => operand === undefined || isConstant(operand))) return undefined;
  return folds[type](scope);
}
