import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { arrayOf, type Graph, type Tensor, type TensorData } from "../../src/graph/graph.ts";
import { importTflite } from "../../src/import/tflite/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import { createModel } from "../../src/runtime/model.ts";
import type { Tier } from "../../src/runtime/tiers.ts";
import { wasm } from "../../src/wasm.ts";
import { dataFolder } from "../helpers/data.ts";
import { tiers } from "../helpers/tiers.ts";
import { bytesOf, type Result } from "./outcome.ts";

/** How one single-operator model of the int16×8 vectors fared. */
export interface SeanetOutcome {
  name: string;
  /** Its folder: the operator. */
  operator: string;
  result: Result;
  detail: string;
}

/** A line of numbers as the elements of `tensor`. */
function valuesOf(path: string, { dtype, shape, name }: Tensor): TensorData {
  const numbers = readFileSync(path, "utf8")
    .trim()
    .split(/[\s,]+/);
  const count = shape.reduce((a, b) => a * b, 1);
  if (numbers.length !== count)
    throw new Error(`${path}: ${numbers.length} values, "${name}" takes ${count}`);
  const values = new (arrayOf(dtype))(count) as Int32Array;
  numbers.forEach((number, i) => {
    values[i] = dtype === "int64" ? (BigInt(number) as never) : Number(number);
  });
  return values;
}

function run(graph: Graph, file: Uint8Array, inputs: TensorData[], tier: Tier): TensorData {
  const model = createModel(wasm, file, { tier, name: graph.name });
  for (const [i, { name }] of graph.inputs.entries())
    (model.input(name) as Int32Array).set(inputs[i] as Int32Array);
  model.invoke();
  const output = model.output().slice() as TensorData;
  model.dispose();
  return output;
}

function outcomeOf(folder: string, operator: string, name: string): SeanetOutcome {
  const path = join(folder, operator, name);
  const files = readdirSync(join(folder, operator));
  const base = { name, operator };
  try {
    const graph = importTflite(readFileSync(`${path}.tflite`), { file: name, rounding: "double" });
    const csvOf = (kind: string): string =>
      join(folder, operator, files.find((file) => file.startsWith(`${name}_${kind}_`))!);
    const inputs = graph.inputs.map((tensor, i) => valuesOf(csvOf(`input${i}`), tensor));
    const expected = valuesOf(csvOf("golden"), graph.outputs[0]!);
    const file = pack(graph).bytes;
    for (const tier of tiers) {
      const found = run(graph, file, inputs, tier);
      if (Buffer.compare(bytesOf([found]), bytesOf([expected])) === 0) continue;
      const different = found.filter((v: number | bigint, i: number) => v !== expected[i]).length;
      return { ...base, result: "wrong", detail: `${tier}: ${different} of ${found.length} values differ` };
    }
    return { ...base, result: "exact", detail: "" };
  } catch (error) {
    if (!(error instanceof NibbleError) || error.code !== "unsupported") throw error;
    return { ...base, result: "unsupported", detail: error.message.replace(`${name}: `, "") };
  }
}

/** Every model of the vectors, imported with TensorFlow Lite Micro's rounding, packed and run in every tier. */
export function runSeanet(): SeanetOutcome[] {
  const folder = join(dataFolder()!, "conformance/seanet_even");
  const operators = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return operators.flatMap(({ name: operator }) =>
    readdirSync(join(folder, operator))
      .filter((file) => file.endsWith(".tflite"))
      .sort((a, b) => a.localeCompare(b, "en", { numeric: true }))
      .map((file) => outcomeOf(folder, operator, file.slice(0, -".tflite".length))),
  );
}
