import { arrayOf, elementCount, type Tensor, type TensorData } from "../graph/graph.ts";
import { quantizeValues } from "../quantize/affine.ts";
import { NibbleError } from "../runtime/errors.ts";
import type { NpyArray } from "./npy.ts";

/** What a reader has to know of a graph's input. */
export type InputSpec = Pick<Tensor, "name" | "dtype" | "shape" | "quantization">;

/** The raw little-endian bytes of `input`'s own type. */
export function fromBin(bytes: Uint8Array, input: InputSpec, file: string): TensorData {
  const array = arrayOf(input.dtype);
  const count = elementCount(input.shape);
  const expected = count * array.BYTES_PER_ELEMENT;
  if (bytes.length !== expected) {
    throw new NibbleError(
      "bad-input",
      `${file}: input "${input.name}" expected ${expected} bytes (${input.dtype} [${input.shape}]), found ${bytes.length}`,
    );
  }
  // A copy: `bytes` need not be aligned, and may be a view.
  return new array(new Uint8Array(bytes).buffer);
}

/** Whether two shapes agree but for dimensions of 1. */
export function sameButOnes(a: readonly number[], b: readonly number[]): boolean {
  const solid = (shape: readonly number[]) => shape.filter((d) => d !== 1).join();
  return solid(a) === solid(b);
}

/**
 * `found` as `input` wants it: the same shape but for dimensions of 1; numbers become float32, floats are
 * quantized with the input's parameters, integers change their width where every value fits.
 */
export function fromArray(found: NpyArray, input: InputSpec, file: string): TensorData {
  if (!sameButOnes(found.shape, input.shape)) {
    throw new NibbleError(
      "bad-input",
      `${file}: input "${input.name}" expected shape [${input.shape}], found [${found.shape}]`,
    );
  }
  if (found.dtype === input.dtype) return found.data;
  if (input.dtype === "float32") return Float32Array.from(found.data as ArrayLike<number>, Number);
  if (found.dtype === "float32") return fromReal(found.data as Float32Array, input, file);
  return integers(found, input, file);
}

/** Real values → what `input` holds. */
export function fromReal(values: Float32Array, input: InputSpec, file: string): TensorData {
  if (input.dtype === "float32") return values;
  const { quantization } = input;
  if (!quantization) {
    throw new NibbleError(
      "bad-input",
      `${file}: input "${input.name}" is ${input.dtype} without a scale, found float32; store it as ${input.dtype}`,
    );
  }
  const affine = { scale: quantization.scale[0], zeroPoint: quantization.zeroPoint[0] };
  if (input.dtype === "int8") return quantizeValues(values, affine);
  if (input.dtype === "uint8") {
    const shifted = quantizeValues(values, { ...affine, zeroPoint: affine.zeroPoint - 128 });
    return Uint8Array.from(shifted, (q) => q + 128);
  }
  throw new NibbleError(
    "unsupported",
    `${file}: input "${input.name}" is ${input.dtype}, found float32; store it as ${input.dtype}`,
  );
}

function integers(found: NpyArray, input: InputSpec, file: string): TensorData {
  const wide = BigInt64Array.from(found.data as ArrayLike<number>, BigInt);
  if (input.dtype === "int64") return wide;
  const narrow = new (arrayOf(input.dtype))(wide.length) as Exclude<TensorData, BigInt64Array>;
  wide.forEach((value, i) => {
    narrow[i] = Number(value);
    if (BigInt(narrow[i]) === value) return;
    throw new NibbleError(
      "bad-input",
      `${file}: input "${input.name}" is ${input.dtype}, element ${i} of the ${found.dtype} array is ${value}`,
    );
  });
  return narrow;
}
