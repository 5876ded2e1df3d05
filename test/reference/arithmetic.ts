import { isComparison, type NodeOf, type TensorData } from "../../src/graph/graph.ts";
import { floatBinary, wholeBinary } from "../../src/numerics/binary.ts";
import { castElements, wrapWhole } from "../../src/numerics/cast.ts";
import { clamp } from "../../src/numerics/rounding.ts";
import { emptyLike, indexOf, type Operands, stridesOf } from "./tensor.ts";

/** Position in an operand of `shape` of the element that meets output element `index`. */
function broadcastPosition(index: readonly number[], shape: readonly number[]): number {
  const steps = stridesOf(shape);
  const own = index.slice(index.length - shape.length);
  return own.reduce((at, i, d) => at + (shape[d] === 1 ? 0 : i * steps[d]), 0);
}

type ArithmeticNode = NodeOf<"add"> | NodeOf<"sub"> | NodeOf<"mul"> | NodeOf<"binary">;

/** float32, or whole numbers; stored 8-bit values are compared and chosen as they are. */
export function arithmetic(node: ArithmeticNode, { values }: Operands): TensorData {
  const [y] = node.outputs;
  const kind = node.op === "binary" ? node.attributes.kind : node.op;
  const { dtype } = node.inputs[0]!;
  const { min, max } = node.attributes.activation;
  const out = emptyLike(y);
  for (let flat = 0; flat < out.length; flat++) {
    const index = indexOf(flat, y.shape);
    const [a, b] = node.inputs.map((t, i) => values[i]![broadcastPosition(index, t!.shape)]!);
    if (dtype === "float32" && node.op === "binary") {
      const v = floatBinary(node.attributes.kind, a as number, b as number);
      out[flat] = isComparison(node.attributes.kind) ? v : clamp(v, Math.fround(min), Math.fround(max));
    } else {
      const [p, q] = [a, b].map((v) => wrapWhole(BigInt(v!), dtype));
      const v = wrapWhole(wholeBinary(kind, p!, q!), y.dtype);
      out[flat] = out instanceof BigInt64Array ? v : Number(v);
    }
  }
  return out;
}

export function select(node: NodeOf<"select">, { values }: Operands): TensorData {
  const [y] = node.outputs;
  const out = emptyLike(y);
  for (let flat = 0; flat < out.length; flat++) {
    const index = indexOf(flat, y.shape);
    const [condition, a, b] = node.inputs.map((t, i) => values[i]![broadcastPosition(index, t!.shape)]!);
    const chosen = condition ? a! : b!;
    out[flat] = y.dtype === "bool" ? Number(chosen !== 0) : chosen;
  }
  return out;
}

export const cast = (node: NodeOf<"cast">, { values }: Operands): TensorData =>
  castElements(values[0]!, node.inputs[0]!.dtype, node.outputs[0].dtype);
