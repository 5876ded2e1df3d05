import { elementCount } from "../../graph/graph.ts";
import { broadcastSteps, type Constant, gather, walk } from "../../graph/passes/constant.ts";
import type { Scope } from "./scope.ts";
import { broadcastShape, checkedCount } from "./shape.ts";

const bools = (shape: number[], data: Uint8Array): Constant => ({ name: "", dtype: "bool", shape, data });

/** The operand's elements as `shape` broadcasts them. */
const spread = (x: Constant, shape: number[]) =>
  gather(x.data, elementCount(shape), walk(shape, broadcastSteps(x.shape, shape)));

function comparison(holds: (a: number | bigint, b: number | bigint) => boolean) {
  return (scope: Scope): Constant => {
    const [a, b] = [scope.constant(0, "an operand"), scope.constant(1, "an operand")];
    if (a.dtype !== b.dtype)
      throw scope.bad(`expected operands of one type, found ${a.dtype} and ${b.dtype}`);
    const shape = broadcastShape(a.shape, b.shape, scope.where);
    checkedCount(shape, scope.where);
    const right = spread(b, shape);
    return bools(
      shape,
      Uint8Array.from(spread(a, shape) as ArrayLike<number>, (v, i) => (holds(v, right[i]) ? 1 : 0)),
    );
  };
}

function not(scope: Scope): Constant {
  const x = scope.constant(0, "the operand");
  return bools(
    x.shape,
    Uint8Array.from(x.data as Uint8Array, (v) => (v ? 0 : 1)),
  );
}

function where(scope: Scope): Constant {
  const [condition, a, b] = [0, 1, 2].map((i) => scope.constant(i, "an operand"));
  if (a.dtype !== b.dtype) throw scope.bad(`expected operands of one type, found ${a.dtype} and ${b.dtype}`);
  const shape = broadcastShape(condition.shape, broadcastShape(a.shape, b.shape, scope.where), scope.where);
  checkedCount(shape, scope.where);
  const [chosen, data, other] = [condition, a, b].map((x) => spread(x, shape));
  for (let i = 0; i < data.length; i++) if (!chosen[i]) data[i] = other[i];
  return { name: "", dtype: a.dtype, shape, data };
}

/** Comparisons and choices between constants: what decides the conditions of If nodes. */
export const logicFolds: Record<string, (scope: Scope) => Constant> = {
  And: comparison((a, b) => Boolean(a) && Boolean(b)),
  Equal: comparison((a, b) => a === b),
  Greater: comparison((a, b) => a > b),
  GreaterOrEqual: comparison((a, b) => a >= b),
  Less: comparison((a, b) => a < b),
  LessOrEqual: comparison((a, b) => a <= b),
  Not: not,
  Or: comparison((a, b) => Boolean(a) || Boolean(b)),
  Where: where,
};
