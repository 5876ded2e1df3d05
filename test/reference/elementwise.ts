import type { NodeOf } from "../../src/graph/graph.ts";
import { addParameters, addQuantized } from "../../src/numerics/add.ts";
import { fixedBinary, fixedElement } from "../../src/numerics/int16.ts";
import { activationRange } from "../../src/numerics/range.ts";
import { mulRequantization, requantize } from "../../src/numerics/requantize.ts";
import { clamp } from "../../src/numerics/rounding.ts";
import {
  emptyNumbers,
  endOf,
  indexOf,
  isInt16,
  isQuantized,
  type Numbers,
  numbers,
  type Operands,
  refuse,
  scalarQuantization,
  stridesOf,
} from "./tensor.ts";

const f = Math.fround;

type BinaryNode = NodeOf<"add"> | NodeOf<"sub"> | NodeOf<"mul">;

/** Position in an operand of `shape` of the element that meets output element `index`. */
function broadcastPosition(index: readonly number[], shape: readonly number[]): number {
  const steps = stridesOf(shape);
  const own = index.slice(index.length - shape.length);
  return own.reduce((at, i, d) => at + (shape[d] === 1 ? 0 : i * steps[d]), 0);
}

function floatOf(node: BinaryNode): (a: number, b: number) => number {
  const { min, max } = node.attributes.activation;
  const operation = {
    add: (a: number, b: number) => a + b,
    sub: (a: number, b: number) => a - b,
    mul: (a: number, b: number) => a * b,
  }[node.op];
  return (a, b) => clamp(f(operation(a, b)), f(min), f(max));
}

function quantizedOf(node: BinaryNode, { graph: { rounding } }: Operands): (a: number, b: number) => number {
  const a = scalarQuantization(node.inputs[0]!);
  const b = scalarQuantization(node.inputs[1]!);
  const y = scalarQuantization(node.outputs[0]);
  const range = activationRange(node.attributes.activation, y, node.outputs[0].dtype, rounding);
  if (node.op === "mul") {
    const how = mulRequantization(rounding, a.scale, b.scale, y.scale);
    return (qa, qb) => requantize((qa - a.zeroPoint) * (qb - b.zeroPoint), how, y.zeroPoint, range);
  }
  const how = addParameters(rounding, a, b, y, node.op === "sub" ? -1 : 1);
  return (qa, qb) => addQuantized(qa, qb, how, y.zeroPoint, range);
}

function int16Of(node: BinaryNode, { graph: { rounding } }: Operands): (a: number, b: number) => number {
  const [a, b, y] = [node.inputs[0]!, node.inputs[1]!, node.outputs[0]].map(endOf);
  const how = fixedBinary(rounding, node.op, [a!, b!, y!], node.attributes.activation);
  return (qa, qb) => fixedElement(how, qa, qb);
}

export function binary(node: BinaryNode, operands: Operands): Numbers {
  const [y] = node.outputs;
  if (y.dtype !== "float32" && !isInt16(y) && !isQuantized(y))
    throw refuse(node, `${y.dtype} has no arithmetic here`);
  const operationOf = isInt16(y) ? int16Of : isQuantized(y) ? quantizedOf : floatOf;
  const operation = operationOf(node, operands);
  const a = numbers(operands, 0);
  const b = numbers(operands, 1);
  return emptyNumbers(y).map((_: number, flat: number) => {
    const index = indexOf(flat, y.shape);
    return operation(
      a[broadcastPosition(index, node.inputs[0]!.shape)],
      b[broadcastPosition(index, node.inputs[1]!.shape)],
    );
  }) as Numbers;
}
