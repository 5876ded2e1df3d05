import { elementCount, type Tensor } from "../../graph/graph.ts";
import { newData } from "../../graph/passes/constant.ts";
import { NibbleError } from "../../runtime/errors.ts";
import type { OnnxDimension, OnnxValue } from "./proto.ts";
import { checkedCount } from "./shape.ts";
import { storageOf, typeName } from "./tensor-data.ts";

/** A dimension's size, or undefined where the file leaves it open (a symbol, nothing, 0 or −1). */
const fixedSize = (dimension: OnnxDimension): number | undefined =>
  typeof dimension === "number" && dimension > 0 ? dimension : undefined;

function givenShape(input: OnnxValue, given: number[]): number[] {
  const declared = input.shape;
  const fits =
    !declared ||
    (declared.length === given.length &&
      declared.every((d, i) => fixedSize(d) === undefined || fixedSize(d) === given[i]));
  if (fits && given.includes(0))
    throw new NibbleError(
      "unsupported",
      `input "${input.name}": a tensor without elements, [${given.join(", ")}]`,
    );
  if (!fits || given.some((d) => !Number.isInteger(d) || d < 1)) {
    const expected = declared?.map((d) => fixedSize(d) ?? (d || "?")).join(", ") ?? "?";
    throw new NibbleError(
      "bad-input",
      `input "${input.name}": expected a shape that fits [${expected}], found inputShapes [${given.join(", ")}]`,
    );
  }
  return [...given];
}

function declaredShape(input: OnnxValue): number[] {
  if (!input.shape) {
    throw new NibbleError(
      "unsupported",
      `input "${input.name}": its shape is not in the file; give it with inputShapes: { "${input.name}": [1, …] }`,
    );
  }
  return input.shape.map((dimension, index) => {
    const size = fixedSize(dimension);
    if (size !== undefined) return size;
    if (index === 0) return 1;
    const symbol = typeof dimension === "string" && dimension ? ` ("${dimension}")` : "";
    throw new NibbleError(
      "unsupported",
      `input "${input.name}": dimension ${index}${symbol} has no fixed size in the file; give the whole shape ` +
        `with inputShapes: { "${input.name}": [${input.shape!.map((d, i) => fixedSize(d) ?? (i ? "?" : 1)).join(", ")}] }`,
    );
  });
}

/** The input as a constant of `given`: one number for every element, or all of them. */
function constantInput(input: Tensor, given: number | number[]): Tensor {
  const data = newData(input.dtype, elementCount(input.shape));
  const list = typeof given === "number" ? new Array<number>(data.length).fill(given) : given;
  const isWhole = input.dtype === "float32" || list.every(Number.isInteger);
  if (list.length !== data.length || !isWhole) {
    throw new NibbleError(
      "bad-input",
      `input "${input.name}": expected inputValues to hold ${data.length} numbers of ${input.dtype}, found ` +
        `[${list.join(", ")}]`,
    );
  }
  list.forEach((value, i) => {
    data[i] = data instanceof BigInt64Array ? BigInt(value) : value;
  });
  return { ...input, data };
}

function refuseStrangers(option: string, given: object, inputs: OnnxValue[]): void {
  for (const name of Object.keys(given)) {
    if (inputs.some((input) => input.name === name)) continue;
    const names = inputs.map((input) => `"${input.name}"`).join(", ");
    throw new NibbleError(
      "bad-input",
      `${option} names "${name}", which is no input; the inputs are ${names}`,
    );
  }
}

/**
 * The model's inputs with every dimension fixed: an open first dimension is the batch and becomes 1; other
 * open ones need `inputShapes`. Those in `inputValues` are constants.
 */
export function resolveInputs(
  inputs: OnnxValue[],
  inputShapes: Record<string, number[]>,
  inputValues: Record<string, number | number[]>,
): Tensor[] {
  refuseStrangers("inputShapes", inputShapes, inputs);
  refuseStrangers("inputValues", inputValues, inputs);
  return inputs.map((input) => {
    const storage = storageOf(input.elementType);
    if (!storage) {
      throw new NibbleError(
        "unsupported",
        `input "${input.name}": expected a tensor of float, bool, int64 or integers of 2 to 32 bits, found ` +
          (input.otherType ?? typeName(input.elementType)),
      );
    }
    const given = Object.hasOwn(inputShapes, input.name) ? inputShapes[input.name] : undefined;
    const shape = given ? givenShape(input, given) : declaredShape(input);
    checkedCount(shape, `input "${input.name}"`);
    const { dtype, range, minifloat } = storage;
    const tensor: Tensor = { name: input.name, dtype, shape };
    if (range) tensor.range = range;
    if (minifloat) tensor.minifloat = minifloat;
    return Object.hasOwn(inputValues, input.name) ? constantInput(tensor, inputValues[input.name]) : tensor;
  });
}
