/** Which channels can only go together: indices of the last dimension, followed through the operators of a graph. */

import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import { matrixOf } from "../layers/matrix.ts";

export interface ChannelGroups {
  /** The group of each index of a tensor's last dimension. */
  of(tensor: Tensor): Int32Array;
  /** Whether nothing may be taken out of a group: inputs, outputs, and what operators need whole. */
  isFixed(group: number): boolean;
  /** Sets of groups that make up the last dimension of the same tensors; fixed groups are in none. */
  bundles: number[][];
}

const isComputed = (tensor: Tensor | null): boolean => tensor !== null && tensor.data === undefined;
const widthOf = ({ shape }: Tensor): number => shape.at(-1) ?? 1;

/** Sets that are joined now and then. */
function joinable() {
  const parents: number[] = [];
  const root = (a: number): number => {
    let at = a;
    while (parents[at] !== at) {
      parents[at] = parents[parents[at]];
      at = parents[at];
    }
    return at;
  };
  return {
    root,
    add: (): number => parents.push(parents.length) - 1,
    /** The first made stands for both. */
    join(a: number, b: number): void {
      const [p, q] = [root(a), root(b)];
      parents[Math.max(p, q)] = Math.min(p, q);
    },
  };
}

export function channelGroups(graph: Graph): ChannelGroups {
  const sets = joinable();
  const fixed = new Set<number>();
  const channels = new Map<Tensor, Int32Array>();
  const fresh = (count: number): Int32Array => Int32Array.from({ length: count }, sets.add);
  const of = (tensor: Tensor): Int32Array => {
    const known = channels.get(tensor);
    if (known) return known;
    // Inputs, states and constants that are computed with.
    const made = fresh(widthOf(tensor));
    channels.set(tensor, made);
    fix(tensor);
    return made;
  };
  const fix = (tensor: Tensor): void => {
    for (const channel of of(tensor)) fixed.add(channel);
  };
  const join = (a: Int32Array, b: Int32Array): void => {
    for (const [i, channel] of a.entries()) sets.join(channel, b[i]);
  };
  for (const tensor of graph.inputs) fix(tensor);
  for (const node of graph.nodes) {
    const computed = node.inputs.filter(isComputed) as Tensor[];
    const found =
      computed.length > 0 && node.outputs.length === 1 ? flow(node, computed, of, fresh, join) : undefined;
    if (found) {
      channels.set(node.outputs[0], found);
      continue;
    }
    for (const tensor of computed) fix(tensor);
    for (const tensor of node.outputs) fix(tensor);
  }
  const states = (graph.states ?? []).flatMap(({ value, next }) => [value, next]);
  for (const tensor of [...graph.outputs, ...states]) fix(tensor);

  const isFixedRoot = new Set(Array.from(fixed, sets.root));
  const beside = joinable();
  const places = new Map<number, number>();
  const rooted = new Map(Array.from(channels, ([tensor, list]) => [tensor, list.map(sets.root)]));
  for (const list of rooted.values()) {
    let first: number | undefined;
    for (const group of list) {
      if (isFixedRoot.has(group)) continue;
      const place = places.get(group) ?? beside.add();
      places.set(group, place);
      if (first === undefined) first = place;
      else beside.join(first, place);
    }
  }
  const bundles = new Map<number, number[]>();
  for (const [group, place] of places) {
    const key = beside.root(place);
    bundles.set(key, [...(bundles.get(key) ?? []), group]);
  }
  return {
    of: (tensor) => rooted.get(tensor) ?? of(tensor).map(sets.root),
    isFixed: (group) => isFixedRoot.has(group),
    bundles: [...bundles.values()],
  };
}

