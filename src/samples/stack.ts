import { elementCount } from "../graph/graph.ts";
import { fromArray, type InputSpec, sameButOnes } from "./convert.ts";
import type { NpyArray } from "./npy.ts";
import type { SampleSet } from "./sample.ts";

/** The array of a .npz that holds one class number per sample. */
const labelsName = "labels";

/**
 * Many samples in one file: arrays that have one dimension in front of the inputs' own, and with them
 * perhaps an array "labels" of class numbers. Undefined where the arrays are something else.
 */
export function openStack(
  file: string,
  arrays: ReadonlyMap<string, NpyArray>,
  inputs: readonly InputSpec[],
): SampleSet | undefined {
  const others = [...arrays].filter(([name]) => name !== labelsName).map(([, array]) => array);
  const found = inputs.map(
    (input) => arrays.get(input.name) ?? (inputs.length === 1 ? others[0] : undefined),
  );
  const count = found[0]?.shape[0];
  if (count === undefined || !found.every((array, i) => isStack(array, inputs[i], count))) return undefined;
  const labels = arrays.get(labelsName);
  return {
    length: count,
    *[Symbol.iterator]() {
      for (let n = 0; n < count; n++) {
        const name = `${file}[${n}]`;
        const tensors = inputs.map((input, i) => {
          const { dtype, data } = found[i]!;
          const size = elementCount(input.shape);
          return fromArray(
            { dtype, shape: input.shape, data: data.slice(n * size, (n + 1) * size) },
            input,
            name,
          );
        });
        const label = labels?.data[n];
        yield { name, inputs: tensors, ...(label !== undefined && { label: Number(label) }) };
      }
    },
  };
}

const isStack = (array: NpyArray | undefined, input: InputSpec, count: number): boolean =>
  array?.shape[0] === count && sameButOnes(array.shape.slice(1), input.shape);
