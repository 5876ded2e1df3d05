import { elementCount, type Node, type Rounding, type Tensor } from "../graph/graph.ts";
import type { ScalarQuantization } from "../numerics/range.ts";
import { NibbleError } from "../runtime/errors.ts";
import type { Instruction } from "./record.ts";
import type { WeightsSection } from "./weights.ts";

/** What the functions under lower/ write to. */
export interface Lowering {
  rounding: Rounding;
  weights: WeightsSection;
  emit(instruction: Instruction): void;
  /** `to` becomes another view of the bytes of `from`. */
  alias(from: Tensor, to: Tensor): void;
  /** The source held uint8 where this tensor holds int8. */
  wasUint8(tensor: Tensor): boolean;
  /** A tensor of its own between two instructions of one node, typed as `like`. */
  intermediate(name: string, like: Tensor, shape: readonly number[]): Tensor;
}

/** Input `i` of a node. @throws NibbleError where the source left it out. */
export function inputOf(node: Node, i = 0): Tensor {
  const tensor = node.inputs[i];
  if (!tensor) throw unsupported(node.op, node.name, `input ${i} is missing`);
  return tensor;
}

/** The one scale and zero point of an activation. */
export function scalarQuantization(tensor: Tensor): ScalarQuantization {
  const q = tensor.quantization;
  if (q?.scale.length !== 1)
    throw new NibbleError(
      "unsupported",
      `tensor "${tensor.name}": expected one scale and zero point, found ${q ? `${q.scale.length} scales` : "none"}`,
    );
  return { scale: q.scale[0], zeroPoint: q.zeroPoint[0] };
}

export function sameQuantization(a: Tensor, b: Tensor): boolean {
  const p = scalarQuantization(a);
  const q = scalarQuantization(b);
  return p.scale === q.scale && p.zeroPoint === q.zeroPoint;
}

/** Whether stored values mean the same in both: types without parameters always do. */
export function sameMeaning(a: Tensor, b: Tensor): boolean {
  if (a.dtype !== b.dtype) return false;
  if (a.dtype !== "int8" && a.dtype !== "uint8" && a.dtype !== "int16") return true;
  if (!a.quantization || !b.quantization) return a.quantization === b.quantization;
  return sameQuantization(a, b);
}

/** Refuses what the engine has no kernel for, by operator, node and reason. */
export function unsupported(op: string, node: string, reason: string): NibbleError {
  return new NibbleError("unsupported", `${op} "${node}": ${reason}`);
}

/** The constant's values; refuses a computed tensor where the kernels need one that is known at pack time. */
export function constantData<T>(
  op: string,
  node: string,
  tensor: Tensor,
  type: new (...args: never[]) => T,
): T {
  if (!(tensor.data instanceof type))
    throw unsupported(
      op,
      node,
      `expected "${tensor.name}" to be a constant ${type.name}, found ${tensor.data ? tensor.dtype : "a computed tensor"}`,
    );
  if (elementCount(tensor.shape) !== (tensor.data as unknown as ArrayLike<number>).length)
    throw unsupported(
      op,
      node,
      `tensor "${tensor.name}" does not hold what its shape [${tensor.shape}] says`,
    );
  return tensor.data;
}
