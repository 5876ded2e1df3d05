import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { optimize } from "../../src/graph/passes/index.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { decodeTensor } from "../../src/import/onnx/tensor-data.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import { dataFolder } from "../helpers/data.ts";
import { runReference } from "../reference/run.ts";
import { type OnnxCase, readCases, withConstants } from "./onnx-cases.ts";

const data = dataFolder();

const isNear = (a: number, b: number): boolean =>
  Object.is(a, b) || a === b || Math.abs(a - b) <= 1e-5 + 1e-3 * Math.abs(b);

/** What is wrong with the results of a case, imported and optimized; undefined when nothing is. */
function problemOf(given: OnnxCase, live: number): string | undefined {
  const { bytes, inputs } = withConstants(given, live);
  const values = inputs.map((tensor) => decodeTensor(tensor, tensor.name));
  const inputShapes = Object.fromEntries(values.map(({ name, shape }) => [name, shape]));
  const imported = importOnnx(bytes, { file: given.name, inputShapes });
  const expected = given.outputs.map((tensor) => decodeTensor(tensor, tensor.name));
  for (const graph of [imported, optimize(imported)]) {
    const results = runReference(
      graph,
      values.map(({ data: elements }) => elements),
    );
    for (const [i, output] of graph.outputs.entries()) {
      const { shape, dtype, data: elements } = expected[i];
      if (output.shape.join() !== shape.join() || output.dtype !== dtype) {
        return `expected ${dtype} [${shape}], found ${output.dtype} [${output.shape}]`;
      }
      const result = results.get(output)!;
      const wrong = elements.findIndex((value, at) => !isNear(Number(result[at]), Number(value)));
      if (wrong >= 0) return `element ${wrong}: expected ${elements[wrong]}, found ${result[wrong]}`;
    }
  }
  return undefined;
}

/** With all inputs as they are; if that is refused, with all but the first constant. */
function verdict(given: OnnxCase): "passed" | "refused" | string {
  for (const live of new Set([given.inputs.length, 1])) {
    if (live === 0 || live > given.inputs.length) continue;
    try {
      return problemOf(given, live) ?? "passed";
    } catch (error) {
      if (!(error instanceof NibbleError)) throw error;
    }
  }
  return "refused";
}

describe.skipIf(!data)("ONNX conformance cases (need the test data folder)", () => {
  it("computes every case it does not refuse as the reference does", { timeout: 120_000 }, () => {
    const cases = readCases(readFileSync(join(data!, "conformance/onnx_node.tar.gz")));
    expect(cases.length).toBeGreaterThan(1800);
    const verdicts = cases.map((given) => [given.name, verdict(given)]);
    const passed = verdicts.filter(([, result]) => result === "passed").map(([name]) => name);
    const failed = verdicts.filter(([, result]) => result !== "passed" && result !== "refused");
    expect(failed).toEqual([]);
    expect(passed.length).toBeGreaterThanOrEqual(480);
    for (const name of [
      "test_conv_with_autopad_same",
      "test_averagepool_2d_ceil",
      "test_gemm_all_attributes",
      "test_where_long_example",
      "test_mod_broadcast",
      "test_pow_bcast_array",
    ]) {
      expect(passed).toContain(name);
    }
  });
});
