import type { NodeOf, Tensor } from "../../src/graph/graph.ts";
import { dequantizeValue, quantizeValue } from "../../src/numerics/convert.ts";
import { floatUnary } from "../../src/numerics/floatUnary.ts";
import { fixedElement, fixedRequantize, fixedUnary, quantizeInt16 } from "../../src/numerics/int16.ts";
import { quantizeLinearValue } from "../../src/numerics/quantize-linear.ts";
import { quantizedRange } from "../../src/numerics/range.ts";
import { requantizeTable, unaryTable } from "../../src/numerics/table.ts";
import {
  emptyNumbers,
  endOf,
  isInt16,
  isQuantized,
  type Numbers,
  numbers,
  type Operands,
  refuse,
  scalarQuantization,
} from "./tensor.ts";

/** y = table[x & 255], bytes read as the output's type. */
export function throughTable(x: ArrayLike<number>, table: Uint8Array, y: Tensor): Numbers {
  const bytes = Uint8Array.from(x, (q) => table[q & 255]);
  return y.dtype === "int8" ? new Int8Array(bytes.buffer) : bytes;
}

export function unary(node: NodeOf<"unary">, operands: Operands): Numbers {
  const [y] = node.outputs;
  const x = numbers(operands, 0);
  if (isInt16(y)) {
    const how = fixedUnary(operands.graph.rounding, node.attributes, endOf(node.inputs[0]!), endOf(y));
    if (!how) throw refuse(node, "no such operator of int16");
    return emptyNumbers(y).map((_: number, i: number) => fixedElement(how, x[i])) as Numbers;
  }
  if (!isQuantized(y))
    return emptyNumbers(y).map((_: number, i: number) => floatUnary(x[i], node.attributes)) as Numbers;
  const table = unaryTable(operands.graph.rounding, node.attributes, endOf(node.inputs[0]!), endOf(y));
  return throughTable(x, table, y);
}

export function quantize(node: NodeOf<"quantize">, operands: Operands): Numbers {
  const [x] = node.inputs;
  const [y] = node.outputs;
  const { rounding } = operands.graph;
  const values = numbers(operands, 0);
  if (x!.dtype === "float32") {
    const output = scalarQuantization(y);
    const range = quantizedRange(y.dtype);
    return emptyNumbers(y).map((_: number, i: number) =>
      node.attributes.divides
        ? quantizeLinearValue(values[i], output.scale, output.zeroPoint, range, false)
        : isInt16(y)
          ? quantizeInt16(values[i], output)
          : quantizeValue(values[i], output, range, rounding),
    ) as Numbers;
  }
  if (!isQuantized(x!) || !isQuantized(y)) {
    const how = fixedRequantize(endOf(x!), endOf(y));
    return emptyNumbers(y).map((_: number, i: number) => fixedElement(how, values[i])) as Numbers;
  }
  return throughTable(values, requantizeTable(rounding, endOf(x!), endOf(y)), y);
}

export function dequantize(node: NodeOf<"dequantize">, operands: Operands): Numbers {
  const input = scalarQuantization(node.inputs[0]!);
  return Float32Array.from(numbers(operands, 0), (q) => dequantizeValue(q, input));
}
