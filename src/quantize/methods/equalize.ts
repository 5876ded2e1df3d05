import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import { usesOf } from "../../graph/passes/rewrite.ts";
import { hasWeights } from "../operators.ts";
import { floats } from "../weights.ts";
import { isScalable } from "./sites.ts";

/** Two layers whose weights can share a factor per channel between them. */
interface Pair {
  first: Node;
  second: Node;
}

/** Sweeps over all pairs; chains settle long before. */
const sweeps = 50;
/** A factor within this of 1 changes nothing that int8 could show. */
const settled = 1e-3;

/**
 * Cross-layer equalization: where a layer feeds another through operators that scale with their input (ReLU, pooling,
 * zero padding), each channel between them is scaled so that its weights reach equally far on both sides. The graph
 * computes what it did up to float rounding, with activations and weights that lose less in int8.
 *
 * Channels behind ReLU6 and other bounds that don't scale stay as they are. `graph` is not changed; activations are
 * shared with it.
 *
 * @throws NibbleError "bad-input" for weights that are not finite.
 */
export function equalize(graph: Graph): { graph: Graph; pairs: { first: string; second: string }[] } {
  const pairs = findPairs(graph);
  const copies = new Map<Tensor, Tensor>();
  const copy = (tensor: Tensor): Tensor => {
    const known = copies.get(tensor);
    if (known) return known;
    const made = { ...tensor, data: floats(tensor).slice() };
    copies.set(tensor, made);
    return made;
  };
  for (let sweep = 0, moved = pairs.length > 0; moved && sweep < sweeps; sweep++) {
    moved = false;
    for (const { first, second } of pairs) {
      const bias = first.inputs[2];
      const change = balance(
        { node: first, weights: copy(first.inputs[1]!), bias: bias ? copy(bias) : null },
        { node: second, weights: copy(second.inputs[1]!) },
      );
      if (change > settled) moved = true;
    }
  }
  const nodes = graph.nodes.map(
    (node) => ({ ...node, inputs: node.inputs.map((t) => (t && copies.get(t)) ?? t) }) as Node,
  );
  return {
    graph: { ...graph, nodes },
    pairs: pairs.map(({ first, second }) => ({ first: first.name, second: second.name })),
  };
}

/** Scales the channels between two layers; answers how far the largest factor is from 1. */
function balance(
  first: { node: Node; weights: Tensor; bias: Tensor | null },
  second: { node: Node; weights: Tensor },
): number {
  const outgoing = outputChannels(first.node, first.weights);
  const incoming = inputChannels(second.node, second.weights);
  const [w1, w2] = [floats(first.weights), floats(second.weights)];
  const channels = outgoing.count;
  const [r1, r2] = [new Float64Array(channels), new Float64Array(channels)];
  for (let i = 0; i < w1.length; i++) r1[outgoing.of(i)] = Math.max(r1[outgoing.of(i)], Math.abs(w1[i]));
  for (let i = 0; i < w2.length; i++) r2[incoming.of(i)] = Math.max(r2[incoming.of(i)], Math.abs(w2[i]));
  // A channel that is little but its bias reaches as far as that; its weights alone would ask for any factor.
  if (first.bias) {
    const bias = floats(first.bias);
    for (let c = 0; c < channels; c++) r1[c] = Math.max(r1[c], Math.abs(bias[c]));
  }
  // A channel that is zero on either side has nothing to give.
  const factors = Float64Array.from(r1, (r, c) => (r > 0 && r2[c] > 0 ? Math.sqrt(r / r2[c]) : 1));
  for (let i = 0; i < w1.length; i++) w1[i] /= factors[outgoing.of(i)];
  for (let i = 0; i < w2.length; i++) w2[i] *= factors[incoming.of(i)];
  if (first.bias) {
    const bias = floats(first.bias);
    for (let c = 0; c < channels; c++) bias[c] /= factors[c];
  }
  return factors.reduce((largest, factor) => Math.max(largest, Math.abs(Math.log(factor))), 0);
}

/** Which channel element `i` of the weights belongs to. */
interface Channels {
  count: number;
  of(i: number): number;
}

function outputChannels({ op }: Node, { shape, data }: Tensor): Channels {
  if (op === "depthwiseConv2d") return { count: shape[3], of: (i) => i % shape[3] };
  const inner = data!.length / shape[0];
  return { count: shape[0], of: (i) => Math.floor(i / inner) };
}

function inputChannels(node: Node, { shape }: Tensor): Channels {
  const last = shape[shape.length - 1];
  if (node.op !== "depthwiseConv2d") return { count: last, of: (i) => i % last };
  const { multiplier } = node.attributes;
  return { count: last / multiplier, of: (i) => Math.floor((i % last) / multiplier) };
}

/** Layers with a single reader, which is a layer of as many input channels. */
function findPairs(graph: Graph): Pair[] {
  const { consumers, onlyConsumer } = usesOf(graph);
  const isLayer = (node: Node): boolean =>
    hasWeights(node) &&
    [node.inputs[1], node.inputs[2]].every(
      (tensor) => !tensor || (tensor.data instanceof Float32Array && consumers(tensor).length === 1),
    );
  return graph.nodes.flatMap((first) => {
    if (!isLayer(first) || !scales(first)) return [];
    let second = onlyConsumer(first.outputs[0]);
    while (second && passesScales(second)) second = onlyConsumer(second.outputs[0]);
    if (!second || !isLayer(second)) return [];
    if (second.op === "conv2d" && second.attributes.groups !== 1) return [];
    const between = outputChannels(first, first.inputs[1]!).count;
    return inputChannels(second, second.inputs[1]!).count === between ? [{ first, second }] : [];
  });
}

const scales = ({ attributes }: Node): boolean =>
  !("activation" in attributes) || isScalable(attributes.activation);

/** Operators whose output channels scale with the same channels of their input. */
function passesScales(node: Node): boolean {
  const [input] = node.inputs;
  const [output] = node.outputs;
  const last = input!.shape.length - 1;
  switch (node.op) {
    case "unary":
      return node.attributes.kind === "relu";
    case "averagePool2d":
    case "maxPool2d":
      return isScalable(node.attributes.activation);
    case "pad":
      return (
        node.attributes.value === 0 && node.attributes.before[last] === 0 && node.attributes.after[last] === 0
      );
    case "mean":
      return !node.attributes.axes.includes(last);
    case "reshape":
      // [1, 1, 1, C] → [1, C]: the last dimension stays what it is.
      return input!.shape[last] === output.shape[output.shape.length - 1];
    default:
      return false;
  }
}
