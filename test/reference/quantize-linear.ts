import type { NodeOf, Tensor } from "../../src/graph/graph.ts";
import {
  dequantizeLinearValue,
  entryOf,
  linearRange,
  quantizeLinearValue,
  dynamicRange as rangeOf,
  scaleLayout,
} from "../../src/numerics/quantize-linear.ts";
import { emptyNumbers, type Numbers, numbers, type Operands } from "./tensor.ts";

/** The value of operand `position` that belongs to element `at` of x; `otherwise` where there is no such operand. */
function entries(
  inputs: (Tensor | null)[],
  operands: Operands,
  position: number,
  { axis, block }: { axis: number; block: number },
  otherwise: number,
): (at: number) => number {
  const tensor = inputs[position];
  if (!tensor) return () => otherwise;
  const values = numbers(operands, position);
  const layout = scaleLayout(inputs[0]!.shape, tensor.shape, axis, block);
  return (at) => values[entryOf(layout, at)];
}

export function quantizeLinear(node: NodeOf<"quantizeLinear">, operands: Operands): Numbers {
  const [y] = node.outputs;
  const x = numbers(operands, 0);
  const scale = entries(node.inputs, operands, 1, node.attributes, 1);
  const zero = entries(node.inputs, operands, 2, node.attributes, 0);
  return emptyNumbers(y).map((_: number, at: number) =>
    quantizeLinearValue(x[at], scale(at), zero(at), linearRange(y), node.attributes.multiplies),
  ) as Numbers;
}

export function dequantizeLinear(node: NodeOf<"dequantizeLinear">, operands: Operands): Numbers {
  const scale = entries(node.inputs, operands, 1, node.attributes, 1);
  const zero = entries(node.inputs, operands, 2, node.attributes, 0);
  return Float32Array.from(numbers(operands, 0), (q, at) => dequantizeLinearValue(q, scale(at), zero(at)));
}

export function center(node: NodeOf<"center">, operands: Operands): Numbers {
  const zero = entries(node.inputs, operands, 1, { axis: node.attributes.axis, block: 0 }, 0);
  return Int16Array.from(numbers(operands, 0), (q, at) => q - zero(at));
}

export function dynamicRange(node: NodeOf<"dynamicRange">, operands: Operands): Numbers {
  const { scale, zeroPoint } = rangeOf(numbers(operands, 0) as Float32Array);
  return node.outputs[0].dtype === "float32" ? Float32Array.of(scale) : Uint8Array.of(zeroPoint);
}
