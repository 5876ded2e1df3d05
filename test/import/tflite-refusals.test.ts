/** Models that can't be imported, and graphs that contradict themselves: what the error says. */
import { describe, expect, test } from "vitest";
import { importTflite } from "../../src/import/tflite/index.ts";
import { buildTflite, type TensorSpec } from "../helpers/tflite-builder.ts";
import { patched, type RefusalCase, refusal, rewired } from "../helpers/tflite-load.ts";
import {
  activation8,
  addModel,
  float,
  halfModel,
  int8Ramp,
  ints,
  single,
  unsupportedModel,
} from "../helpers/tflite-models.ts";

describe("unsupported models", () => {
  test("one error lists all operators, with counts, and all tensors of unsupported types", () => {
    const { code, message } = refusal(unsupportedModel());
    expect(code).toBe("unsupported");
    expect(message).toBe(
      'bad.tflite: unsupported operators: custom operator "ADD" ×2 (first: "i"); ' +
        'unsupported tensors: "x" (uint16), "j" (uint16), "h" (uint16)',
    );
  });

  test.each([
    ["int4 activations", { name: "x4", type: "int4", shape: [3] }, 'tensor "x4": int4 that is computed'],
    ["float16 activations", { name: "h", type: "float16", shape: [3] }, '"h" (float16)'],
    ["sparse activations", { ...activation8("s", [3]), isSparse: true }, '"s" (sparse without contents)'],
    ["variable tensors", { ...activation8("v", [3]), isVariable: true }, '"v" (variable)'],
    ["blockwise scales", { ...activation8("k", [3]), isBlockwise: true }, '"k" (blockwise quantization)'],
  ] satisfies [string, TensorSpec, string][])("%s", (_, tensor, expected) => {
    const { code, message } = refusal(single({ op: "RELU" }, tensor, activation8("y", [3])));
    expect(code).toBe("unsupported");
    expect(message).toContain(expected);
  });

  test("float16 used other than by DEQUANTIZE", () => {
    const model = halfModel();
    model.operators[1].inputs[1] = "w16";
    expect(refusal(model).message).toContain('unsupported tensors: "w16" (float16)');
  });
});

const half = halfModel();
const add = addModel();
const extra = (tensor: TensorSpec) => ({
  ...add,
  tensors: [...add.tensors, tensor],
  outputs: ["y", tensor.name],
});

const cases: RefusalCase[] = [
  [
    "an empty dimension",
    patched(add, { a: { shape: [1, 0, 3] } }),
    "unsupported",
    /tensor "a": shape \[1,0,3\] has an empty or unknown dimension; .*fixed input shapes/,
  ],
  [
    "an unknown dimension",
    patched(add, { a: { shape: [-1, 2, 3] } }),
    "unsupported",
    /tensor "a": shape \[-1,2,3\]/,
  ],
  [
    "an enormous shape",
    patched(add, { a: { shape: [65536, 65536, 65536] } }),
    "unsupported",
    /tensor "a": .*exceeds/,
  ],
  [
    "too many dimensions",
    patched(add, { a: { shape: new Array(9).fill(1) } }),
    "unsupported",
    /tensor "a": 9 dimensions/,
  ],
  [
    "an operand that is left out",
    rewired(add, { inputs: ["a", null] }),
    "bad-file",
    /ADD "y": operand 1 is missing/,
  ],
  [
    "an operand that does not exist",
    rewired(add, { inputs: ["a", 3] }),
    "bad-file",
    /ADD: refers to tensor 3, the subgraph has 3/,
  ],
  [
    "an operator before its input",
    { ...half, operators: [...half.operators].reverse() },
    "bad-file",
    /FULLY_CONNECTED "y": reads tensor "w" before anything writes it/,
  ],
  [
    "two writers of a tensor",
    { ...add, operators: [...add.operators, ...add.operators] },
    "bad-file",
    /ADD "y": writes a tensor that already has a value/,
  ],
  [
    "a written constant",
    patched(add, { y: { data: int8Ramp(6) } }),
    "bad-file",
    /ADD "y": writes a constant/,
  ],
  ["two outputs", rewired(add, { outputs: ["y", "a"] }), "bad-file", /ADD "y": expected 1 output, found 2/],
  ["no output", rewired(add, { outputs: [] }), "bad-file", /ADD: expected 1 output, found 0/],
  [
    "a graph output nothing writes",
    extra(float("z", [1])),
    "bad-file",
    /graph output "z": nothing writes it/,
  ],
  ["a constant as graph output", extra(ints("z", [1])), "unsupported", /graph output "z" is a constant/],
  ["no graph outputs", { ...add, outputs: [] }, "bad-file", /has no outputs/],
  [
    "graph outputs that do not exist",
    { ...add, outputs: [-1] },
    "bad-file",
    /graph outputs: refers to tensor -1/,
  ],
  ["a graph input listed twice", { ...add, inputs: ["a", "a", "b"] }, "bad-file", /lists a tensor twice/],
];

describe("graphs", () => {
  test.each(cases)("%s", (_, model, code, message) => {
    const error = refusal(model);
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^bad\.tflite: /);
    expect(error.code).toBe(code);
  });

  test("a subgraph that does not exist", () => {
    const file = buildTflite(add);
    expect(refusal(file, 1)).toMatchObject({
      code: "bad-input",
      message: expect.stringMatching(/the model has 1/),
    });
    expect(() => importTflite(file, { file: "x", subgraph: -1 })).toThrow(RangeError);
  });

  test("names from the file appear escaped and cut", () => {
    const name = `\u001b[31m${"n".repeat(5000)}`;
    const model = single({ op: "RELU" }, float(name, [0]), float("y", [1]));
    const { message } = refusal(model);
    expect(message).toContain("\\u001b[31mnnn");
    expect(message.length).toBeLessThan(400);
  });
});
