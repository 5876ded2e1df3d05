import { type Graph, type Node, noActivation, type Tensor, type UnaryKind } from "../../src/graph/graph.ts";
import { graphOf, node, quantization, randomFrom, unpadded } from "../helpers/graphs.ts";

/** Layers and elementwise operators of int16: every kind of sum, and a product of int8. */
export function int16Network(): Graph {
  const random = randomFrom(9);
  const nodes: Node[] = [];
  let count = 0;
  const wide = (shape: number[], scale = 0.001): Tensor => ({
    name: `t${count++}`,
    dtype: "int16",
    shape,
    quantization: quantization(scale, 0),
  });
  const add = (made: Node): Tensor => {
    nodes.push(made);
    return made.outputs[0]!;
  };
  const weights = (shape: number[], axis: number): Tensor => ({
    name: `w${count++}`,
    dtype: "int8",
    shape,
    quantization: quantization(
      Array.from({ length: shape[axis]! }, () => random.real(0.001, 0.02)),
      0,
      axis,
    ),
    data: new Int8Array(shape.reduce((p, d) => p * d, 1)).map(() => random.int(-128, 127)),
  });
  const bias: Tensor = {
    name: "b",
    dtype: "int64",
    shape: [5],
    data: BigInt64Array.of(1n, -2n, 3n, 70000n, 0n),
  };
  const window = {
    stride: [1, 1] as [number, number],
    dilation: [1, 1] as [number, number],
    activation: noActivation,
  };
  const real: Tensor = { name: "x", dtype: "float32", shape: [1, 4, 3, 3] };
  const x = add(node("quantize", [real], wide([1, 4, 3, 3]), {}));
  const around = { top: 1, left: 1, bottom: 1, right: 1 };
  const conv = { ...window, padding: around, groups: 1 };
  const c = add(node("conv2d", [x, weights([5, 3, 3, 3], 0), bias], wide([1, 4, 3, 5]), conv));
  const d = add(
    node("depthwiseConv2d", [c, weights([1, 2, 2, 5], 3), null], wide([1, 3, 2, 5]), {
      ...window,
      padding: unpadded,
      multiplier: 1,
    }),
  );
  const rows = add(node("reshape", [d], wide([6, 5]), {}));
  const dense = node("fullyConnected", [rows, weights([4, 5], 0), null], wide([6, 4]), {
    activation: noActivation,
  });
  let y = add(dense);
  const plain = { activation: noActivation };
  y = add(node("add", [y, y], wide([6, 4], 0.002), plain));
  y = add(node("mul", [y, dense.outputs[0]!], wide([6, 4]), plain));
  for (const kind of ["leakyRelu", "logistic", "tanh"] as UnaryKind[])
    y = add(node("unary", [y], wide([6, 4], kind === "leakyRelu" ? 0.001 : 2 ** -15), { kind, alpha: 0.3 }));
  const narrow = (name: string, shape: number[]): Tensor => ({
    name,
    dtype: "int8",
    shape,
    quantization: quantization(0.01, 3),
  });
  const a = add(node("quantize", [y], narrow("a", [6, 4]), {}));
  const product = { transposeA: true, transposeB: false, activation: noActivation };
  const p = add(node("matmul", [a, a, null], narrow("p", [4, 4]), product));
  const z = add(node("dequantize", [d], { name: "z", dtype: "float32", shape: d.shape }, {}));
  return graphOf(nodes, "single", [p, y, z]);
}
