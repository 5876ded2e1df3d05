import type { Graph, Node, Tensor } from "../graph.ts";
import { type Constant, reshapeConstant } from "./constant.ts";
import { makeNode, tensorLike } from "./rewrite.ts";

/** Ends the names of values that a pass made in another layout; `restoreNames` takes it off again. */
const movedSuffix = "/moved";

/** Puts `after` behind `node` and lets it write the node's output, which the node now writes as `moved`. */
function insertAfter(graph: Graph, node: Node, moved: Tensor, after: (output: Tensor) => Node): void {
  const output = node.outputs[0];
  node.outputs = [moved];
  graph.nodes.splice(graph.nodes.indexOf(node) + 1, 0, after(output));
}

const movedLike = (tensor: Tensor, shape: number[]): Tensor =>
  tensorLike(tensor, `${tensor.name}${movedSuffix}`, shape);

/** The node writes its result in `shape`, and a transpose behind it makes the old output of that. */
export const transposeAfter = (graph: Graph, node: Node, shape: number[], perm: number[]): void => {
  const moved = movedLike(node.outputs[0], shape);
  insertAfter(graph, node, moved, (output) =>
    makeNode("transpose", `${node.name}/transpose`, [moved], output, { perm }),
  );
};

/** The node writes its result in `shape`, and a reshape behind it makes the old output of that. */
export const reshapeAfter = (graph: Graph, node: Node, shape: number[]): void => {
  const moved = movedLike(node.outputs[0], shape);
  insertAfter(graph, node, moved, (output) =>
    makeNode("reshape", `${node.name}/reshape`, [moved], output, {}),
  );
};

/** `tensor` in another shape, by a node in front of `reader` or, for a constant, at once. */
export function reshapeBefore(graph: Graph, reader: Node, tensor: Tensor, shape: number[]): Tensor | null {
  if (tensor.data) return reshapeConstant(tensor as Constant, shape);
  const moved = movedLike(tensor, shape);
  graph.nodes.splice(
    graph.nodes.indexOf(reader),
    0,
    makeNode("reshape", `${reader.name}/reshape`, [tensor], moved, {}),
  );
  return moved;
}

/** The shape with 1s in front until it has `rank` dimensions. */
export const padShape = (shape: readonly number[], rank: number): number[] => [
  ...new Array<number>(Math.max(0, rank - shape.length)).fill(1),
  ...shape,
];

/** Positions of the dimensions that are not 1. */
export const wideDimensions = (shape: readonly number[]): number[] =>
  shape.flatMap((d, i) => (d === 1 ? [] : [i]));

/** The name without what says in which layout, or by which operator, the value is made. */
function plainName(name: string, op: string | undefined): string {
  let plain = name;
  while (plain.endsWith(movedSuffix)) plain = plain.slice(0, -movedSuffix.length);
  return op && plain.endsWith(`/${op}`) ? plain.slice(0, -op.length - 1) : plain;
}

/** Gives values the source's name back once nothing else has it. */
export function restoreNames(graph: Graph): void {
  const makers = new Map<Tensor, Node | undefined>(graph.inputs.map((tensor) => [tensor, undefined]));
  for (const node of graph.nodes) for (const input of node.inputs) if (input) makers.set(input, undefined);
  for (const node of graph.nodes) for (const output of node.outputs) makers.set(output, node);
  const names = new Set([...makers.keys()].map((tensor) => tensor.name));
  const renamed = new Map<Tensor, Tensor>();
  for (const [tensor, maker] of makers) {
    const name = plainName(tensor.name, maker?.op);
    if (!maker || names.has(name) || graph.outputs.includes(tensor)) continue;
    names.add(name);
    renamed.set(tensor, { ...tensor, name });
  }
  for (const node of graph.nodes) {
    node.inputs = node.inputs.map((tensor) => (tensor && renamed.get(tensor)) ?? tensor);
    node.outputs = node.outputs.map((tensor) => renamed.get(tensor) ?? tensor);
  }
}
