/** Which operators int8 would ruin, or has no kernel for: known from the graph alone, before any measurement. */

import { type Graph, isUnbounded, type Node, type Tensor } from "../graph/graph.ts";
import { usesOf } from "../graph/passes/rewrite.ts";
import { hasIntegerForm } from "./lstm.ts";
import { hasWeights } from "./operators.ts";

/** Operators that have no int8 kernel, or one that asks more of its operands than ranges can give. */
const floatOnly: ReadonlySet<Node["op"]> = new Set([
  ...(["binary", "cast", "cumsum", "dynamicSlice", "dynamicUpdateSlice"] as const),
  ...(["gather", "gatherNd", "normalize", "recurrent", "scatterNd", "select", "spectrum"] as const),
]);

/** What these make of small inputs decides: the steps of an int8 range that holds the large ones swallow those. */
const resolving: ReadonlySet<string> = new Set(["log", "reciprocal", "rsqrt", "sqrt"]);
/** Results that span the square of what the inputs span, or more. */
const spreading: ReadonlySet<string> = new Set(["exp", "square"]);
/** Operators that pass values on, or sums of a few. */
const passing: ReadonlySet<Node["op"]> = new Set([
  "add",
  "concat",
  "expand",
  "pad",
  "reshape",
  "slice",
  "transpose",
]);
/** Bounds and non-linear curves: what comes before them need not be as fine as what comes after. */
const levelling: ReadonlySet<string> = new Set([
  "clip",
  "hardSigmoid",
  "logistic",
  "relu",
  "softplus",
  "tanh",
]);

function refusal(graph: Graph, node: Node): string | undefined {
  if (hasIntegerForm(graph, node)) return undefined;
  if (node.op === "unary") {
    const { kind } = node.attributes;
    if (resolving.has(kind)) return `${kind} needs finer steps than those of int8`;
    return spreading.has(kind) ? `the results of ${kind} span too much for int8` : undefined;
  }
  if (node.op === "mul" && node.inputs[0] === node.inputs[1]) return "squares span too much for int8";
  if (node.op === "matmul") return "a product of two computed matrices loses more than int8 saves";
  const kind = node.op === "binary" || node.op === "reduce" ? node.attributes.kind : undefined;
  const isNegative = node.op === "resize2d" && !weightsArePositive(node.attributes);
  if (floatOnly.has(node.op) || kind === "prod" || isNegative) return `${kind ?? node.op} has no int8 kernel`;
  return undefined;
}

const weightsArePositive = ({
  rows,
  columns,
}: {
  rows: { weight: Float32Array };
  columns: { weight: Float32Array };
}) => [rows, columns].every(({ weight }) => weight.every((w) => w >= 0));

/** Whether an operator cuts off or bends what it makes. */
function levels(node: Node): boolean {
  if (node.op === "softmax" || node.op === "maxPool2d" || node.op === "recurrent") return true;
  if (node.op === "unary") return levelling.has(node.attributes.kind);
  if (!("activation" in node.attributes)) return false;
  return !isUnbounded(node.attributes.activation);
}

/**
 * Operators that had better stay float, and why: those without an int8 kernel; roots, logarithms and squares; layers
 * that read a root or an exponential, such as magnitudes; and what leads to nothing but a root or a logarithm, as the
 * making of a spectrum does, back to the graph's inputs or to an operator that cuts off what it makes.
 */
export function floatByNature(graph: Graph): Map<Node, string> {
  const reasons = new Map<Node, string>();
  const { consumers } = usesOf(graph);
  const kept = new Set([...graph.outputs, ...(graph.states ?? []).map(({ next }) => next)]);
  /** Operators whose small inputs count, and what makes them count. */
  const fine = new Map<Node, string>();
  for (const node of [...graph.nodes].reverse()) {
    const after = node.outputs.flatMap(consumers);
    const leads = after.length > 0 && after.every((next) => fine.has(next));
    const cause = leads && !node.outputs.some((tensor) => kept.has(tensor)) ? fine.get(after[0]) : undefined;
    const own = refusal(graph, node);
    if (own !== undefined) reasons.set(node, own);
    else if (cause !== undefined) reasons.set(node, `it leads to ${cause}, where small values count`);
    if (node.op === "unary" && resolving.has(node.attributes.kind))
      fine.set(node, `a ${node.attributes.kind}`);
    else if (cause !== undefined && !levels(node)) fine.set(node, cause);
  }
  /** Tensors that layers had better read as they are, and why. */
  const delicate = new Map<Tensor, string>();
  for (const node of graph.nodes) {
    const kind = node.op === "unary" ? node.attributes.kind : undefined;
    const from = node.inputs.find((tensor) => tensor && delicate.has(tensor));
    if (kind === "sqrt" || (kind && spreading.has(kind)))
      delicate.set(node.outputs[0], `its inputs are results of ${kind}, which span too much for int8`);
    else if (node.op === "spectrum")
      delicate.set(node.outputs[0], "it reads a spectrum, which spans too much for int8");
    else if (node.op === "cast" && node.inputs[0]!.dtype === "bool")
      delicate.set(node.outputs[0], "it looks up its weights, whose error nothing averages");
    else if (from && passing.has(node.op)) delicate.set(node.outputs[0], delicate.get(from)!);
    else if (from && hasWeights(node) && !reasons.has(node)) reasons.set(node, delicate.get(from)!);
  }
  return reasons;
}
