import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { optimize } from "../../src/graph/passes/index.ts";
import { importModel } from "../../src/import/index.ts";
import { loadModelSync, NibbleError } from "../../src/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { dataFolder } from "../helpers/data.ts";
import { loadGolden } from "../helpers/golden.ts";
import { onnxModel } from "../helpers/onnx-builder.ts";

/** sum = x + before, double = sum + sum. */
const bytes = onnxModel({
  nodes: [
    { op: "Add", inputs: ["x", "before"], outputs: ["sum"] },
    { op: "Add", inputs: ["sum", "sum"], outputs: ["double"] },
  ],
  inputs: [
    { name: "x", shape: [2] },
    { name: "before", shape: [2] },
  ],
  outputs: [{ name: "sum" }, { name: "double" }],
});

const bound = (states: Record<string, string>) => importModel(bytes, { file: "sum.onnx", states });

function refusal(states: Record<string, string>): string {
  try {
    bound(states);
  } catch (error) {
    if (error instanceof NibbleError && error.code === "bad-input") return error.message;
    throw error;
  }
  throw new Error("the model was imported");
}

describe("an input and an output bound as state", () => {
  test("the model keeps it itself", () => {
    const graph = optimize(bound({ before: "sum" }));
    expect(graph.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(graph.outputs.map(({ name }) => name)).toEqual(["double"]);
    const model = loadModelSync(pack(graph).bytes);
    const step = () => [...(model.run({ x: Float32Array.of(1, 2) }).double as Float32Array)];
    expect([step(), step(), step()]).toEqual([
      [2, 4],
      [4, 8],
      [6, 12],
    ]);
  });

  test("names that are wrong, and pairs that do not fit, are refused", () => {
    expect(refusal({ after: "sum" })).toBe(
      'sum.onnx: states: expected an input of the model ("x", "before"), found "after"',
    );
    expect(refusal({ before: "total" })).toBe(
      'sum.onnx: states: expected an output of the model ("sum", "double"), found "total"',
    );
    expect(refusal({ before: "sum", x: "double" })).toBe(
      "sum.onnx: states: the model would have no output left",
    );
  });

  test.skipIf(!dataFolder())(
    "DTLN with its LSTM state inside gives what it gives outside (needs the test data folder)",
    () => {
      const golden = loadGolden("onnx", "dtln_1_float");
      const file = readFileSync(join(dataFolder()!, "models/onnx/dtln_1_float.onnx"));
      const [frame, state] = golden.steps[0]!.inputs.map(({ name }) => name);
      const [mask, next] = golden.steps[0]!.outputs.map(({ name }) => name);
      const load = (states?: Record<string, string>) =>
        loadModelSync(
          pack(optimize(importModel(file, { file: "dtln_1_float.onnx", ...(states && { states }) }))).bytes,
        );
      const outside = load();
      const inside = load({ [state!]: next! });
      let kept: Float32Array = new Float32Array(outside.input(state).length);
      for (const { inputs } of [...golden.steps, ...golden.steps]) {
        const values = inputs[0]!.data as Float32Array;
        const expected = outside.run({ [frame!]: values, [state!]: kept });
        kept = (expected[next!] as Float32Array).slice();
        expect(inside.run({ [frame!]: values })[mask!]).toEqual(expected[mask!]);
      }
    },
  );
});
