/** Constants in other number formats, as float32. */
import { elementCount, type Quantization, type TensorData } from "../../graph/graph.ts";

/** Exact: every float16 is a float32. `bytes` is little-endian. */
export function decodeFloat16(bytes: Uint8Array): Float32Array {
  const out = new Float32Array(bytes.length >> 1);
  for (let i = 0; i < out.length; i++) {
    const half = bytes[2 * i] | (bytes[2 * i + 1] << 8);
    const sign = half >> 15 ? -1 : 1;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    if (exponent === 0) out[i] = sign * fraction * 2 ** -24;
    else if (exponent < 31) out[i] = sign * (1024 + fraction) * 2 ** (exponent - 25);
    else out[i] = fraction === 0 ? sign * Infinity : NaN;
  }
  return out;
}

/** scale · (q − zeroPoint), rounded once to float32. */
export function dequantize(
  data: TensorData,
  shape: readonly number[],
  { scale, zeroPoint, axis }: Quantization,
): Float32Array {
  const out = new Float32Array(data.length);
  const inner = elementCount(shape.slice(axis + 1));
  for (let i = 0; i < out.length; i++) {
    const c = scale.length === 1 ? 0 : Math.floor(i / inner) % scale.length;
    out[i] = scale[c] * (Number(data[i]) - zeroPoint[c]);
  }
  return out;
}
