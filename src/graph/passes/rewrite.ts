import {
  type Attributes,
  elementCount,
  type Graph,
  type Node,
  type NodeOf,
  type OperatorName,
  type Tensor,
} from "../graph.ts";

/** Rewrites `graph` in place; true when it changed anything. */
export type Pass = (graph: Graph) => boolean;

/** Who makes and who reads each tensor, as of the moment it was built. */
export interface Uses {
  producer(tensor: Tensor | null): Node | undefined;
  consumers(tensor: Tensor): Node[];
  isOutput(tensor: Tensor): boolean;
  /** The only reader of `tensor`, when it has exactly one use and is no output of the model. */
  onlyConsumer(tensor: Tensor): Node | undefined;
}

export function usesOf(graph: Graph): Uses {
  const producers = new Map<Tensor, Node>();
  const consumers = new Map<Tensor, Node[]>();
  const outputs = new Set(graph.outputs);
  for (const node of graph.nodes) {
    for (const output of node.outputs) producers.set(output, node);
    for (const input of node.inputs) {
      if (!input) continue;
      const readers = consumers.get(input);
      if (readers) readers.push(node);
      else consumers.set(input, [node]);
    }
  }
  return {
    producer: (tensor) => (tensor ? producers.get(tensor) : undefined),
    consumers: (tensor) => consumers.get(tensor) ?? [],
    isOutput: (tensor) => outputs.has(tensor),
    onlyConsumer: (tensor) => {
      const readers = consumers.get(tensor);
      return readers?.length === 1 && !outputs.has(tensor) ? readers[0] : undefined;
    },
  };
}

/** A node whose type is known from its operator; most have one output. */
export const makeNode = <K extends OperatorName>(
  op: K,
  name: string,
  inputs: (Tensor | null)[],
  output: Tensor | Tensor[],
  attributes: Attributes[K],
): Node =>
  ({
    op,
    name,
    inputs,
    outputs: Array.isArray(output) ? output : [output],
    attributes,
  }) satisfies NodeOf<K> as unknown as Node;

/** A float or quantized tensor like `tensor` under another name and shape. */
export function tensorLike(tensor: Tensor, name: string, shape: number[]): Tensor {
  const like: Tensor = { name, dtype: tensor.dtype, shape };
  if (tensor.quantization) like.quantization = tensor.quantization;
  return like;
}

/** Every reader of `from` reads `to` instead; the model's outputs are left alone. */
export function replaceUses(graph: Graph, from: Tensor, to: Tensor): void {
  for (const node of graph.nodes) {
    for (let i = 0; i < node.inputs.length; i++) if (node.inputs[i] === from) node.inputs[i] = to;
  }
}

/**
 * Removes a node whose output has the very elements, type and shape of its input. A model output keeps its
 * tensor: then the input's producer writes it. False when that is impossible (the input is a constant, an
 * input or another output of the model): the copy has to stay.
 */
export function removeCopy(graph: Graph, node: Node): boolean {
  const from = node.inputs[0]!;
  const to = node.outputs[0];
  if (!graph.outputs.includes(to)) {
    replaceUses(graph, to, from);
    graph.nodes.splice(graph.nodes.indexOf(node), 1);
    return true;
  }
  const producer = graph.nodes.find((other) => other.outputs.includes(from));
  if (!producer || graph.outputs.includes(from)) return false;
  producer.outputs[producer.outputs.indexOf(from)] = to;
  graph.nodes.splice(graph.nodes.indexOf(node), 1);
  replaceUses(graph, from, to);
  return true;
}

export const isFloat = (...tensors: (Tensor | null)[]): boolean =>
  tensors.every((tensor) => tensor === null || tensor.dtype === "float32");

export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i]);

/** Whether the two tensors give every stored value the same meaning. */
export function sameQuantization(a: Tensor, b: Tensor): boolean {
  if (a.dtype !== b.dtype) return false;
  const p = a.quantization;
  const q = b.quantization;
  if (!p || !q) return p === q;
  return (
    p.scale.length === q.scale.length &&
    (p.scale.length === 1 || p.axis === q.axis) &&
    p.scale.every((s, i) => s === q.scale[i]) &&
    p.zeroPoint.every((z, i) => z === q.zeroPoint[i])
  );
}

/** Whether elements keep their order when dimensions are permuted: only dimensions of size 1 move. */
export function movesOnlyUnits(shape: readonly number[], perm: readonly number[]): boolean {
  let last = -1;
  for (const p of perm) {
    if (shape[p] === 1) continue;
    if (p < last) return false;
    last = p;
  }
  return elementCount(shape) > 0;
}

export const inversePerm = (perm: readonly number[]): number[] => {
  const inverse = new Array<number>(perm.length);
  perm.forEach((p, i) => {
    inverse[p] = i;
  });
  return inverse;
};
