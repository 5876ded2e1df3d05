import type { DType, Quantization, Tensor } from "../../../graph/graph.ts";
import { isConstant } from "../../../graph/passes/constant.ts";
import type { Scope } from "../scope.ts";
import { normalAxis } from "../shape.ts";
import { dtypeOf } from "../tensor-data.ts";

const storable = (dtype: DType | undefined): boolean => dtype === "int8" || dtype === "uint8";

/** Scale and zero point of a Quantize- or DequantizeLinear: one, or for weights one per index of an axis. */
function quantizationOf(scope: Scope, shape: readonly number[], isWeights: boolean): Quantization {
  if (scope.intAttribute("block_size", 0) !== 0) throw scope.unsupported("blocked scales");
  const scale = scope.constant(1, "the scale");
  if (!(scale.data instanceof Float32Array) || scale.dtype !== "float32") {
    throw scope.unsupported(`a ${scale.dtype} scale`);
  }
  const zero = scope.has(2) ? scope.constant(2, "the zero point") : undefined;
  const isPerTensor = scale.data.length === 1;
  if (!isPerTensor && !isWeights) throw scope.unsupported("a scale per index of an axis, for no constant");
  const axis = isPerTensor ? 0 : normalAxis(scope.intAttribute("axis", 1), shape.length, scope.where);
  if (!isPerTensor && scale.data.length !== shape[axis]) {
    throw scope.bad(`expected ${shape[axis]} scales along axis ${axis}, found ${scale.data.length}`);
  }
  if (zero && zero.data.length !== scale.data.length) {
    throw scope.bad(`expected ${scale.data.length} zero points, found ${zero.data.length}`);
  }
  if (scale.data.some((s) => !(s > 0 && Number.isFinite(s)))) {
    throw scope.bad("expected scales above 0");
  }
  const zeroPoint = zero
    ? Int32Array.from(zero.data as ArrayLike<number | bigint>, Number)
    : new Int32Array(scale.data.length);
  return { scale: scale.data.slice(), zeroPoint, axis };
}

function quantizeLinear(scope: Scope): Tensor {
  const x = scope.float(0);
  const dtype = scope.has(2)
    ? scope.constant(2, "the zero point").dtype
    : (dtypeOf(scope.intAttribute("output_dtype", 2)) ?? "uint8");
  if (!storable(dtype)) throw scope.unsupported(`quantization to ${dtype} (int8 and uint8 work)`);
  const quantization = quantizationOf(scope, x.shape, false);
  return scope.emit("quantize", [x], {}, x.shape, { dtype, quantization });
}

function dequantizeLinear(scope: Scope): Tensor {
  const x = scope.input(0);
  const isWeights = isConstant(x);
  if (!storable(x.dtype) && !(isWeights && x.dtype === "int32")) {
    throw scope.unsupported(`dequantization of ${x.dtype} (int8 and uint8 work, int32 when constant)`);
  }
  const quantization = quantizationOf(scope, x.shape, isWeights);
  const source = scope.annotate(x, quantization);
  return scope.emit("dequantize", [source], {}, x.shape);
}

export const quantization: Record<string, (scope: Scope) => Tensor> = {
  DequantizeLinear: dequantizeLinear,
  QuantizeLinear: quantizeLinear,
};
