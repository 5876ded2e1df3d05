import { describeNode } from "./order.ts";
import type { OnnxAttribute, OnnxGraph, OnnxNode } from "./proto.ts";

/** The name that stands for one of the graph's own; names from outside stay as they are. */
export type Rename = (name: string) => string;

/** Names that a graph defines itself. */
const ownNames = (graph: OnnxGraph): string[] => [
  ...graph.initializers.map((tensor) => tensor.name),
  ...graph.inputs.map((input) => input.name),
  ...graph.nodes.flatMap((node) => node.outputs),
];

function renamedAttribute(attribute: OnnxAttribute, rename: Rename): OnnxAttribute {
  const { graph } = attribute;
  if (!graph) return attribute;
  const own = new Set(ownNames(graph));
  const outer: Rename = (name) => (own.has(name) ? name : rename(name));
  const outputs = graph.outputs.map((output) => ({ ...output, name: outer(output.name) }));
  const nodes = graph.nodes.map((node) => renamedNode(node, outer));
  return { ...attribute, graph: { ...graph, nodes, outputs } };
}

/** The node with other names for its values, also where graphs in its attributes read them. */
export const renamedNode = (node: OnnxNode, rename: Rename): OnnxNode => ({
  ...node,
  inputs: node.inputs.map((name) => (name === "" ? "" : rename(name))),
  outputs: node.outputs.map((name) => (name === "" ? "" : rename(name))),
  attributes: new Map(
    [...node.attributes].map(([key, attribute]) => [key, renamedAttribute(attribute, rename)]),
  ),
});

/** Gives the names in `own` a prefix of the node's, so that they meet no other; notes them in `taken`. */
export function prefixed(node: OnnxNode, own: readonly string[], taken: Set<string>): Rename {
  const base = node.outputs.find((name) => name !== "") ?? describeNode(node);
  const made = new Map<string, string>();
  for (const name of own) {
    if (name === "" || made.has(name)) continue;
    let unique = `${base}/${name}`;
    for (let n = 2; taken.has(unique); n++) unique = `${base}/${name}_${n}`;
    taken.add(unique);
    made.set(name, unique);
  }
  return (name) => made.get(name) ?? name;
}

/** A graph as nodes among those around it: its own names made different from theirs. */
export function inlined(node: OnnxNode, graph: OnnxGraph, taken: Set<string>) {
  const rename = prefixed(node, ownNames(graph), taken);
  return {
    initializers: graph.initializers.map((tensor) => ({ ...tensor, name: rename(tensor.name) })),
    nodes: graph.nodes.map((inner) => renamedNode(inner, rename)),
    outputs: graph.outputs.map((output) => rename(output.name)),
  };
}
