import { elementCount, type NodeOf } from "../../src/graph/graph.ts";
import { indexOf, type Numbers, numbers, type Operands } from "./tensor.ts";

export function integerConv2d(node: NodeOf<"integerConv2d">, operands: Operands): Numbers {
  const { stride, padding, dilation, groups } = node.attributes;
  const [x, w] = [numbers(operands, 0), numbers(operands, 1)];
  const bias = node.inputs[2] ? numbers(operands, 2) : undefined;
  const [, height, width, channels] = node.inputs[0]!.shape;
  const [filters, kernelH, kernelW, perGroup] = node.inputs[1]!.shape;
  const { shape } = node.outputs[0];
  return new Int32Array(elementCount(shape)).map((_, at) => {
    const [b, oh, ow, o] = indexOf(at, shape);
    const first = Math.floor(o / (filters / groups)) * perGroup;
    let sum = bias?.[o] ?? 0;
    for (let kh = 0; kh < kernelH; kh++) {
      for (let kw = 0; kw < kernelW; kw++) {
        const h = oh * stride[0] + kh * dilation[0] - padding.top;
        const v = ow * stride[1] + kw * dilation[1] - padding.left;
        if (h < 0 || h >= height || v < 0 || v >= width) continue;
        for (let c = 0; c < perGroup; c++) {
          const pixel = x[((b * height + h) * width + v) * channels + first + c];
          sum = (sum + Math.imul(pixel, w[((o * kernelH + kh) * kernelW + kw) * perGroup + c])) | 0;
        }
      }
    }
    return sum;
  });
}

export function integerMatMul(node: NodeOf<"integerMatMul">, operands: Operands): Numbers {
  const [a, b] = [numbers(operands, 0), numbers(operands, 1)];
  const [aShape, bShape] = node.inputs.map((tensor) => tensor!.shape);
  const [rows, depth, columns] = [aShape.at(-2)!, aShape.at(-1)!, bShape.at(-2)!];
  const batches = elementCount(node.outputs[0].shape.slice(0, -2));
  const y = new Int32Array(elementCount(node.outputs[0].shape));
  for (let i = 0; i < batches; i++) {
    const left = aShape.slice(0, -2).some((d) => d > 1) ? i * rows * depth : 0;
    const right = bShape.slice(0, -2).some((d) => d > 1) ? i * columns * depth : 0;
    for (let m = 0; m < rows; m++) {
      for (let n = 0; n < columns; n++) {
        let sum = 0;
        for (let k = 0; k < depth; k++)
          sum = (sum + Math.imul(a[left + m * depth + k], b[right + n * depth + k])) | 0;
        y[(i * rows + m) * columns + n] = sum;
      }
    }
  }
  return y;
}
