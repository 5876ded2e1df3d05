import { NibbleError } from "../../runtime/errors.ts";
import type { OnnxGraph, OnnxNode } from "./proto.ts";

/** What a message calls a node: its name, or its type and first output. */
export const describeNode = (node: OnnxNode): string =>
  node.name
    ? `${node.opType} "${node.name}"`
    : `${node.opType} → "${node.outputs.find((name) => name !== "") ?? ""}"`;

/** Names that a graph reads and does not make: those of graphs around it. */
function outerNames(graph: OnnxGraph): string[] {
  const own = new Set<string>([
    ...graph.initializers.map((tensor) => tensor.name),
    ...graph.inputs.map((input) => input.name),
    ...graph.nodes.flatMap((node) => node.outputs),
  ]);
  const read = [...graph.nodes.flatMap(readsOf), ...graph.outputs.map((output) => output.name)];
  return read.filter((name) => !own.has(name));
}

/** All names that must have values before the node: its inputs, and what graphs in its attributes read. */
export function readsOf(node: OnnxNode): string[] {
  const graphs = [...node.attributes.values()].flatMap(({ graph }) => (graph ? [graph] : []));
  return graphs.length === 0 ? node.inputs : [...node.inputs, ...graphs.flatMap(outerNames)];
}

/**
 * Nodes so that each comes after what it reads; nodes whose inputs are ready keep the file's order.
 *
 * @throws NibbleError "bad-file" on a value made twice and on a cycle.
 */
export function sortNodes(nodes: OnnxNode[]): OnnxNode[] {
  const producers = new Map<string, number>();
  nodes.forEach((node, index) => {
    for (const output of node.outputs) {
      if (output === "") continue;
      if (producers.has(output)) {
        throw new NibbleError(
          "bad-file",
          `${describeNode(node)}: expected to be the only producer of "${output}", found ` +
            describeNode(nodes[producers.get(output)!]),
        );
      }
      producers.set(output, index);
    }
  });

  const readers: number[][] = nodes.map(() => []);
  const missing = nodes.map((node, index) => {
    const before = new Set<number>();
    for (const input of readsOf(node)) {
      const producer = producers.get(input);
      if (producer !== undefined) before.add(producer);
    }
    for (const producer of before) readers[producer].push(index);
    return before.size;
  });

  const sorted: OnnxNode[] = [];
  const ready = nodes.map((_, index) => index).filter((index) => missing[index] === 0);
  for (let next = 0; next < ready.length; next++) {
    const index = ready[next];
    sorted.push(nodes[index]);
    for (const reader of readers[index]) if (--missing[reader] === 0) ready.push(reader);
  }
  if (sorted.length < nodes.length) {
    const stuck = nodes.find((_, index) => missing[index] > 0)!;
    throw new NibbleError(
      "bad-file",
      `${describeNode(stuck)}: expected nodes without a cycle, found one that needs its own result`,
    );
  }
  return sorted;
}
