import {
  type Attributes,
  elementCount,
  type Graph,
  type Node,
  noActivation,
  type OperatorName,
  type Tensor,
  type TensorData,
} from "../../src/graph/graph.ts";
import type { Executor } from "../../src/quantize/executor.ts";

export const activation = (name: string, shape: number[]): Tensor => ({ name, dtype: "float32", shape });

export function constant(name: string, shape: number[], values: ArrayLike<number>): Tensor {
  if (values.length !== elementCount(shape)) throw new RangeError(`${name}: ${values.length} values`);
  return { name, dtype: "float32", shape, data: Float32Array.from(values) };
}

export const operator = <K extends OperatorName>(
  op: K,
  inputs: (Tensor | null)[],
  output: Tensor,
  attributes: Attributes[K],
): Node => ({ op, name: `${output.name} node`, inputs, outputs: [output], attributes }) as Node;

export const graphOf = (inputs: Tensor[], nodes: Node[], outputs: Tensor[]): Graph => ({
  name: "test",
  nodes,
  inputs,
  outputs,
  rounding: "single",
});

const unpadded = { top: 0, left: 0, bottom: 0, right: 0 };

export const convolution: Attributes["conv2d"] = {
  stride: [1, 1],
  dilation: [1, 1],
  padding: unpadded,
  groups: 1,
  activation: noActivation,
};

export const pooling: Attributes["averagePool2d"] = {
  kernel: [2, 2],
  stride: [2, 2],
  padding: unpadded,
  activation: noActivation,
  countIncludePad: false,
};

/** Uniform in −1…1, the same on every run. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

export const randomValues = (count: number, seed: number, scale = 1): Float32Array => {
  const next = random(seed);
  return Float32Array.from({ length: count }, () => scale * next());
};

/** An executor whose tensors hold what `values` says for the inputs of the last run. */
export function fakeExecutor(values: (tensor: Tensor, inputs: TensorData[]) => TensorData): Executor & {
  disposed: boolean;
} {
  let inputs: TensorData[] = [];
  const executor = {
    disposed: false,
    run(given: TensorData[]) {
      inputs = given;
    },
    read: (tensor: Tensor) => values(tensor, inputs),
    dispose() {
      executor.disposed = true;
    },
  };
  return executor;
}
