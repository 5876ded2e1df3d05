import { describe, expect, it } from "vitest";
import type { InputSpec } from "../../src/samples/convert.ts";
import { classOf } from "../../src/samples/list.ts";
import { isModule, readModule } from "../../src/samples/module.ts";
import { workspace } from "../helpers/workspace.ts";

const { path, write } = workspace();

let count = 0;
/** Modules are loaded once, so each has a name of its own. */
function put(source: string): string {
  return write(`samples${count++}.mjs`, source);
}

const input = (name: string, shape: number[], extra: Partial<InputSpec> = {}): InputSpec => ({
  name,
  dtype: "float32",
  shape,
  ...extra,
});
const labels = ["no", "yes"];
const read = (file: string, inputs: InputSpec[], limit?: number) =>
  readModule(file, inputs, {
    labels,
    labelOf: (entry) => classOf(entry, labels),
    ...(limit !== undefined && { limit }),
  });

describe("a module that yields samples", () => {
  const expected = [[Float32Array.of(1, 2)], [Float32Array.of(3, 4)]];

  it.each([
    ["a list as its default export", "export default [[1, 2], new Float32Array([3, 4])];"],
    ["a generator", "export default function* () { yield [1, 2]; yield new Float64Array([3, 4]); }"],
    [
      "an asynchronous generator",
      "export default async function* () { yield [1, 2]; yield Promise.resolve([3, 4]); }",
    ],
    ["a promise of a list", "export const samples = async () => [[1, 2], [3, 4]];"],
    ["a running generator", "export const samples = (function* () { yield [1, 2]; yield [3, 4]; })();"],
    ["arrays with their shapes", "export default [{ data: [1, 2], shape: [2, 1] }, { data: [3, 4] }];"],
    ["arrays by name", "export default [{ x: [1, 2] }, { inputs: { x: [3, 4] } }];"],
    [
      "one buffer that it fills again and again",
      "export function* samples() { const b = new Float32Array(2); b.set([1, 2]); yield b; b.set([3, 4]); yield b; }",
    ],
  ])("may give %s", async (_, source) => {
    const file = put(source);
    const samples = await read(file, [input("x", [1, 2])]);
    expect(samples).toEqual(expected.map((inputs, i) => ({ name: `${file}[${i}]`, inputs })));
  });

  it("names samples and classes, by text or number, and is told what the model takes", async () => {
    const file = put(`export default ({ inputs, labels }) => [
      { name: "first", label: labels[1], inputs: new Float32Array(inputs[0].shape[1]) },
      { label: 0, inputs: { x: [1, 2, 3] } },
    ];`);
    expect(await read(file, [input("x", [1, 3])])).toEqual([
      { name: "first", label: 1, inputs: [Float32Array.of(0, 0, 0)] },
      { name: `${file}[1]`, label: 0, inputs: [Float32Array.of(1, 2, 3)] },
    ]);
  });

  it("gives each input its array in its own type", async () => {
    const quantization = { scale: Float32Array.of(0.5), zeroPoint: Int32Array.of(3), axis: 0 };
    const inputs = [
      input("data", [2], { dtype: "int8", quantization }),
      input("token", [1], { dtype: "int32" }),
      input("wide", [1], { dtype: "int64" }),
    ];
    const file = put(
      "export default [{ data: new Float32Array([1, -1]), token: [7], wide: new BigInt64Array([9n]) }];",
    );
    expect((await read(file, inputs))[0]!.inputs).toEqual([
      Int8Array.of(5, 1),
      Int32Array.of(7),
      BigInt64Array.of(9n),
    ]);
  });

  it("may go on for ever where a number of samples is asked for", async () => {
    const file = put(`let ended = 0;
      export function* samples() { try { for (let i = 0; ; i++) yield [i]; } finally { ended++; } }
      export const howOften = () => ended;`);
    expect((await read(file, [input("x", [1])], 3)).map(({ inputs }) => inputs[0]![0])).toEqual([0, 1, 2]);
    expect((await import(/* @vite-ignore */ file)).howOften()).toBe(1);
  });

  it.each([
    ["nothing.mjs", undefined, "io", /nothing\.mjs: cannot be loaded as a module: /],
    ["", "export const [", "io", /samples\d+\.mjs: cannot be loaded as a module: /],
    ["", "throw new Error('no disk');", "io", /cannot be loaded as a module: no disk/],
    [
      "",
      "export const data = 1;",
      "bad-input",
      /expected a default export, or one named "samples", found data/,
    ],
    ["", "export default 5;", "bad-input", /\.mjs: expected samples one after another, found 5/],
    ["", "export default {};", "bad-input", /expected samples one after another, found an object of /],
    ["", "export default [];", "bad-input", /\.mjs: expected samples, found none/],
    [
      "",
      "export default [[1, 2], [1]];",
      "bad-input",
      /\.mjs\[1\]: input "x" expected 2 values \(\[1,2\]\), found 1/,
    ],
    [
      "",
      "export default [{ data: new Float32Array(6), shape: [2, 3] }];",
      "bad-input",
      /\[0\]: input "x" expected shape \[1,2\], found \[2,3\]/,
    ],
    [
      "",
      "export default [{ data: [1, 2], shape: [3] }];",
      "bad-input",
      /\[0\]: input "x" expected 3 values \(\[3\]\), found 2/,
    ],
    ["", "export default ['ab'];", "bad-input", /\[0\]: input "x" expected an array of numbers, found ab/],
    [
      "",
      "export default [['a', 'b']];",
      "bad-input",
      /\[0\]: input "x" expected an array of numbers, found an object of 0, 1/,
    ],
    ["", "export default [null];", "bad-input", /\[0\]: input "x" expected an array of numbers, found null/],
    [
      "",
      "export default [{ label: 'maybe', inputs: [1, 2] }];",
      "bad-input",
      /label "maybe" is not among the labels no, yes/,
    ],
    [
      "",
      "export default async function* () { yield [1, 2]; throw new Error('cable pulled'); }",
      "bad-input",
      /\.mjs\[1\]: the module threw: cable pulled/,
    ],
  ])("is refused by name: %s%s", async (name, source, code, message) => {
    const file = source === undefined ? path(name) : put(source);
    await expect(read(file, [input("x", [1, 2])])).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  it("has to have an array for every input", async () => {
    const inputs = [input("x", [2]), input("h", [1])];
    await expect(read(put("export default [{ x: [1, 2] }];"), inputs)).rejects.toThrow(
      /\[0\]: expected an object with an array for each of "x", "h", found an object of x/,
    );
    await expect(read(put("export default [[1, 2]];"), inputs)).rejects.toThrow(/for each of "x", "h"/);
  });
});

it("modules are known by how their names end", () => {
  expect(["a.mjs", "a.js", "a.CJS", "a.npy", "js"].map(isModule)).toEqual([true, true, true, false, false]);
});
