import { elementCount, type Graph, type Node, type Tensor } from "../graph/graph.ts";
import { activationParameters } from "./activations.ts";
import { type Affine, affineOfRange, quantizeValues, type Range } from "./affine.ts";
import type { StaticWeights } from "./layers/rewrite.ts";
import { cellTensor, hasIntegerForm, lstmConstants } from "./lstm.ts";
import { hasWeights, keepsValues } from "./operators.ts";
import { floatNodes } from "./plan.ts";
import { chosenWeights, floats, type QuantizedWeights, quantizeWeights } from "./weights.ts";

export interface StaticOptions {
  /** Names of operators that stay float. */
  exclude?: readonly string[];
  /** One weight scale per tensor instead of one per output channel. */
  perTensor?: boolean;
  /** Type of the graph's float inputs and outputs afterwards; "float32" by default. */
  io?: "float32" | "int8";
  /** Operators that another scheme keeps float, and why; those without a reason are not reported. */
  float?: ReadonlyMap<Node, string>;
  /** int8 weights that are chosen already; the nearest of a scale that fits by default. */
  weights?: ReadonlyMap<Node, StaticWeights>;
}

export interface StaticInt8 {
  graph: Graph;
  /** From each activation of the float graph to the tensor that now holds it, as its producer writes it. */
  counterparts: Map<Tensor, Tensor>;
  /** Operators that stay float, and why. */
  float: { node: string; reason: string }[];
}

type Version = "float32" | "int8";

/**
 * The graph with int8 activations, int8 weights and int32 biases; quantize and dequantize operators stand
 * where float and int8 meet. `graph` stays as it is; constants that don't change are shared with it.
 *
 * @param ranges range of each float32 activation, from `calibrate`
 * @throws NibbleError naming the tensor or operator that can't be quantized.
 */
