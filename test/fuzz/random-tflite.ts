/** TFLite models of single operators that are put together by chance. */
import type { Random } from "../helpers/graphs.ts";
import {
  buildTflite,
  codes,
  type OperatorSpec,
  type OptionsSpec,
  type TensorSpec,
} from "../helpers/tflite-builder.ts";

const names = Object.keys(codes) as (keyof typeof codes)[];
const sizes = [1, 1, 2, 3, 4, 5, 8];

const types = [
  "float32",
  "float32",
  "float32",
  "int8",
  "int8",
  "int32",
  "int64",
  "uint8",
  "bool",
  "int16",
  "int4",
] as const;

/** What most tensors of a model have in common. */
interface Common {
  shape: number[];
  type: (typeof types)[number];
}

const commonOf = (random: Random): Common => ({
  shape: Array.from({ length: random.int(0, 4) }, () => random.pick(sizes)),
  type: random.pick(types),
});

function tensorOf(random: Random, common: Common, name: string, isConstant: boolean): TensorSpec {
  const { shape } = random.int(0, 2) ? common : commonOf(random);
  const { type } = random.int(0, 2) ? common : commonOf(random);
  const count = shape.reduce((a, b) => a * b, 1);
  const draw = () => random.pick([0, 1, 2, 3, -1, random.int(-128, 127), 1000]);
  const values = Array.from({ length: count }, draw);
  const data = {
    float32: () => Float32Array.from(values, (v) => v / 8),
    int8: () => Int8Array.from(values),
    int32: () => Int32Array.from(values),
    int64: () => BigInt64Array.from(values, BigInt),
    uint8: () => Uint8Array.from(values),
    bool: () => Uint8Array.from(values, (v) => v & 1),
    int16: () => Int16Array.from(values),
    int4: () => Int8Array.from(values.slice(0, Math.ceil(count / 2))),
  };
  const channels = random.int(0, 5) === 0 && shape.length > 0 ? shape[0]! : 1;
  const isQuantized = ["int8", "uint8", "int4", "int16"].includes(type) && random.int(0, 5) > 0;
  return {
    name,
    type,
    shape,
    ...(isConstant && { data: data[type]() }),
    ...(isQuantized && {
      scale: Array.from({ length: channels }, () => random.pick([0.1, 1, 1e-9, 1e9, 0.00390625])),
      zeroPoint: Array.from({ length: channels }, () => random.pick([0, 0, 3, -128, 200])),
    }),
  };
}

function optionsOf(random: Random): OptionsSpec {
  const fields: OptionsSpec["fields"] = {};
  for (let id = 0; id < random.int(0, 8); id++) {
    const value = random.pick([0, 1, 1, 2, 2, 3, -1, 1000, 0x7fffffff, -0x80000000]);
    fields[id] = random.pick([{ int32: value }, { int8: value & 127 }, { float32: value }]);
  }
  return { type: random.int(0, 2) ? 0 : random.int(0, 120), fields };
}

/** One to three operators; operands by chance, results of chance types. */
export function randomTflite(random: Random): Uint8Array {
  const common = commonOf(random);
  const tensors = Array.from({ length: 8 }, (_, i) => tensorOf(random, common, `t${i}`, i >= 2));
  const operators: OperatorSpec[] = [];
  const values = [0, 1];
  for (let n = random.int(1, 3); n > 0; n--) {
    const outputs = Array.from({ length: random.pick([1, 1, 1, 1, 2, 0]) }, () => {
      // Mostly like the first operand, as results are.
      const like = tensors[values.at(-1)!]!;
      const made = random.int(0, 2) ? { ...like } : tensorOf(random, common, "", false);
      delete made.data;
      return tensors.push({ ...made, name: `t${tensors.length}` }) - 1;
    });
    const more = Array.from({ length: random.int(0, 4) }, () =>
      random.pick([...values, 2, 3, 4, 5, 6, 7, null]),
    );
    operators.push({
      op: random.pick(names),
      inputs: [values.at(-1)!, ...more],
      outputs,
      options: optionsOf(random),
    });
    values.push(...outputs);
  }
  return buildTflite({ tensors, operators, inputs: [0, 1], outputs: [values.at(-1)!] });
}
