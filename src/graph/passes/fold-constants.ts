import { floatBinary, wholeBinary } from "../../numerics/binary.ts";
import { castElements, wrapWhole } from "../../numerics/cast.ts";
import {
  elementCount,
  type Graph,
  isComparison,
  type Node,
  type NodeOf,
  type Tensor,
  type TensorData,
} from "../graph.ts";
import {
  broadcastSteps,
  type Constant,
  foldingRoom,
  gather,
  hasRoom,
  isConstant,
  isFloatConstant,
  newData,
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

/** By the runtime's own rules, in every type. */
function foldBinary(node: NodeOf<"binary">, [a, b]: Constant[]): TensorData | null {
  const [y] = node.outputs;
  const { kind, activation } = node.attributes;
  if ([a, b, y].some((t) => t.quantization)) return null;
  const count = elementCount(y.shape);
  const left = gather(a.data, count, walk(y.shape, broadcastSteps(a.shape, y.shape)));
  const right = gather(b.data, count, walk(y.shape, broadcastSteps(b.shape, y.shape)));
  const data = newData(y.dtype, count);
  for (let i = 0; i < count; i++) {
    if (a.dtype === "float32") {
      const v = floatBinary(kind, left[i] as number, right[i] as number);
      data[i] = isComparison(kind) ? v : clamp(v, activation);
    } else {
      const [p, q] = [left[i], right[i]].map((v) => wrapWhole(BigInt(v), a.dtype));
      const v = wrapWhole(wholeBinary(kind, p, q), y.dtype);
      data[i] = data instanceof BigInt64Array ? v : Number(v);
    }
  }
  return data;
}

function foldSelect(node: NodeOf<"select">, operands: Constant[]): TensorData {
  const { shape, dtype } = node.outputs[0];
  const count = elementCount(shape);
  const [condition, a, b] = operands.map((t) =>
    gather(t.data, count, walk(shape, broadcastSteps(t.shape, shape))),
  );
  const data = newData(dtype, count);
  for (let i = 0; i < count; i++) data[i] = condition[i] ? a[i] : b[i];
  return data;
}

/** Only functions whose float32 result is the same everywhere; exp and its kin are the runtime's own. */
function foldUnary(node: NodeOf<"unary">, x: Constant): TensorData | null {
  if (!isFloatConstant(x)) return null;
  const { kind, min, max } = node.attributes;
  if (kind === "abs") return x.data.map(Math.abs);
  if (kind === "neg") return x.data.map((v) => -v);
  if (kind === "relu") return x.data.map((v) => Math.max(v, 0));
  if (kind === "sqrt") return x.data.map(Math.sqrt);
  if (kind === "floor") return x.data.map(Math.floor);
  if (kind === "ceil") return x.data.map(Math.ceil);
  if (kind === "reciprocal") return x.data.map((v) => 1 / v);
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
    case "binary":
      return foldBinary(node, operands);
    case "select":
      return foldSelect(node, operands);
    case "cast":
      return operands[0].quantization
        ? null
        : castElements(operands[0].data, operands[0].dtype, node.outputs[0].dtype);
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
  const room = foldingRoom(graph);
  for (const node of [...graph.nodes]) {
    const [output] = node.outputs;
    if (!node.inputs.every(isConstant) || node.inputs.length === 0 || graph.outputs.includes(output))
      continue;
    if (!hasRoom(room, output.dtype, elementCount(output.shape))) continue;
    const data = compute(node, node.inputs as Constant[]);
    if (!data) continue;
    if (data !== node.inputs[0].data) room.left -= data.byteLength;
    const folded: Tensor = { ...output, data };
    replaceUses(graph, output, folded);
    graph.nodes.splice(graph.nodes.indexOf(node), 1);
    changed = true;
  }
  return changed;
}
