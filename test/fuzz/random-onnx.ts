/** ONNX models of known operators that are put together by chance: whole files, senseless or almost right. */
import { folds, shapeFolds } from "../../src/import/onnx/fold.ts";
import { operators } from "../../src/import/onnx/operators/index.ts";
import type { Random } from "../helpers/graphs.ts";
import {
  type AttributeSpec,
  floats,
  ints,
  type NodeSpec,
  onnxModel,
  type TensorSpec,
} from "../helpers/onnx-builder.ts";

const names = [...new Set([...Object.keys(operators), ...Object.keys(folds), ...Object.keys(shapeFolds)])];

const sizes = [1, 1, 2, 3, 4, 5, 8];
const shapeOf = (random: Random, rank: number): number[] =>
  Array.from({ length: rank }, () => random.pick(sizes));
const smallInt = (random: Random): number => random.pick([0, 1, 1, 2, 2, 3, 4, -1, -2, 7, 100]);
const anyInt = (random: Random): number =>
  random.pick([
    ...Array.from({ length: 9 }, () => smallInt(random)),
    1e6,
    2 ** 31 - 1,
    -(2 ** 31),
    2 ** 53,
    -(2 ** 60),
  ]);
const listOf = <T>(random: Random, most: number, make: () => T): T[] =>
  Array.from({ length: random.int(0, most) }, make);

const intNames =
  "allowzero antialias axis batch_dims blocksize block_size ceil_mode count_include_pad exclusive fmod group hidden_size " +
  "input_forget keepdims layout linear_before_reset noop_with_empty_axes num_groups num_outputs p reverse " +
  "precision saturate select_last_index size stash_type to training_mode transA transB upper bits K N accuracy_level " +
  "start end spatial";
const listNames =
  "axes dilations kernel_shape output_padding output_shape pads perm split starts ends strides";
const floatNames = "alpha beta bias epsilon gamma lambd max min momentum value cubic_coeff_a";
const texts: Record<string, string[]> = {
  auto_pad: ["SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET", "x"],
  mode: ["nearest", "linear", "cubic", "constant", "reflect", "edge", "wrap", "DCR", "CRD", "x"],
  direction: ["forward", "reverse", "bidirectional"],
  coordinate_transformation_mode: [
    "half_pixel",
    "asymmetric",
    "align_corners",
    "tf_crop_and_resize",
    "pytorch_half_pixel",
  ],
  nearest_mode: ["floor", "ceil", "round_prefer_ceil", "round_prefer_floor"],
  equation: ["ij,jk->ik", "bij,bjk->bik", "ii->i", "...i->...", "ij->ji", "->", "i,,j->"],
  approximate: ["none", "tanh"],
  reduction: ["none", "add"],
};

function attributesOf(random: Random): Record<string, AttributeSpec> {
  const attributes: Record<string, AttributeSpec> = {};
  for (const name of intNames.split(" ")) if (random.int(0, 9) === 0) attributes[name] = anyInt(random);
  for (const name of listNames.split(" "))
    if (random.int(0, 4) === 0) attributes[name] = listOf(random, 4, () => anyInt(random));
  for (const name of floatNames.split(" "))
    if (random.int(0, 9) === 0)
      attributes[name] = { float: random.pick([0, 1, -1, 0.5, 1e-5, Infinity, NaN, 1e38]) };
  if (random.int(0, 4) === 0) attributes.output_dtype = random.pick([2, 3, 17, 19, 22, 23]);
  for (const [name, list] of Object.entries(texts))
    if (random.int(0, 4) === 0) attributes[name] = random.pick(list);
  return attributes;
}

function constantOf(random: Random, name: string, common: number[]): TensorSpec {
  const dims = random.int(0, 1) ? common : shapeOf(random, random.int(0, 4));
  const count = dims.reduce((a, b) => a * b, 1);
  const some = () => Array.from({ length: count }, () => random.int(-3, 100));
  switch (random.int(0, 7)) {
    case 0:
    case 1:
      return floats(
        name,
        dims,
        Array.from({ length: count }, () => random.real(-2, 2)),
      );
    case 2:
      return ints(
        name,
        listOf(random, 8, () => anyInt(random)),
      );
    case 3:
      return ints(
        name,
        listOf(random, 4, () => smallInt(random)),
      );
    case 4:
      return {
        name,
        dims,
        type: random.pick(["int8", "uint8", "int32", "bool", "float8e4m3fn", "float8e5m2"]),
        int32s: some(),
      };
    case 5:
      return { name, dims: [], type: "int64", int64s: [smallInt(random)] };
    case 6:
      return floats(name, [], [random.pick([0, 1, 0.5, NaN, -1e30])]);
    default:
      return { name, dims, type: "int64", int64s: some() };
  }
}

/** One to four operators between an input or two and an output. */
export function randomOnnx(random: Random): Uint8Array {
  const common = shapeOf(random, random.int(0, 5));
  const inputs = [
    {
      name: "x",
      shape: common,
      type: random.pick(["float", "float", "float", "int64", "int8", "uint8", "bool", "float8e5m2"] as const),
    },
    {
      name: "z",
      shape: random.int(0, 1) ? common : shapeOf(random, random.int(0, 4)),
      type: random.pick(["float", "float", "int64", "int32"] as const),
    },
  ];
  const constants = Array.from({ length: 6 }, (_, i) => constantOf(random, `c${i}`, common));
  const values = ["x", "x", "x", "z"];
  const nodes: NodeSpec[] = Array.from({ length: random.int(1, 4) }, (_, i) => {
    const others = () => random.pick([...values, ...constants.map(({ name }) => name!), ""]);
    const [op, domain = ""] = random.pick(names).split("::").reverse();
    const outputs = Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, (_, k) => `y${i}.${k}`);
    const node = {
      op: op!,
      domain,
      name: `n${i}`,
      inputs: [values.at(-1)!, ...listOf(random, 5, others)],
      outputs,
      attributes: attributesOf(random),
    };
    values.push(outputs[0]!);
    return node;
  });
  return onnxModel({
    nodes,
    inputs,
    outputs: [{ name: values.at(-1)! }],
    initializers: constants,
    opset: random.int(7, 21),
    domains: { "com.microsoft": 1 },
  });
}
