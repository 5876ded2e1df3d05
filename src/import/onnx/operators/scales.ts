/** The scale and zero point operands of QuantizeLinear and DequantizeLinear. */
import { arrayOf, type DType, elementCount, type Tensor } from "../../../graph/graph.ts";
import { type Constant, isConstant } from "../../../graph/passes/constant.ts";
import { entryOf, scaleLayout } from "../../../numerics/quantize-linear.ts";
import type { Scope } from "../scope.ts";
import { normalAxis } from "../shape.ts";

/** Scale and zero point of a Quantize- or DequantizeLinear, and how they lie along x. */
export interface Parameters {
  scale: Tensor;
  zero: Tensor | undefined;
  isPerTensor: boolean;
  axis: number;
  /** Indices of `axis` that share a scale; 0 where every one has its own. */
  block: number;
}

/** `type` is what the zero point has to be of, where that is known before. */
export function parametersOf(scope: Scope, shape: readonly number[], type?: Tensor): Parameters {
  const scale = scope.float(1);
  const zero = scope.stored(2);
  const count = elementCount(scale.shape);
  if (zero && elementCount(zero.shape) !== count) {
    throw scope.bad(`expected ${count} zero points, found ${elementCount(zero.shape)}`);
  }
  if (zero && type && zero.minifloat !== type.minifloat) {
    throw scope.bad(
      `expected zero points of ${type.minifloat ?? type.dtype}, found ${zero.minifloat ?? zero.dtype}`,
    );
  }
  if (isConstant(scale) && (scale.data as Float32Array).some((s) => !(s > 0 && Number.isFinite(s)))) {
    throw scope.bad("expected scales above 0");
  }
  if (count === 1) return { scale, zero, isPerTensor: true, axis: 0, block: 0 };
  const axis = normalAxis(scope.intAttribute("axis", 1), shape.length, scope.where);
  const block = scope.intAttribute("block_size", 0);
  if (block < 0) throw scope.bad(`expected a block_size of 0 or more, found ${block}`);
  const expected = block === 0 ? [shape[axis]] : shape.map((d, i) => (i === axis ? Math.ceil(d / block) : d));
  if (scale.shape.join() !== expected.join()) {
    throw scope.bad(`expected scales of shape [${expected.join(", ")}], found [${scale.shape.join(", ")}]`);
  }
  return { scale, zero, isPerTensor: false, axis, block };
}

const numbersOf = (tensor: Constant): ArrayLike<number> => tensor.data as ArrayLike<number>;

/** What each element of a constant becomes with its scale and zero point, where these are constant. */
export function foldLinear(
  x: Constant,
  { scale, zero, axis, block }: Parameters,
  to: DType,
  value: (v: number, scale: number, zero: number) => number,
): Constant | undefined {
  if (!isConstant(scale) || (zero && !isConstant(zero))) return undefined;
  const layout = scaleLayout(x.shape, scale.shape, axis, block);
  const zeros = zero ? numbersOf(zero as Constant) : undefined;
  const scales = numbersOf(scale);
  const from = numbersOf(x);
  const data = new (arrayOf(to))(from.length) as Float32Array;
  for (let i = 0; i < from.length; i++) {
    const entry = entryOf(layout, i);
    data[i] = value(from[i], scales[entry], zeros?.[entry] ?? 0);
  }
  return { name: "", dtype: to, shape: [...x.shape], data };
}
