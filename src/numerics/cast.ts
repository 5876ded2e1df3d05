import { arrayOf, type DType, type TensorData } from "../graph/graph.ts";

/** Bits of the types of whole numbers; uint8 is the one without sign. */
const widths: Partial<Record<DType, number>> = { int8: 8, uint8: 8, int16: 16, int32: 32, int64: 64 };

/** A whole number as an element of `dtype`: its low bits; as a bool, whether it differs from 0. */
export function wrapWhole(value: bigint, dtype: DType): bigint {
  if (dtype === "bool") return BigInt(value !== 0n);
  const width = widths[dtype] ?? 64;
  return dtype === "uint8" ? BigInt.asUintN(width, value) : BigInt.asIntN(width, value);
}

/** Towards zero, within the type's range; NaN is 0. As a bool, whether it differs from 0. */
function wholeOf(value: number, dtype: DType): bigint {
  if (dtype === "bool") return BigInt(value !== 0);
  if (Number.isNaN(value)) return 0n;
  const high = 2n ** BigInt((widths[dtype] ?? 64) - (dtype === "uint8" ? 0 : 1)) - 1n;
  const low = dtype === "uint8" ? 0n : -high - 1n;
  if (value >= Number(high)) return high;
  return value <= Number(low) ? low : BigInt(Math.trunc(value));
}

/** Elements of one type as elements of another: what `cast` computes. */
export function castElements(from: TensorData, fromType: DType, to: DType): TensorData {
  const whole = (v: number | bigint): bigint => {
    if (fromType === "float32") return wholeOf(v as number, to);
    return wrapWhole(wrapWhole(BigInt(v), fromType), to);
  };
  if (to === "float32")
    return Float32Array.from(from as ArrayLike<number>, (v) =>
      fromType === "bool" ? Number(v !== 0) : Number(v),
    );
  if (to === "int64") return BigInt64Array.from(from as ArrayLike<number>, whole);
  const make = arrayOf(to) as Int32ArrayConstructor;
  return make.from(from as ArrayLike<number>, (v) => Number(whole(v)));
}
