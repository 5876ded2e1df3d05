import type { Graph, Node } from "../graph/graph.ts";
import { usesOf } from "../graph/passes/rewrite.ts";
import { NibbleError } from "../runtime/errors.ts";
import { floatByNature } from "./integer.ts";
import { hasWeights, keepsValues, neighboursOf } from "./operators.ts";

/**
 * Why each node stays float; nodes that are not in the map become int8. Operators without weights follow: behind an
 * excluded or differently chosen one where they keep its values, and always next to one that is float by its nature,
 * where int8 would cost two conversions and gain no weights.
 *
 * @param chosen operators that another scheme keeps float, and why
 * @throws NibbleError "bad-input" where `exclude` names no node of the graph.
 */
export function floatNodes(
  graph: Graph,
  exclude: readonly string[],
  chosen: ReadonlyMap<Node, string> = new Map(),
): Map<Node, string> {
  const excluded = new Set(exclude);
  for (const name of excluded) {
    if (graph.nodes.some((node) => node.name === name)) continue;
    const names = graph.nodes.map((node) => `"${node.name}"`).join(", ");
    throw new NibbleError("bad-input", `exclude: the graph has no operator "${name}"; it has ${names}`);
  }
  const natural = floatByNature(graph);
  const reasons = new Map<Node, string>();
  const { producer: producerOf } = usesOf(graph);
  /** Next to these, operators without weights gain nothing. */
  const around = new Set<Node>();
  for (const node of graph.nodes) {
    const own = floatReason(node) ?? (hasWeights(node) ? undefined : natural.get(node));
    const reason = excluded.has(node.name) ? "excluded" : (chosen.get(node) ?? own);
    const producer = producerOf(node.inputs[0]);
    if (reason !== undefined) {
      reasons.set(node, reason);
      const isConversion = node.op === "quantize" || node.op === "dequantize";
      if (!isConversion && (natural.has(node) || own !== undefined)) around.add(node);
    } else if (keepsValues(node) && producer && reasons.has(producer)) {
      reasons.set(node, `follows "${producer.name}"`);
      if (around.has(producer)) around.add(node);
    }
  }
  spread(graph, reasons, around);
  return reasons;
}

/** Makes what is next to `around` float too, where it has no weights, and so on. */
function spread(graph: Graph, reasons: Map<Node, string>, around: Set<Node>): void {
  const neighbours = neighboursOf(graph);
  const open = [...around];
  for (let node = open.pop(); node; node = open.pop())
    for (const next of neighbours(node)) {
      if (reasons.has(next) || hasWeights(next) || next.op === "recurrent") continue;
      reasons.set(next, `next to "${node.name}", which is float`);
      open.push(next);
    }
}

function floatReason(node: Node): string | undefined {
  if (node.op === "quantize" || node.op === "dequantize") return "already quantized";
  for (const tensor of [...node.inputs, ...node.outputs]) {
    if (tensor && tensor.dtype !== "float32") return `"${tensor.name}" is ${tensor.dtype}`;
  }
  if (!hasWeights(node)) return undefined;
  const [, weights, bias] = node.inputs;
  if (!weights?.data) return "its weights are not constant";
  if (bias && !bias.data) return "its bias is not constant";
  return undefined;
}
