import { NibbleError } from "../../runtime/errors.ts";
import type { Graph, Node, Tensor } from "../graph.ts";
import { sameShape } from "./rewrite.ts";

/**
 * Puts every node behind the nodes it reads from. A graph already in order stays as it is.
 *
 * @throws NibbleError "bad-file" on a cycle.
 */
export function sortNodes(graph: Graph): boolean {
  const producers = new Map<Tensor, number>();
  graph.nodes.forEach((node, index) => {
    for (const output of node.outputs) producers.set(output, index);
  });
  const readers: number[][] = graph.nodes.map(() => []);
  const missing = graph.nodes.map((node, index) => {
    const before = new Set<number>();
    for (const input of node.inputs) {
      const producer = input ? producers.get(input) : undefined;
      if (producer !== undefined) before.add(producer);
    }
    for (const producer of before) readers[producer].push(index);
    return before.size;
  });
  if (isInOrder(graph.nodes, producers)) return false;

  const order = missing.flatMap((count, index) => (count === 0 ? [index] : []));
  for (let next = 0; next < order.length; next++) {
    for (const reader of readers[order[next]]) if (--missing[reader] === 0) order.push(reader);
  }
  if (order.length < graph.nodes.length) {
    const stuck = graph.nodes[missing.findIndex((count) => count > 0)];
    throw new NibbleError(
      "bad-file",
      `node "${stuck.name}" (${stuck.op}): expected nodes without a cycle, found one that needs its own result`,
    );
  }
  const unchanged = sameShape(
    order,
    order.map((_, i) => i),
  );
  graph.nodes = order.map((index) => graph.nodes[index]);
  return !unchanged;
}

const isInOrder = (nodes: Node[], producers: Map<Tensor, number>): boolean =>
  nodes.every((node, index) =>
    node.inputs.every((input) => {
      const producer = input ? producers.get(input) : undefined;
      return producer === undefined || producer < index;
    }),
  );