/** The channels of a node's output; undefined where the node needs all that it reads. */
function flow(
  node: Node,
  computed: readonly Tensor[],
  of: (tensor: Tensor) => Int32Array,
  fresh: (count: number) => Int32Array,
  join: (a: Int32Array, b: Int32Array) => void,
): Int32Array | undefined {
  const [output] = node.outputs;
  const width = widthOf(output);
  const [x] = computed;
  switch (node.op) {
    case "conv2d":
    case "fullyConnected":
      return matrixOf(node)?.groups === 1 && computed.length === 1 ? fresh(width) : undefined;
    case "depthwiseConv2d": {
      if (!matrixOf(node) || computed.length !== 1) return undefined;
      const from = of(x);
      return Int32Array.from({ length: width }, (_, c) => from[Math.floor(c / node.attributes.multiplier)]);
    }
    case "add":
    case "sub":
    case "mul":
    case "binary": {
      const wide = computed.filter((tensor) => widthOf(tensor) === width);
      if (wide.length === 0) return undefined;
      for (const tensor of wide) join(of(tensor), of(wide[0]));
      return of(wide[0]);
    }
    case "unary":
    case "averagePool2d":
    case "maxPool2d":
      return of(x);
    case "mean":
    case "reduce":
      return node.attributes.axes.includes(x.shape.length - 1) ? undefined : of(x);
    case "pad":
      return (node.attributes.before.at(-1) ?? 0) + (node.attributes.after.at(-1) ?? 0) > 0
        ? undefined
        : of(x);
    case "resize2d":
      return node.attributes.axis + 1 < x.shape.length - 1 ? of(x) : undefined;
    case "slice":
      return node.attributes.begin.at(-1) === 0 && widthOf(x) === width ? of(x) : undefined;
    case "concat": {
      if (computed.length !== node.inputs.length) return undefined;
      if (node.attributes.axis === output.shape.length - 1)
        return Int32Array.from(computed.flatMap((tensor) => [...of(tensor)]));
      for (const tensor of computed) join(of(tensor), of(x));
      return of(x);
    }
    case "reshape": {
      const from = of(x);
      return width % from.length === 0
        ? Int32Array.from({ length: width }, (_, i) => from[i % from.length])
        : undefined;
    }
    default:
      return undefined;
  }
}

/**
 * `graph` without the channels of `gone`: all tensors and constants are smaller by them. What is not touched is shared.
 *
 * @returns the graph, and for each tensor that was made anew which of the old one's channels it has
 */
export function withoutChannels(
  graph: Graph,
  groups: ChannelGroups,
  gone: ReadonlySet<number>,
): { graph: Graph; kept: Map<Tensor, { source: Tensor; channels: Int32Array }> } {
  const smaller = new Map<Tensor, Tensor>();
  const kept = new Map<Tensor, { source: Tensor; channels: Int32Array }>();
  const keptOf = (tensor: Tensor): Int32Array => {
    const list = groups.of(tensor);
    return Int32Array.from(list.keys()).filter((i) => !gone.has(list[i]));
  };
  const made = (tensor: Tensor): Tensor => {
    const known = smaller.get(tensor);
    if (known) return known;
    const channels = keptOf(tensor);
    const isWhole = channels.length === widthOf(tensor);
    const next = isWhole ? tensor : { ...tensor, shape: [...tensor.shape.slice(0, -1), channels.length] };
    smaller.set(tensor, next);
    kept.set(next, { source: tensor, channels });
    return next;
  };
  const nodes = graph.nodes.map((node): Node => {
    const [output] = node.outputs;
    const [rows, columns] = [
      keptOf(output),
      isComputed(node.inputs[0]) ? keptOf(node.inputs[0]!) : undefined,
    ];
    const isMatrix = node.op === "conv2d" || node.op === "fullyConnected";
    const inputs = node.inputs.map((tensor, i) => {
      if (!tensor) return null;
      if (isComputed(tensor)) return made(tensor);
      if (isMatrix && i === 1 && columns)
        return picked(picked(tensor, 0, rows), tensor.shape.length - 1, columns);
      const isPerChannel = widthOf(tensor) === widthOf(output) && widthOf(tensor) > 1;
      return isPerChannel ? picked(tensor, tensor.shape.length - 1, rows) : tensor;
    });
    return { ...node, inputs, outputs: node.outputs.map(made) } as Node;
  });
  return { graph: { ...graph, nodes }, kept };
}

/** A constant with only those `indices` of a dimension. */
function picked(tensor: Tensor, axis: number, indices: Int32Array): Tensor {
  const { shape, data } = tensor;
  if (!(data instanceof Float32Array) || indices.length === shape[axis]) return tensor;
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const outer = data.length / (shape[axis] * inner);
  const out = new Float32Array(outer * indices.length * inner);
  let to = 0;
  for (let o = 0; o < outer; o++)
    for (const index of indices) {
      const from = (o * shape[axis] + index) * inner;
      out.set(data.subarray(from, from + inner), to);
      to += inner;
    }
  return { ...tensor, shape: shape.map((d, i) => (i === axis ? indices.length : d)), data: out };
}
