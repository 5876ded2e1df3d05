import {
  elementCount,
  type Graph,
  type Node,
  type Quantization,
  type State,
  type Tensor,
} from "../graph/graph.ts";

type QuantizedTensor = Tensor & { quantization: Quantization };

/** Plain bytes, without scale and zero point, stay uint8: they are only moved. */
const isLowered = (t: Tensor): t is QuantizedTensor => t.dtype === "uint8" && t.quantization !== undefined;

/**
 * The same graph with int8 in place of uint8 inside: every value and zero point less 128, so each real value
 * stays. uint8 without a scale stays too. Inputs and outputs keep their type behind a `quantize` that only flips the sign bit. `twins` are the
 * int8 tensors that stand for uint8 ones.
 */
export function lowerUint8(graph: Graph): { graph: Graph; twins: Set<Tensor> } {
  const twins = new Map<Tensor, Tensor>();
  const signed = (t: Tensor): Tensor => {
    if (!isLowered(t)) return t;
    const known = twins.get(t);
    if (known) return known;
    const { scale, zeroPoint, axis } = t.quantization;
    const twin: Tensor = {
      name: t.name,
      dtype: "int8",
      shape: t.shape,
      quantization: { scale, zeroPoint: zeroPoint.map((z) => z - 128), axis },
    };
    if (t.data) twin.data = Int8Array.from(t.data as Uint8Array, (v) => v - 128);
    twins.set(t, twin);
    return twin;
  };
  const boundary = (t: Tensor, input: Tensor, output: Tensor): Node => ({
    op: "quantize",
    name: t.name,
    inputs: [input],
    outputs: [output],
    attributes: {},
  });
  const nodes = graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((t) => t && signed(t)),
    outputs: node.outputs.map(signed),
  })) as Node[];
  const states = graph.states?.map((state) => ({
    ...state,
    value: signed(state.value),
    next: signed(state.next),
    ...(isLowered(state.value) && { initial: signedInitial(state) }),
  }));
  const entering = graph.inputs.filter(isLowered).map((t) => boundary(t, t, signed(t)));
  const leaving = graph.outputs.filter(isLowered).map((t) => boundary(t, signed(t), t));
  return {
    graph: { ...graph, nodes: [...entering, ...nodes, ...leaving], ...(states && { states }) },
    twins: new Set(twins.values()),
  };
}

/** What a uint8 state begins with, as its int8 twin has it. */
function signedInitial({ value, initial }: State): Int8Array {
  const bytes = initial ?? new Uint8Array(elementCount(value.shape));
  return Int8Array.from(bytes as Uint8Array, (v) => v - 128);
}
