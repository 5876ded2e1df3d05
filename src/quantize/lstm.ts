/** LSTMs in integers: int8 values, a cell of int16, weights with a scale per gate. */

import type { Graph, Node, NodeOf, Tensor } from "../graph/graph.ts";
import type { Affine } from "./affine.ts";
import { symmetricScale } from "./affine.ts";
import { floats } from "./weights.ts";

const gates = 4;
/** The cell then spans −16…16: tanh is flat long before. */
const cellScale = 2 ** -11;

/**
 * Whether the integer kernel can stand for a node: an LSTM of constant weights whose h and c are the model's own states,
 * which nothing else reads.
 */
export function hasIntegerForm(graph: Graph, node: Node): node is NodeOf<"recurrent"> {
  if (node.op !== "recurrent" || node.attributes.cell !== "lstm") return false;
  const [, weights, recurrent, bias, extra] = node.inputs;
  const isConstant = [weights, recurrent, bias].every((t) => !t || t.data instanceof Float32Array);
  if (!isConstant || !weights || !recurrent || extra) return false;
  const [, ...ends] = node.outputs;
  return ends.every((end, i) => {
    const state = graph.states?.find(({ value }) => value === node.inputs[5 + i]);
    const isOwn = state?.next === end && state.initial === undefined;
    const readers = graph.nodes.filter(
      ({ inputs }) => inputs.includes(end) || inputs.includes(state?.value ?? null),
    );
    const isOnly =
      readers.length === 1 && readers[0] === node && node.inputs.indexOf(state?.value ?? null) === 5 + i;
    return isOwn && isOnly && !graph.outputs.includes(end);
  });
}

/** A cell state in the kernel's type. */
export const cellTensor = ({ name, shape }: Tensor): Tensor => ({
  name,
  dtype: "int16",
  shape: [...shape],
  quantization: { scale: Float32Array.of(cellScale), zeroPoint: Int32Array.of(0), axis: 0 },
});

/** Weights, recurrent weights and bias of an LSTM whose input has this scale. */
export function lstmConstants(node: NodeOf<"recurrent">, input: Affine): (Tensor | null)[] {
  const [, weights, recurrent, bias] = node.inputs;
  const x = perGate(weights!);
  const values = bias && floats(bias);
  const scales = x.quantization!.scale.map((s) => s * input.scale);
  return [
    x,
    perGate(recurrent!),
    values && {
      name: bias.name,
      dtype: "int32",
      shape: [...bias.shape],
      quantization: { scale: scales, zeroPoint: new Int32Array(scales.length), axis: 0 },
      data: Int32Array.from(values, (value, row) => Math.round(value / scales[row])),
    },
  ];
}

function perGate({ name, shape, ...rest }: Tensor): Tensor {
  const values = floats({ name, shape, ...rest });
  const perGateCount = values.length / gates;
  const scaleOf = Array.from({ length: gates }, (_, gate) => {
    let reach = 0;
    for (const value of values.subarray(gate * perGateCount, (gate + 1) * perGateCount))
      reach = Math.max(reach, Math.abs(value));
    return symmetricScale(reach) || 1;
  });
  return {
    name,
    dtype: "int8",
    shape: [...shape],
    quantization: {
      scale: Float32Array.from(
        { length: shape[0] },
        (_, row) => scaleOf[Math.floor((row * gates) / shape[0])],
      ),
      zeroPoint: new Int32Array(shape[0]),
      axis: 0,
    },
    data: Int8Array.from(values, (value, i) => Math.round(value / scaleOf[Math.floor(i / perGateCount)])),
  };
}
