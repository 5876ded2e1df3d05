import type { Tensor } from "../../graph/graph.ts";
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

/**
 * The model's inputs with every dimension fixed: an open first dimension is the batch and becomes 1; other
 * open ones need `inputShapes`.
 */
export function resolveInputs(inputs: OnnxValue[], inputShapes: Record<string, number[]>): Tensor[] {
  for (const name of Object.keys(inputShapes)) {
    if (inputs.some((input) => input.name === name)) continue;
    const names = inputs.map((input) => `"${input.name}"`).join(", ");
    throw new NibbleError(
      "bad-input",
      `inputShapes names "${name}", which is no input; the inputs are ${names}`,
    );
  }
  return inputs.map((input) => {
    const storage = storageOf(input.elementType);
    if (!storage) {
      throw new NibbleError(
        "unsupported",
        `input "${input.name}": expected a tensor of float, bool, int64 or integers of 2 to 32 bits, found ` +
          typeName(input.elementType),
      );
    }
    const given = Object.hasOwn(inputShapes, input.name) ? inputShapes[input.name] : undefined;
    const shape = given ? givenShape(input, given) : declaredShape(input);
    checkedCount(shape, `input "${input.name}"`);
    const { dtype, range } = storage;
    return range ? { name: input.name, dtype, shape, range } : { name: input.name, dtype, shape };
  });
}
