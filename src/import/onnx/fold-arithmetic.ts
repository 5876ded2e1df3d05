import { type BinaryKind, elementCount, isComparison } from "../../graph/graph.ts";
import {
  broadcastSteps,
  type Constant,
  maxFoldedElements,
  newData,
  walk,
} from "../../graph/passes/constant.ts";
import { floatBinary, wholeBinary } from "../../numerics/binary.ts";
import { wrapWhole } from "../../numerics/cast.ts";
import type { Scope } from "./scope.ts";
import { broadcastShape, checkedCount } from "./shape.ts";

type Fold = (scope: Scope) => Constant;

/** The shape that operands broadcast to, small enough for a constant. */
function commonShape(scope: Scope, operands: readonly Constant[]): number[] {
  const shape = operands.reduce<number[]>((s, t) => broadcastShape(s, t.shape, scope.where), []);
  const count = checkedCount(shape, scope.where);
  if (count > maxFoldedElements)
    throw scope.bad(
      `expected a constant of at most ${maxFoldedElements} elements, found [${shape.join(", ")}]`,
    );
  scope.checkRoom(count);
  return shape;
}

/** By the runtime's own rules, in the operands' type. */
function compute(scope: Scope, kind: BinaryKind, a: Constant, b: Constant): Constant {
  if (a.dtype !== b.dtype) throw scope.bad(`expected operands of one type, found ${a.dtype} and ${b.dtype}`);
  const shape = commonShape(scope, [a, b]);
  const [left, right] = [a, b].map((t) => walk(shape, broadcastSteps(t.shape, shape)));
  const dtype = isComparison(kind) ? "bool" : a.dtype;
  const data = newData(dtype, elementCount(shape));
  for (let i = 0; i < data.length; i++) {
    const [p, q] = [a.data[left(i)], b.data[right(i)]];
    if (a.dtype === "float32") data[i] = floatBinary(kind, p as number, q as number);
    else {
      const v = wrapWhole(wholeBinary(kind, BigInt(p), BigInt(q)), dtype);
      data[i] = data instanceof BigInt64Array ? v : Number(v);
    }
  }
  return { name: "", dtype, shape, data };
}

const operandsOf = (scope: Scope): Constant[] =>
  scope.node.inputs.map((_, i) => scope.constant(i, "an operand"));

/** Any number of operands, from the left. */
const folded =
  (kind: BinaryKind): Fold =>
  (scope) => {
    const operands = operandsOf(scope);
    if (operands.length === 0) throw scope.bad("expected operands, found none");
    return operands.reduce((a, b) => compute(scope, kind, a, b));
  };

function mod(scope: Scope): Constant {
  const [a, b] = operandsOf(scope);
  if (!a || !b || a.dtype === "float32") throw scope.unsupported("operands other than whole numbers");
  return compute(scope, scope.intAttribute("fmod", 0) ? "remainder" : "floorMod", a, b);
}

function where(scope: Scope): Constant {
  const [condition, a, b] = [0, 1, 2].map((i) => scope.constant(i, "an operand"));
  if (condition.dtype !== "bool" || a.dtype !== b.dtype)
    throw scope.bad(`expected bool and values of one type, found ${condition.dtype}, ${a.dtype}, ${b.dtype}`);
  const shape = commonShape(scope, [condition, a, b]);
  const at = [condition, a, b].map((t) => walk(shape, broadcastSteps(t.shape, shape)));
  const data = newData(a.dtype, elementCount(shape));
  for (let i = 0; i < data.length; i++) {
    const [c, p, q] = at.map((position) => position(i));
    data[i] = condition.data[c] ? a.data[p] : b.data[q];
  }
  return { name: "", dtype: a.dtype, shape, data };
}

function not(scope: Scope): Constant {
  const x = scope.constant(0, "the operand");
  if (x.dtype !== "bool") throw scope.bad(`expected bool, found ${x.dtype}`);
  const data = (x.data as Uint8Array).map((v) => (v ? 0 : 1));
  return { name: "", dtype: "bool", shape: x.shape, data };
}

/** Comparisons, logic and choices on constants, as the shapes of a model are computed with. */
export const arithmeticFolds: Record<string, Fold> = {
  And: folded("and"),
  Or: folded("or"),
  Xor: folded("xor"),
  Not: not,
  Equal: folded("equal"),
  Greater: folded("greater"),
  GreaterOrEqual: folded("greaterEqual"),
  Less: folded("less"),
  LessOrEqual: folded("lessEqual"),
  Max: folded("maximum"),
  Min: folded("minimum"),
  Mod: mod,
  Where: where,
};
