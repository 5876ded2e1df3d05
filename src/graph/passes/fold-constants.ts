import { elementCount, type Graph, type Node, type NodeOf, type Tensor, type TensorData } from "../graph.ts";
import {
  broadcastSteps,
  type Constant,
  gather,
  isConstant,
  isFloatConstant,
  maxFoldedElements,
  walk,
} from "./constant.ts";
import { moveConstants } from "./move-constants.ts";
import { replaceUses } from "./rewrite.ts";

const clamp = (v: number, { min, max }: { min: number; max: number }): number =>
  Math.min(Math.max(v, min), max);

/** Float32 arithmetic, one rounding; integers are left to the runtime. */
function foldArithmetic(
  node: NodeOf<"add"> | NodeOf<"sub"> | NodeOf<"mul">,
  operands: Constant[],
): TensorData | null {
  const [a, b] = operands;
  if (!isFloatConstant(a) || !isFloatConstant(b)) return null;
  const { shape } = node.outputs[0];
  const count = elementCount(shape);
  const left = gather(a.data, count, walk(shape, broadcastSteps(a.shape, shape))) as Float32Array;
  const right = gather(b.data, count, walk(shape, broadcastSteps(b.shape, shape))) as Float32Array;
  const compute: Record<typeof node.op, (p: number, q: number) => number> = {
    add: (p, q) => p + q,
    sub: (p, q) => p - q,
    mul: (p, q) => p * q,
  };
  return left.map((p, i) => clamp(Math.fround(compute[node.op](p, right[i])), node.attributes.activation));
}

/** Only functions whose float32 result is the same everywhere; exp and its kin are the runtime's own. */
function foldUnary(node: NodeOf<"unary">, x: Constant): TensorData | null {
  if (!isFloatConstant(x)) return null;
  const { kind, min, max } = node.attributes;
  if (kind === "abs") return x.data.map(Math.abs);
  if (kind === "neg") return x.data.map((v) => -v);
  if (kind === "relu") return x.data.map((v) => Math.max(v, 0));
  if (kind === "sqrt") return x.data.map(Math.sqrt);
  if (kind === "square") return x.data.map((v) => v * v);
  if (kind !== "clip") return null;
  const bounds = { min: min ?? Number.NEGATIVE_INFINITY, max: max ?? Number.POSITIVE_INFINITY };
  return x.data.map((v) => clamp(v, bounds));
}

function compute(node: Node, operands: Constant[]): TensorData | null {
  switch (node.op) {
    case "add":
    case "sub":
    case "mul":
      return foldArithmetic(node, operands);
    case "unary":
      return foldUnary(node, operands[0]);
    default:
      return moveConstants(node, operands);
  }
}

/**
 * Computes nodes whose operands are all constant, up to a size, where float32 arithmetic leaves no choice.
 * What a model gives out stays a node.
 */
export function foldConstants(graph: Graph): boolean {
  let changed = false;
  for (const node of [...graph.nodes]) {
    const [output] = node.outputs;
    if (!node.inputs.every(isConstant) || node.inputs.length === 0 || graph.outputs.includes(output))
      continue;
    if (elementCount(output.shape) > maxFoldedElements) continue;
    const data = compute(node, node.inputs as Constant[]);
    if (!data) continue;
    const folded: Tensor = { ...output, data };
    replaceUses(graph, output, folded);
    graph.nodes.splice(graph.nodes.indexOf(node), 1);
    changed = true;
  }
  return changed;
}
