/** The single-operator models of int16 activations and int8 weights, exact in `double`, in every tier. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { importTflite } from "../../src/import/tflite/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { createModel } from "../../src/runtime/model.ts";
import { wasm } from "../../src/wasm.ts";
import { dataFolder } from "../helpers/data.ts";
import { tiers } from "../helpers/tiers.ts";

const data = dataFolder();
const folder = data ? join(data, "conformance/seanet_even") : "";

const cases = folder
  ? readdirSync(folder).flatMap((op) =>
      readdirSync(join(folder, op))
        .filter((file) => file.endsWith(".tflite"))
        .map((file) => join(op, file.replace(".tflite", ""))),
    )
  : [];

/** One line of comma-separated integers: `name`_int16.csv or `name`_int32.csv. */
function values(name: string): number[] | undefined {
  const type = ["int16", "int32"].find((t) => existsSync(`${name}_${t}.csv`));
  return type ? readFileSync(`${name}_${type}.csv`, "utf8").trim().split(",").map(Number) : undefined;
}

describe.skipIf(cases.length === 0)("int16×8 vectors on the engine (skipped without test data)", () => {
  test("there are 66", () => expect(cases).toHaveLength(66));

  test.each(cases)("%s", (name) => {
    const path = join(folder, name);
    const graph = importTflite(readFileSync(`${path}.tflite`), { file: name, rounding: "double" });
    const { bytes } = pack(graph);
    for (const tier of tiers) {
      const model = createModel(wasm, bytes, { tier });
      for (const [i, { name: input }] of model.inputs.entries())
        (model.input(input) as Int16Array).set(values(`${path}_input${i}`)!);
      model.invoke();
      const expected = values(`${path}_golden`)!;
      expect(model.output()).toHaveLength(expected.length);
      expect(Array.from(model.output() as Int16Array), tier).toEqual(expected);
      model.dispose();
    }
  });
});
