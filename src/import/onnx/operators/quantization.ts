import type { DType, Minifloat, Quantization, Tensor } from "../../../graph/graph.ts";
import { type Constant, floatConstant, isConstant } from "../../../graph/passes/constant.ts";
import { minifloatCode, minifloats, minifloatValues } from "../../../numerics/minifloat.ts";
import {
  dequantizeLinearValue,
  linearRange,
  quantizeLinearValue,
} from "../../../numerics/quantize-linear.ts";
import type { Scope } from "../scope.ts";
import { type Storage, storageOf, typeName } from "../tensor-data.ts";
import { dequantizeCodes, negatedValues, quantizeToCodes } from "./minifloat.ts";
import { foldLinear, type Parameters, parametersOf } from "./scales.ts";

const f = Math.fround;

const isByte = (dtype: DType): boolean => dtype === "int8" || dtype === "uint8";

/** Constant parameters in the form that tensors carry; undefined for computed or blocked ones. */
function staticQuantization({ scale, zero, axis, block }: Parameters): Quantization | undefined {
  if (!isConstant(scale) || block !== 0 || (zero && !isConstant(zero))) return undefined;
  const zeroPoint = zero
    ? Int32Array.from(zero.data as ArrayLike<number>, Number)
    : new Int32Array(scale.data.length);
  return { scale: (scale.data as Float32Array).slice(), zeroPoint, axis };
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

function quantizeToMinifloat(scope: Scope, x: Tensor, parameters: Parameters, minifloat: Minifloat): Tensor {
  if (x.dtype !== "float32") throw scope.unsupported(`quantization of ${x.dtype} to ${minifloat}`);
  if (!isConstant(x)) return quantizeToCodes(scope, x, parameters, minifloat);
  const format = minifloats[minifloat];
  const zeros = negatedValues(format);
  const saturates = scope.intAttribute("saturate", 1) !== 0;
  const folded = foldLinear(x, parameters, "uint8", (v, scale, zero) =>
    minifloatCode(f(f(v / scale) - zeros[zero]), format, saturates),
  );
  return folded ? { ...folded, minifloat } : quantizeToCodes(scope, x, parameters, minifloat);
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
  const precision = scope.intAttribute("precision", 0);
  if (precision > 1) throw scope.unsupported(`division in ${typeName(precision)}`);
  const { dtype, range, minifloat } = resultType(scope, zero);
  if (minifloat) return quantizeToMinifloat(scope, x, parameters, minifloat);
  const type = range ? { dtype, range } : { dtype };
  if (isConstant(x)) {
    const bounds = linearRange(type);
    const folded = foldLinear(x, parameters, dtype, (v, s, z) => quantizeLinearValue(v, s, z, bounds, false));
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

function dequantizeMinifloat(scope: Scope, x: Tensor, parameters: Parameters, minifloat: Minifloat): Tensor {
  const values = minifloatValues(minifloats[minifloat]);
  const every: Constant = {
    name: "",
    dtype: "uint8",
    shape: [values.length],
    data: Uint8Array.from(values.keys()),
  };
  const folds = isConstant(x) ? x : parameters.isPerTensor ? every : undefined;
  const folded =
    folds &&
    foldLinear(folds, parameters, "float32", (code, scale, zero) =>
      f(f(values[code] - values[zero]) * scale),
    );
  if (!folded || !isConstant(x)) return dequantizeCodes(scope, x, parameters, folded);
  return floatConstant(scope.nameFor("real"), folded.shape, folded.data as Float32Array);
}

function dequantizeLinear(scope: Scope): Tensor {
  const x = scope.stored(0) ?? scope.input(0);
  if (!isByte(x.dtype) && x.dtype !== "int16" && x.dtype !== "int32") {
    throw scope.unsupported(`dequantization of ${x.dtype}`);
  }
  const parameters = parametersOf(scope, x.shape, x);
  if (x.minifloat) return dequantizeMinifloat(scope, x, parameters, x.minifloat);
  const { scale, zero, isPerTensor, axis, block } = parameters;
  const isWeights = isConstant(x);
  const canStay = isByte(x.dtype) || (isWeights && x.dtype === "int32" && !x.range);
  const quantization = canStay && (isPerTensor || isWeights) ? staticQuantization(parameters) : undefined;
  const source = quantization && scope.annotate(x, quantization);
  if (source) return scope.emit("dequantize", [source], {}, x.shape);
  if (isWeights) {
    const folded = foldLinear(x, parameters, "float32", dequantizeLinearValue);
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
