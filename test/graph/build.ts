import {
  type Attributes,
  elementCount,
  type Graph,
  type Node,
  noActivation,
  type OperatorName,
  type Quantization,
  type Tensor,
} from "../../src/graph/graph.ts";

const perTensor = (scale: number, zeroPoint: number): Quantization => ({
  scale: Float32Array.of(scale),
  zeroPoint: Int32Array.of(zeroPoint),
  axis: 0,
});

export const float = (name: string, shape: number[]): Tensor => ({ name, dtype: "float32", shape });

export const int8 = (name: string, shape: number[], scale = 0.5, zeroPoint = 0): Tensor => ({
  name,
  dtype: "int8",
  shape,
  quantization: perTensor(scale, zeroPoint),
});

/** A float constant; without values it counts 1, 2, 3 … */
export const constant = (name: string, shape: number[], values?: number[]): Tensor => ({
  name,
  dtype: "float32",
  shape,
  data: Float32Array.from(values ?? Array.from({ length: elementCount(shape) }, (_, i) => i + 1)),
});

/** A node named after its output. */
export const node = <K extends OperatorName>(
  op: K,
  inputs: (Tensor | null)[],
  output: Tensor,
  attributes: Attributes[K],
): Node => ({ op, name: output.name, inputs, outputs: [output], attributes }) as unknown as Node;

export const graph = (inputs: Tensor[], nodes: Node[], outputs: Tensor[]): Graph => ({
  name: "test",
  nodes,
  inputs,
  outputs,
  rounding: "single",
});

export const plain = { activation: noActivation };

export const window = {
  stride: [1, 1] as [number, number],
  dilation: [1, 1] as [number, number],
  padding: { top: 0, left: 0, bottom: 0, right: 0 },
  activation: noActivation,
};

const nameOf = (tensor: Tensor | null): string => (tensor ? tensor.name + (tensor.data ? "*" : "") : "–");

/** One line per node: `y [1,2] = conv2d(x, w*, –)`; constants have a star. */
export const lines = (g: Graph): string[] =>
  g.nodes.map(
    (n) => `${n.outputs[0].name} [${n.outputs[0].shape}] = ${n.op}(${n.inputs.map(nameOf).join(", ")})`,
  );

export const attributesOf = (g: Graph, name: string): Node["attributes"] =>
  g.nodes.find((n) => n.outputs[0].name === name)!.attributes;

/** The values of constant operand `index` of the node that makes `name`. */
export const valuesOf = (g: Graph, name: string, index: number): number[] =>
  Array.from(g.nodes.find((n) => n.outputs[0].name === name)!.inputs[index]!.data as Float32Array);
