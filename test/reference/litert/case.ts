/** What every case of a single-operator model is made of. */
import {
  buildTflite,
  type OperatorSpec,
  type OptionsSpec,
  type TensorSpec,
} from "../../helpers/tflite-builder.ts";

export interface LitertCase {
  name: string;
  model: Uint8Array;
  inputs: (Int8Array | Uint8Array | Int16Array | Float32Array)[];
}

export type Quantized = "int8" | "uint8";

/** A generator of small integers that gives the same numbers in every engine. */
export function drawing(seed: number) {
  let state = seed >>> 0;
  const upTo = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const between = (from: number, to: number) => from + upTo(to - from + 1);
  const value = (type: Quantized) => upTo(256) - (type === "int8" ? 128 : 0);
  const values = (type: Quantized, n: number) => {
    const array = type === "int8" ? new Int8Array(n) : new Uint8Array(n);
    return array.map(() => value(type));
  };
  const words = (n: number) => new Int16Array(n).map(() => upTo(65536) - 32768);
  return { between, value, values, words };
}

export type Draw = ReturnType<typeof drawing>;

/** Adds some draws of a case, or of several. */
export type Add = (name: string, make: (draw: Draw, name: string) => LitertCase | LitertCase[]) => void;

export const at = (
  name: string,
  type: TensorSpec["type"],
  shape: number[],
  scale: number,
  zeroPoint: number,
): TensorSpec => ({
  name,
  type,
  shape,
  scale: [Math.fround(scale)],
  zeroPoint: [zeroPoint],
});

export function single(
  name: string,
  op: OperatorSpec["op"],
  options: OptionsSpec | undefined,
  tensors: TensorSpec[],
  inputs: LitertCase["inputs"],
): LitertCase {
  const operands = tensors.slice(0, -1).map((tensor) => tensor.name);
  const operator = { op, inputs: operands, outputs: ["y"], ...(options && { options }) };
  const variable = tensors
    .filter((tensor) => tensor.name !== "y" && !tensor.data)
    .map((tensor) => tensor.name);
  return {
    name,
    model: buildTflite({ tensors, operators: [operator], inputs: variable, outputs: ["y"] }),
    inputs,
  };
}

/** A base step and a few multiples of it. */
export function scales(draw: Draw, count: number): number[] {
  const base = Math.fround(draw.between(10, 99) / 1000);
  return Array.from({ length: count }, () => base * draw.between(1, 12));
}
