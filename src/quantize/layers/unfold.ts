/** Convolutions as matrix multiplies: what each output position reads is laid out in one row first. */

import { elementCount, type Graph, type Node, type NodeOf, type Tensor } from "../../graph/graph.ts";
import { zeroShare } from "../methods/zero-blocks.ts";
import type { LayerScheme } from "../schemes.ts";

/** Numbers that the rows of one layer may hold together: 4 MiB. */
const mostNumbers = 2 ** 20;

/** Whether a convolution can be unfolded at a bearable cost in memory. */
export function isUnfoldable(node: Node): node is NodeOf<"conv2d"> {
  if (node.op !== "conv2d" || node.attributes.groups !== 1) return false;
  const taps = elementCount(node.inputs[1]!.shape.slice(1));
  return elementCount(node.outputs[0].shape.slice(0, 3)) * taps <= mostNumbers;
}

/** `graph` with those convolutions unfolded that `isChosen` names; they keep their names, outputs and schemes. */
export function unfold(
  graph: Graph,
  schemes: ReadonlyMap<Node, LayerScheme>,
  isChosen: (node: Node) => boolean,
): { graph: Graph; schemes: Map<Node, LayerScheme> } {
  const assigned = new Map<Node, LayerScheme>();
  const nodes = graph.nodes.flatMap((node) => {
    const made = isUnfoldable(node) && isChosen(node) ? unfolded(node) : [node];
    for (const each of made) assigned.set(each, schemes.get(node)!);
    return made;
  });
  return { graph: { ...graph, nodes }, schemes: assigned };
}

/** From this share of zero blocks on, laying out rows for a sparse product takes less time than a dense convolution. */
const unfoldedFrom = 0.5;

/** An int8 graph whose convolutions run as products where most blocks of their weights are zero: only products leave them out. */
export function unfoldSparse(graph: Graph): Graph {
  const nodes = graph.nodes.flatMap((node) =>
    isUnfoldable(node) && isSparse(node) ? unfolded(node) : [node],
  );
  return { ...graph, nodes };
}

/** Padding would have to be laid out too. */
function isSparse({ inputs: [, weights], attributes: { padding, stride } }: NodeOf<"conv2d">): boolean {
  const { shape, data } = weights!;
  const { top, left, bottom, right } = padding;
  const [n, k] = [shape[0], elementCount(shape.slice(1))];
  const isProduct = k === shape[3] && stride[0] === 1 && stride[1] === 1;
  if (!(data instanceof Int8Array) || isProduct || top + left + bottom + right > 0) return false;
  return zeroShare({ n, k, at: (row, i) => row * k + i, weights: weights! }, [8, 4]) >= unfoldedFrom;
}

function unfolded(node: NodeOf<"conv2d">): Node[] {
  const [input, weights, bias] = node.inputs;
  const [output] = node.outputs;
  const { stride, dilation, padding, activation } = node.attributes;
  const [batch, rows, columns] = output.shape;
  const [n, height, width, channels] = weights!.shape;
  const made: Node[] = [];
  const tensor = (part: string, shape: number[]): Tensor => ({
    name: `${output.name}/${part}`,
    dtype: input!.dtype,
    shape,
    ...(input!.quantization && { quantization: input!.quantization }),
  });
  let x = input!;
  const { top, left, bottom, right } = padding;
  if (top + left + bottom + right > 0) {
    const padded = tensor("padded", [batch, x.shape[1] + top + bottom, x.shape[2] + left + right, channels]);
    const attributes = { before: [0, top, left, 0], after: [0, bottom, right, 0], value: 0 };
    made.push({ op: "pad", name: `${node.name}/pad`, inputs: [x], outputs: [padded], attributes });
    x = padded;
  }
  const taps: Tensor[] = [];
  for (let i = 0; i < height; i++)
    for (let j = 0; j < width; j++) {
      const tap = tensor(`tap ${i}, ${j}`, [batch, rows, columns, channels]);
      const attributes = { begin: [0, i * dilation[0], j * dilation[1], 0], stride: [1, ...stride, 1] };
      made.push({ op: "slice", name: `${node.name}/${i}, ${j}`, inputs: [x], outputs: [tap], attributes });
      taps.push(tap);
    }
  const k = height * width * channels;
  const patches = tensor("rows", [batch, rows, columns, k]);
  const inputs = [patches, { ...weights!, shape: [n, k] }, bias ?? null];
  made.push(
    {
      op: "concat",
      name: `${node.name}/rows`,
      inputs: taps,
      outputs: [patches],
      attributes: { axis: 3, activation: { min: -Infinity, max: Infinity } },
    },
    { op: "fullyConnected", name: node.name, inputs, outputs: [output], attributes: { activation } },
  );
  return made;
}
