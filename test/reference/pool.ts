import type { NodeOf } from "../../src/graph/graph.ts";
import { divideRoundingAway } from "../../src/numerics/mean.ts";
import { activationRange } from "../../src/numerics/range.ts";
import { clamp } from "../../src/numerics/rounding.ts";
import {
  emptyNumbers,
  indexOf,
  isQuantized,
  type Numbers,
  numbers,
  type Operands,
  refuse,
  scalarQuantization,
} from "./tensor.ts";

const f = Math.fround;

/** The taps of every output, in (kh, kw) order: values inside the image, and how many fell outside. */
function pool(
  node: NodeOf<"averagePool2d"> | NodeOf<"maxPool2d">,
  operands: Operands,
  reduce: (taps: number[], outside: number) => number,
): Numbers {
  const x = numbers(operands, 0);
  const [y] = node.outputs;
  const { stride, kernel, padding } = node.attributes;
  const [, height, width, channels] = node.inputs[0]!.shape;
  return emptyNumbers(y).map((_: number, flat: number) => {
    const [n, row, column, c] = indexOf(flat, y.shape);
    const taps: number[] = [];
    for (let kh = 0; kh < kernel[0]; kh++) {
      for (let kw = 0; kw < kernel[1]; kw++) {
        const h = row * stride[0] - padding.top + kh;
        const w = column * stride[1] - padding.left + kw;
        if (h < 0 || h >= height || w < 0 || w >= width) continue;
        taps.push(x[((n * height + h) * width + w) * channels + c]);
      }
    }
    return reduce(taps, kernel[0] * kernel[1] - taps.length);
  }) as Numbers;
}

function requireSameQuantization(node: NodeOf<"averagePool2d"> | NodeOf<"maxPool2d">) {
  const x = scalarQuantization(node.inputs[0]!);
  const y = scalarQuantization(node.outputs[0]);
  if (x.scale !== y.scale || x.zeroPoint !== y.zeroPoint)
    throw refuse(node, "expected equal quantization of input and output");
  return y;
}

export function averagePool2d(node: NodeOf<"averagePool2d">, operands: Operands): Numbers {
  const { activation, countIncludePad } = node.attributes;
  const [y] = node.outputs;
  if (!isQuantized(y)) {
    return pool(node, operands, (taps, outside) => {
      const sum = taps.reduce((acc, value) => f(acc + value), 0);
      const mean = f(sum / (taps.length + (countIncludePad ? outside : 0)));
      return clamp(mean, f(activation.min), f(activation.max));
    });
  }
  const { zeroPoint, ...rest } = requireSameQuantization(node);
  const range = activationRange(activation, { zeroPoint, ...rest }, y.dtype, "double");
  return pool(node, operands, (taps, outside) => {
    const padded = countIncludePad ? outside : 0;
    const sum = taps.reduce((acc, value) => acc + value, 0) + padded * zeroPoint;
    return clamp(divideRoundingAway(sum, taps.length + padded), range.min, range.max);
  });
}

export function maxPool2d(node: NodeOf<"maxPool2d">, operands: Operands): Numbers {
  const { activation } = node.attributes;
  const [y] = node.outputs;
  const range = isQuantized(y)
    ? activationRange(activation, requireSameQuantization(node), y.dtype, operands.graph.rounding)
    : { min: f(activation.min), max: f(activation.max) };
  return pool(node, operands, (taps) => clamp(Math.max(...taps), range.min, range.max));
}
