/** A float graph that can be run backwards: what its weights had to do for its outputs to change as asked. */

import { elementCount, type Graph, type Node, type Tensor } from "../../graph/graph.ts";
import { NibbleError } from "../../runtime/errors.ts";
import { matrixOf } from "../layers/matrix.ts";
import { layerStep, type Places, type Step, type Trained } from "./layer.ts";
import { operatorStep } from "./operators.ts";
import type { Products } from "./products.ts";

export interface Network {
  /** Samples that are run together. */
  batch: number;
  layers: Trained[];
  /** What tensors hold after `forward`, sample by sample. */
  value(tensor: Tensor): Float32Array;
  /** What `backward` begins with: zeros, to be written after `forward`. */
  gradient(tensor: Tensor): Float32Array;
  /** All samples' values of each input, one sample after the other. */
  forward(inputs: readonly Float32Array[]): void;
  /** Adds to the gradients of all layers. */
  backward(): void;
}

/** @throws NibbleError "unsupported" naming an operator that has no backward form here. */
export function createNetwork(graph: Graph, batch: number, products: Products): Network {
  const values = new Map<Tensor, Float32Array>();
  const gradients = new Map<Tensor, Float32Array>();
  const arrayIn = (map: Map<Tensor, Float32Array>, tensor: Tensor): Float32Array => {
    const made = map.get(tensor) ?? new Float32Array(batch * elementCount(tensor.shape));
    map.set(tensor, made);
    return made;
  };
  const places: Places = {
    batch,
    value: (tensor) => arrayIn(values, tensor),
    gradient: (tensor) => arrayIn(gradients, tensor),
  };
  const layers: Trained[] = [];
  /** What follows from the inputs alone is not asked for. */
  const fixed = new Set(graph.inputs);
  if ((graph.states ?? []).length > 0) throw refusal("a state", graph.states![0]!.name);
  const steps = graph.nodes.map((node): Step => {
    const [input] = node.inputs;
    if (node.op === "reshape" && input && fixed.has(input)) fixed.add(node.outputs[0]);
    const matrix = matrixOf(node);
    if (matrix) {
      const step = layerStep(matrix, places, products, !fixed.has(matrix.input));
      layers.push(step.trained);
      return step;
    }
    const step = isFloat(node) && operatorStep(node, places);
    if (step) return step;
    throw refusal(node.op, node.name);
  });
  return {
    ...places,
    layers,
    forward(inputs) {
      for (const [i, input] of graph.inputs.entries()) places.value(input).set(inputs[i]);
      for (const step of steps) step.forward();
      for (const tensor of gradients.values()) tensor.fill(0);
    },
    backward() {
      for (let i = steps.length - 1; i >= 0; i--) steps[i].backward();
    },
  };
}

const isFloat = ({ inputs, outputs }: Node): boolean =>
  [...inputs, ...outputs].every((tensor) => !tensor || tensor.dtype === "float32");

const refusal = (what: string, name: string): NibbleError =>
  new NibbleError(
    "unsupported",
    `${what} "${name}": training runs backwards through layers, relu, add, pooling, means, softmax and reshapes; leave --recover and --prune-channels out`,
  );
