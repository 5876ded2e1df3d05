import type { Graph, NodeOf } from "../graph.ts";
import { type Uses, usesOf } from "./rewrite.ts";

/** The transpose only exchanges the last two dimensions. */
function exchangesLast(perm: readonly number[]): boolean {
  const rank = perm.length;
  return rank >= 2 && perm.every((p, i) => p === (i < rank - 2 ? i : 2 * rank - 3 - i));
}

function absorb(node: NodeOf<"matmul">, operand: 0 | 1, uses: Uses): boolean {
  const producer = uses.producer(node.inputs[operand]);
  if (producer?.op !== "transpose" || !exchangesLast(producer.attributes.perm)) return false;
  node.inputs[operand] = producer.inputs[0];
  const flag = operand === 0 ? "transposeA" : "transposeB";
  node.attributes = { ...node.attributes, [flag]: !node.attributes[flag] };
  return true;
}

/**
 * A matrix product that reads a transpose of its operand's last two dimensions reads the operand itself, the
 * other way round. Exact. A first operand is left alone unless that undoes an exchange: kernels would copy it.
 */
export function absorbTransposeIntoMatmul(graph: Graph): boolean {
  let changed = false;
  for (const node of graph.nodes) {
    if (node.op !== "matmul") continue;
    const uses = usesOf(graph);
    if (absorb(node, 1, uses)) changed = true;
    if (node.attributes.transposeA && absorb(node, 0, uses)) changed = true;
  }
  return changed;
}