export function quantizeStatic(
  graph: Graph,
  ranges: ReadonlyMap<Tensor, Range>,
  options: StaticOptions = {},
): StaticInt8 {
  const { exclude = [], perTensor = false, io = "float32" } = options;
  const float = floatNodes(graph, exclude, options.float);
  const affineOf = activationParameters(graph, ranges, float);
  const weightsOf = weightCache(perTensor);
  const interfaces = new Set([...graph.inputs, ...graph.outputs]);
  const nodes: Node[] = [];
  const versions = new Map<Tensor, Partial<Record<Version, Tensor>>>();
  const counterparts = new Map<Tensor, Tensor>();
  const constants = new Map<Tensor, Tensor>();
  const copies = new Map<Tensor, Tensor>();

  /** A tensor of the float graph in its new type; the graph's interface keeps its names. */
  function create(tensor: Tensor, version: Version, native: boolean): Tensor {
    const keepsName = interfaces.has(tensor) ? version === io : native;
    const created: Tensor = {
      name: keepsName ? tensor.name : `${tensor.name}/${version}`,
      dtype: version,
      shape: [...tensor.shape],
      ...(version === "int8" && { quantization: quantizationOf(affineOf(tensor)) }),
    };
    versions.set(tensor, { ...versions.get(tensor), [version]: created });
    if (native) counterparts.set(tensor, created);
    return created;
  }

  /** The activation in the wanted type, converted from its other type where need be. */
  function activation(tensor: Tensor, version: Version): Tensor {
    const known = versions.get(tensor);
    const existing = known?.[version];
    if (existing) return existing;
    const source = known?.[version === "int8" ? "float32" : "int8"];
    if (!source) throw new TypeError(`tensor "${tensor.name}" is read before it is written`);
    const converted = create(tensor, version, false);
    const op = version === "int8" ? "quantize" : "dequantize";
    nodes.push({ op, name: `${tensor.name}/${op}`, inputs: [source], outputs: [converted], attributes: {} });
    return converted;
  }

  /** Tensors that stay what they are: constants of float operators, and types other than float32. */
  function copy(tensor: Tensor): Tensor {
    const known = copies.get(tensor);
    if (known) return known;
    const copied = { ...tensor, shape: [...tensor.shape] };
    copies.set(tensor, copied);
    return copied;
  }

  function constant(tensor: Tensor, output: Affine | undefined): Tensor {
    const known = output ? undefined : constants.get(tensor);
    if (known) return known;
    const affine = output ?? affineOfRange(rangeOf(floats(tensor)));
    const { name, shape } = tensor;
    const created: Tensor = {
      name,
      dtype: "int8",
      shape: [...shape],
      quantization: quantizationOf(affine),
      data: quantizeValues(floats(tensor), affine),
    };
    if (!output) constants.set(tensor, created);
    return created;
  }

  function int8Inputs(node: Node): (Tensor | null)[] {
    // Constants whose values reach the output unchanged take its parameters: nothing to requantize.
    const passes = node.op === "concat" || keepsValues(node);
    const output = passes ? affineOf(node.outputs[0]) : undefined;
    const operand = (tensor: Tensor | null) =>
      tensor && (tensor.data ? constant(tensor, output) : activation(tensor, "int8"));
    if (node.op === "recurrent") {
      const [first, , , , , h, c] = node.inputs;
      const x = operand(first)!;
      const [h8, c16] = [versions.get(h!)!.int8!, copies.get(c!)!];
      return [x, ...lstmConstants(node, affineOf(first!)), null, h8, c16];
    }
    if (!hasWeights(node)) return node.inputs.map(operand);
    const x = operand(node.inputs[0])!;
    const axis = node.op === "depthwiseConv2d" ? 3 : 0;
    const scale = x.quantization!.scale[0];
    const chosen = options.weights?.get(node);
    if (chosen) {
      const made = chosenWeights(node.inputs[1]!, node.inputs[2] ?? null, scale, axis, chosen);
      return [x, made.weights, made.bias];
    }
    const { weights, bias } = weightsOf(node.inputs[1]!, node.inputs[2] ?? null, scale, axis);
    return [x, weights, bias];
  }

  const staysAsItIs = (tensor: Tensor) => tensor.dtype !== "float32" || tensor.data !== undefined;
  const inputs = graph.inputs.map((tensor) =>
    staysAsItIs(tensor) ? copy(tensor) : create(tensor, io, true),
  );
  const cells = new Set<Tensor>();
  const hiddens = new Set<Tensor>();
  for (const node of graph.nodes) {
    if (float.has(node) || !hasIntegerForm(graph, node)) continue;
    for (const cell of [node.inputs[6]!, node.outputs[2]]) {
      cells.add(cell);
      copies.set(cell, cellTensor(cell));
      counterparts.set(cell, copies.get(cell)!);
    }
    hiddens.add(node.inputs[5]!).add(node.outputs[1]);
  }
  // What the model remembers stays in its own type, as errors in it would add up; an LSTM has types of its own.
  const values = graph.states?.map(({ value }) => {
    if (hiddens.has(value)) return create(value, "int8", true);
    return cells.has(value) || staysAsItIs(value) ? copy(value) : create(value, "float32", true);
  });
  for (const node of graph.nodes) {
    const version = float.has(node) ? "float32" : "int8";
    const read =
      version === "int8"
        ? int8Inputs(node)
        : node.inputs.map((t) => t && (staysAsItIs(t) ? copy(t) : activation(t, version)));
    const written = node.outputs.map((t) =>
      cells.has(t) || staysAsItIs(t) ? copy(t) : create(t, version, true),
    );
    nodes.push({
      ...node,
      inputs: read,
      outputs: written,
      attributes: structuredClone(node.attributes),
    } as Node);
  }
  const outputs = graph.outputs.map((tensor) =>
    staysAsItIs(tensor) ? copy(tensor) : activation(tensor, io),
  );
  const states = graph.states?.map((state, i) => {
    if (cells.has(state.value)) return { ...state, value: values![i], next: copy(state.next) };
    if (hiddens.has(state.value)) {
      const { zeroPoint } = affineOf(state.value);
      const initial = new Int8Array(elementCount(state.value.shape)).fill(zeroPoint);
      return { ...state, value: values![i], next: activation(state.next, "int8"), initial };
    }
    const next = staysAsItIs(state.next) ? copy(state.next) : activation(state.next, "float32");
    return { ...state, value: values![i], next };
  });
  return {
    graph: { name: graph.name, nodes, inputs, outputs, rounding: graph.rounding, ...(states && { states }) },
    counterparts,
    float: [...float].flatMap(([node, reason]) => (reason ? [{ node: node.name, reason }] : [])),
  };
}

const quantizationOf = ({ scale, zeroPoint }: Affine) => ({
  scale: Float32Array.of(scale),
  zeroPoint: Int32Array.of(zeroPoint),
  axis: 0,
});

function rangeOf(values: Float32Array): Range {
  let min = 0;
  let max = 0;
  for (const value of values) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return { min, max };
}

/** Weights that several operators share stay one tensor, where the same scales suit them all. */
function weightCache(perTensor: boolean) {
  const made = new Map<Tensor, Tensor[]>();
  return (weights: Tensor, bias: Tensor | null, inputScale: number, axis: number): QuantizedWeights => {
    const quantized = quantizeWeights(weights, bias, inputScale, { axis, perTensor });
    const candidates = made.get(weights) ?? [];
    const same = candidates.find((known) => sameScales(known, quantized.weights));
    if (same) return { ...quantized, weights: same };
    made.set(weights, [...candidates, quantized.weights]);
    return quantized;
  };
}

function sameScales(a: Tensor, b: Tensor): boolean {
  const [p, q] = [a.quantization!, b.quantization!];
  return p.axis === q.axis && p.scale.length === q.scale.length && p.scale.every((s, c) => s === q.scale[c]);
}
