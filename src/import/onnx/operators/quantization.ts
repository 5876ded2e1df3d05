import { arrayOf, type DType, elementCount, type Quantization, type Tensor } from "../../../graph/graph.ts";
import { type Constant, floatConstant, isConstant } from "../../../graph/passes/constant.ts";
import {
  dequantizeLinearValue,
  entryOf,
  linearRange,
  quantizeLinearValue,
  scaleLayout,
} from "../../../numerics/quantize-linear.ts";
import type { Scope } from "../scope.ts";
import { normalAxis } from "../shape.ts";
import { type Storage, storageOf, typeName } from "../tensor-data.ts";

const isByte = (dtype: DType): boolean => dtype === "int8" || dtype === "uint8";

/** Scale and zero point of a Quantize- or DequantizeLinear, and how they lie along x. */
interface Parameters {
  scale: Tensor;
  zero: Tensor | undefined;
  isPerTensor: boolean;
  axis: number;
  /** Indices of `axis` that share a scale; 0 where every one has its own. */
  block: number;
}

function parametersOf(scope: Scope, shape: readonly number[]): Parameters {
  const scale = scope.float(1);
  const zero = scope.optional(2);
  const count = elementCount(scale.shape);
  if (zero && elementCount(zero.shape) !== count) {
    throw scope.bad(`expected ${count} zero points, found ${elementCount(zero.shape)}`);
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

/** Constant parameters in the form that tensors carry; undefined for computed or blocked ones. */
function staticQuantization({ scale, zero, axis, block }: Parameters): Quantization | undefined {
  if (!isConstant(scale) || block !== 0 || (zero && !isConstant(zero))) return undefined;
  const zeroPoint = zero
    ? Int32Array.from(zero.data as ArrayLike<number>, Number)
    : new Int32Array(scale.data.length);
  return { scale: (scale.data as Float32Array).slice(), zeroPoint, axis };
}

const numbersOf = (tensor: Constant): ArrayLike<number> => tensor.data as ArrayLike<number>;

/** What each element of a constant becomes with its scale and zero point. */
function foldLinear(
  x: Constant,
  parameters: Parameters,
  shape: readonly number[],
  to: DType,
  value: (v: number, scale: number, zero: number) => number,
): Constant | undefined {
  const { scale, zero, axis, block } = parameters;
  if (!isConstant(scale) || (zero && !isConstant(zero))) return undefined;
  const layout = scaleLayout(shape, scale.shape, axis, block);
  const zeros = zero ? numbersOf(zero as Constant) : undefined;
  const scales = numbersOf(scale);
  const from = numbersOf(x);
  const data = new (arrayOf(to))(from.length) as Float32Array;
  for (let i = 0; i < from.length; i++) {
    const entry = entryOf(layout, i);
    data[i] = value(from[i], scales[entry], zeros?.[entry] ?? 0);
  }
  return { name: "", dtype: to, shape: [...shape], data };
}

/** The integers that a QuantizeLinear writes: those of its zero point, else what it says, else uint8. */
function resultType(scope: Scope, zero: Tensor | undefined): Storage {
  if (zero) {
    if (isByte(zero.dtype) || zero.dtype === "int16" || zero.range) return zero;
    throw scope.unsupported(`quantization to ${zero.dtype}`);
  }
  const type = scope.intAttribute("output_dtype", 0) || 2;
  const storage = storageOf(type);
  if (!storage || !(isByte(storage.dtype) || storage.dtype === "int16" || storage.range)) {
    throw scope.unsupported(`quantization to ${typeName(type)}`);
  }
  return storage;
}

/**
 * Constants are quantized here. 8 bits with one constant scale become the quantize that keeps integers integers;
 * everything else computes with its scales at run time.
 */
function quantizeLinear(scope: Scope): Tensor {
  const x = scope.input(0);
  if (x.dtype !== "float32" && x.dtype !== "int32") throw scope.unsupported(`${x.dtype} operand "${x.name}"`);
  const parameters = parametersOf(scope, x.shape);
  const { scale, zero, isPerTensor, axis, block } = parameters;
  const { dtype, range } = resultType(scope, zero);
  const type = range ? { dtype, range } : { dtype };
  if (isConstant(x)) {
    const bounds = linearRange(type);
    const folded = foldLinear(x, parameters, x.shape, dtype, (v, s, z) =>
      quantizeLinearValue(v, s, z, bounds, false),
    );
    if (folded) return range ? { ...folded, range } : folded;
  }
  const quantization = staticQuantization(parameters);
  if (quantization && isPerTensor && isByte(dtype) && !range && x.dtype === "float32") {
    return scope.emit("quantize", [x], { divides: true }, x.shape, { dtype, quantization });
  }
  const y = scope.emit(
    "quantizeLinear",
    [x, scale, zero ?? null],
    { axis, block, multiplies: false },
    x.shape,
    {
      dtype,
    },
  );
  if (range) y.range = range;
  return y;
}

function dequantizeLinear(scope: Scope): Tensor {
  const x = scope.input(0);
  if (!isByte(x.dtype) && x.dtype !== "int16" && x.dtype !== "int32") {
    throw scope.unsupported(`dequantization of ${x.dtype}`);
  }
  const parameters = parametersOf(scope, x.shape);
  const { scale, zero, isPerTensor, axis, block } = parameters;
  const isWeights = isConstant(x);
  const canStay = isByte(x.dtype) || (isWeights && x.dtype === "int32" && !x.range);
  const quantization = canStay && (isPerTensor || isWeights) ? staticQuantization(parameters) : undefined;
  const source = quantization && scope.annotate(x, quantization);
  if (source) return scope.emit("dequantize", [source], {}, x.shape);
  if (isWeights) {
    const folded = foldLinear(x, parameters, x.shape, "float32", dequantizeLinearValue);
    if (folded) return floatConstant(scope.nameFor("real"), folded.shape, folded.data as Float32Array);
  }
  return scope.emit("dequantizeLinear", [x, scale, zero ?? null], { axis, block }, x.shape);
}

/** y, its scale and its zero point, which follow the range of x. */
function dynamicQuantizeLinear(scope: Scope): Tensor[] {
  const x = scope.float(0);
  const scale = scope.emit("dynamicRange", [x], {}, []);
  const zero = scope.emit("dynamicRange", [x], {}, [], { dtype: "uint8" });
  const y = scope.emit(
    "quantizeLinear",
    [x, scale, zero],
    { axis: 0, block: 0, multiplies: false },
    x.shape,
    {
      dtype: "uint8",
    },
  );
  return [y, scale, zero];
}

export const quantization: Record<string, (scope: Scope) => Tensor | Tensor[]> = {
  DequantizeLinear: dequantizeLinear,
  DynamicQuantizeLinear: dynamicQuantizeLinear,
  QuantizeLinear: quantizeLinear,
};
