import type { FileTensor } from "../format/decode.ts";
import { arrayOf, type DType, elementCount, type TensorData } from "../graph/graph.ts";
import { roundHalfEven } from "../numerics/rounding.ts";
import type { EngineMemory } from "./engine.ts";
import { NibbleError } from "./errors.ts";

/** One input or output of a model. real = scale · (q − zeroPoint) where scale is not 0. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly scale: number;
  readonly zeroPoint: number;
}

/** A tensor's description with a live view of its bytes in the model's memory. */
export interface BoundTensor {
  info: TensorInfo;
  view: TensorData;
}

export function bind(tensor: FileTensor, memory: EngineMemory, pointer: number): BoundTensor {
  const view = new (arrayOf(tensor.dtype))(memory.buffer, pointer, elementCount(tensor.shape));
  const { name, dtype, shape, scale, zeroPoint } = tensor;
  return { info: { name, dtype, shape, scale, zeroPoint }, view };
}

/** Copies `values` into the tensor; float32 is quantized where the tensor is int8, uint8 or int16. Allocates nothing. */
export function write({ info, view }: BoundTensor, values: ArrayLike<number> | ArrayLike<bigint>): void {
  if (values.length !== view.length)
    throw new NibbleError(
      "bad-input",
      `input "${info.name}": expected ${view.length} values (${info.dtype} [${info.shape.join(", ")}]), found ${values.length}`,
    );
  if (values instanceof Float32Array && isSmall(view)) {
    quantizeInto(view, values, info);
  } else if (values.constructor === view.constructor) {
    (view as Float32Array).set(values as Float32Array);
  } else {
    throw new NibbleError(
      "bad-input",
      `input "${info.name}": expected ${info.dtype} values${info.scale ? " or a Float32Array" : ""}, found ${values.constructor.name}`,
    );
  }
}

const isSmall = (view: TensorData): view is Int8Array | Uint8Array | Int16Array =>
  view instanceof Int8Array || view instanceof Uint8Array || view instanceof Int16Array;

function quantizeInto(
  view: Int8Array | Uint8Array | Int16Array,
  values: Float32Array,
  { name, scale, zeroPoint }: TensorInfo,
): void {
  if (!scale)
    throw new NibbleError(
      "bad-input",
      `input "${name}": it has no scale, so float values have no meaning for it`,
    );
  const size = view.BYTES_PER_ELEMENT;
  const low = view instanceof Uint8Array ? 0 : -(2 ** (8 * size - 1));
  const high = low + 2 ** (8 * size) - 1;
  // The arithmetic of the QUANTIZE operator: NaN becomes the largest value.
  const inverse = Math.fround(1 / scale);
  for (let i = 0; i < values.length; i++) {
    const q = roundHalfEven(Math.fround(values[i] * inverse)) + zeroPoint;
    view[i] = q < high ? Math.max(low, q) : high;
  }
}
