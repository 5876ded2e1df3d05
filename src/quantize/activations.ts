import type { Activation, Graph, Node, Tensor } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import { type Affine, affineOfRange, type Range, rangeOfAffine } from "./affine.ts";
import { keepsValues } from "./operators.ts";

/**
 * Chooses the int8 parameters of every activation: tensors that an operator passes values between share
 * theirs, softmax, logistic and tanh have TFLite's fixed ones, the rest get what their range asks for.
 * The returned function answers for one tensor.
 *
 * @throws NibbleError (from the returned function) "bad-input" for tensors without a usable range.
 */
export function activationParameters(
  graph: Graph,
  ranges: ReadonlyMap<Tensor, Range>,
  float: ReadonlyMap<Node, string>,
): (tensor: Tensor) => Affine {
  const nodes = graph.nodes.filter((node) => !float.has(node));
  const groups = disjointSets<Tensor>();
  const fixed = new Map<Tensor, Affine>();
  for (const node of nodes) {
    if (keepsValues(node) && !node.inputs[0]!.data) groups.join(node.inputs[0]!, node.outputs[0]!);
  }
  for (const node of nodes) {
    if (node.op !== "recurrent") continue;
    // What an LSTM gives out is what it remembers.
    groups.join(node.inputs[5]!, node.outputs[0]);
    groups.join(node.outputs[1], node.outputs[0]);
  }
  for (const node of nodes) {
    const affine = fixedOutput(node);
    if (affine) fixed.set(groups.find(node.outputs[0]), affine);
  }
  const uses = useCounts(graph);
  for (const node of nodes) {
    if (node.op !== "concat") continue;
    const output = node.outputs[0];
    for (const input of node.inputs) {
      // A tensor that others read too keeps its own, finer grid; concat requantizes it.
      if (!input || input.data || uses.get(input) !== 1) continue;
      const [from, to] = [groups.find(input), groups.find(output)];
      if (!fixed.has(from) && !fixed.has(to)) groups.join(from, to);
    }
  }

  const covered = new Map<Tensor, Range>();
  const cover = (tensor: Tensor, range: Range) => {
    const root = groups.find(tensor);
    const known = covered.get(root) ?? range;
    covered.set(root, { min: Math.min(known.min, range.min), max: Math.max(known.max, range.max) });
  };
  for (const [tensor, range] of ranges) cover(tensor, checked(range, tensor));
  for (const node of nodes) {
    if (node.op !== "pad") continue;
    const { value } = node.attributes;
    // ±∞ saturates to an end of the range, which is what a maximum over the padding needs.
    if (!Number.isFinite(value)) continue;
    const affine = fixed.get(groups.find(node.outputs[0]));
    if (affine) checkPadValue(node, value, rangeOfAffine(affine), affine.scale);
    cover(node.outputs[0], { min: value, max: value });
  }

  const bounds = activationBounds(nodes);
  return (tensor) => {
    const root = groups.find(tensor);
    const known = fixed.get(root);
    if (known) return known;
    const range = covered.get(root);
    if (!range) {
      throw new NibbleError(
        "bad-input",
        `tensor "${tensor.name}": no calibrated range; calibrate this graph first`,
      );
    }
    // Bounds hold for their own tensor, not for what else shares its parameters.
    return affineOfRange(groups.isAlone(root) ? intersect(range, bounds.get(root)) : range);
  };
}

/** What TFLite fixes for outputs whose range is known beforehand. */
function fixedOutput(node: Node): Affine | undefined {
  if (node.op === "softmax") return { scale: 1 / 256, zeroPoint: -128 };
  if (node.op !== "unary") return undefined;
  if (node.attributes.kind === "logistic") return { scale: 1 / 256, zeroPoint: -128 };
  if (node.attributes.kind === "tanh") return { scale: 1 / 128, zeroPoint: 0 };
  return undefined;
}

function checked(range: Range, tensor: Tensor): Range {
  if (Number.isFinite(range.min) && Number.isFinite(range.max) && range.min <= range.max) return range;
  throw new NibbleError(
    "bad-input",
    `tensor "${tensor.name}": expected a finite range with min ≤ max, found ${range.min}…${range.max}`,
  );
}

function checkPadValue(node: Node, value: number, { min, max }: Range, scale: number): void {
  if (value >= min - scale && value <= max + scale) return;
  throw new NibbleError(
    "unsupported",
    `pad "${node.name}": value ${value} lies outside ${min}…${max}, the fixed range of its input; exclude it`,
  );
}

function activationBounds(nodes: readonly Node[]): Map<Tensor, Activation> {
  const bounds = new Map<Tensor, Activation>();
  for (const { attributes, outputs } of nodes) {
    if ("activation" in attributes) bounds.set(outputs[0], attributes.activation);
  }
  return bounds;
}

function intersect(range: Range, bounds: Activation | undefined): Range {
  if (!bounds) return range;
  const clamp = (value: number) => Math.min(bounds.max, Math.max(bounds.min, value));
  return { min: clamp(range.min), max: clamp(range.max) };
}

/** How many inputs, graph outputs and states read each tensor. */
function useCounts(graph: Graph): Map<Tensor, number> {
  const counts = new Map<Tensor, number>();
  const kept = (graph.states ?? []).map(({ next }) => next);
  for (const tensor of [...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs, ...kept]) {
    if (tensor) counts.set(tensor, (counts.get(tensor) ?? 0) + 1);
  }
  return counts;
}

/** Disjoint sets of things that are equal by reference. */
function disjointSets<T>() {
  const parents = new Map<T, T>();
  const joined = new Set<T>();
  const find = (item: T): T => {
    let root = item;
    for (let next = parents.get(root); next !== undefined; next = parents.get(root)) root = next;
    return root;
  };
  return {
    find,
    join(a: T, b: T): void {
      const [from, to] = [find(a), find(b)];
      joined.add(to);
      if (from !== to) parents.set(from, to);
    },
    isAlone: (root: T): boolean => !joined.has(root),
  };
}
