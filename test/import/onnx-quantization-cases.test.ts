import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Graph, TensorData } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { decodeTensor } from "../../src/import/onnx/tensor-data.ts";
import { pack } from "../../src/pack/pack.ts";
import { createModel } from "../../src/runtime/model.ts";
import { wasm } from "../../src/wasm.ts";
import { dataFolder } from "../helpers/data.ts";
import { tiers } from "../helpers/tiers.ts";
import { runReference } from "../reference/run.ts";
import { type OnnxCase, readCases, withConstants } from "./onnx-cases.ts";

const data = dataFolder();

const family =
  /^test_(quantizelinear|dequantizelinear|dynamicquantizelinear(?!.*expanded)|qlinearmatmul|qlinearconv|matmulinteger|convinteger)/;

/** Outputs of one inference of the packed graph. */
function run(graph: Graph, inputs: TensorData[], tier: (typeof tiers)[number]): TensorData[] {
  const model = createModel(wasm, pack(graph).bytes, { tier, name: graph.name });
  for (const [i, { name }] of graph.inputs.entries())
    (model.input(name) as Float32Array).set(inputs[i] as Float32Array);
  model.invoke();
  const outputs = graph.outputs.map(({ name }) => model.output(name).slice() as TensorData);
  model.dispose();
  return outputs;
}

/** Reference and engine give the case's very outputs, with inputs from `live` on constant. */
function expectCase(given: OnnxCase, live: number): void {
  const { bytes, inputs } = withConstants(given, live);
  const values = inputs.map((tensor) => decodeTensor(tensor, tensor.name));
  const inputShapes = Object.fromEntries(values.map(({ name, shape }) => [name, shape]));
  const graph = importOnnx(bytes, { file: given.name, inputShapes });
  const elements = values.map(({ data: stored }) => stored);
  const expected = given.outputs.map((tensor) => decodeTensor(tensor, tensor.name));
  const optimized = optimize(graph);
  for (const version of [graph, optimized]) {
    const types = expected.map(({ dtype, shape }) => `${dtype}[${shape}]`);
    expect(version.outputs.map(({ dtype, shape }) => `${dtype}[${shape}]`)).toEqual(types);
    const results = runReference(version, elements);
    expect(version.outputs.map((output) => results.get(output))).toEqual(expected.map((t) => t.data));
  }
  // Only what passes have been over can be packed: before, weights lie behind dequantizes.
  for (const tier of tiers) expect(run(optimized, elements, tier)).toEqual(expected.map((t) => t.data));
}

const cases = data
  ? readCases(readFileSync(join(data, "conformance/onnx_node.tar.gz"))).filter(({ name }) =>
      family.test(name),
    )
  : [];
const named = (list: OnnxCase[]) => list.map((given): [string, OnnxCase] => [given.name, given]);

describe.skipIf(!data)("ONNX conformance of quantization (needs the test data folder)", () => {
  it("has all its cases", () => {
    expect(cases.length).toBe(42);
    expect(cases.filter(({ name }) => /e4m3|e5m2|float4/.test(name)).length).toBe(8);
  });

  it.each(named(cases))("%s is exact", (name, given) => {
    // float16 scales have no tensors at run time.
    if (!name.endsWith("float16")) expectCase(given, given.inputs.length);
    expectCase(given, 1);
  });
});
