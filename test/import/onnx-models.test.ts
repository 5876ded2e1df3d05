import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import { dataFolder } from "../helpers/data.ts";
import { type Golden, loadGolden } from "../helpers/golden.ts";
import { runReference } from "../reference/run.ts";

const data = dataFolder();
const folder = join(data ?? "", "models/onnx");
const open = (file: string, inputShapes: Record<string, number[]> = {}): Graph =>
  importOnnx(readFileSync(join(folder, file)), { file, inputShapes });

/** Largest amount by which a value exceeds atol + rtol·|expected|; 0 or less passes. */
function excess(actual: ArrayLike<number>, expected: ArrayLike<number>, atol: number, rtol: number): number {
  expect(actual.length).toBe(expected.length);
  let worst = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < expected.length; i++) {
    const over = Math.abs(actual[i] - expected[i]) - atol - rtol * Math.abs(expected[i]);
    worst = Number.isNaN(over) ? Number.POSITIVE_INFINITY : Math.max(worst, over);
  }
  return worst;
}

function outputsOf(graph: Graph, inputs: Golden["steps"][number]["inputs"]): ArrayLike<number>[] {
  const ordered = graph.inputs.map((tensor) => {
    const given = inputs.find((input) => input.name === tensor.name)!;
    expect(given.shape).toEqual(tensor.shape);
    return given.data;
  });
  const values = runReference(graph, ordered);
  return graph.outputs.map((tensor) => values.get(tensor) as Float32Array);
}

/** The float32 arrays of an .npz file by name. */
function readNpz(path: string): Record<string, { shape: number[]; data: Float32Array }> {
  const arrays = Object.entries(unzipSync(new Uint8Array(readFileSync(path)))).map(([file, bytes]) => {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint16(8, true);
    const header = new TextDecoder().decode(bytes.subarray(10, 10 + length));
    const shape = /\(([^)]*)\)/
      .exec(header)![1]
      .split(",")
      .flatMap((d) => (d.trim() ? [Number(d)] : []));
    return [file.replace(/\.npy$/, ""), { shape, data: new Float32Array(bytes.slice(10 + length).buffer) }];
  });
  return Object.fromEntries(arrays);
}

const models = ["dtln_1_float", "mnist_cntk", "mnist_cntk_opt", "mnist_torch"];

/** Compared with their goldens on the engine, in test/conformance. */
const elsewhere = ["dtln_2_float", "magika_v3_3", "tract_lgbm_classifier_tensor"];

describe.skipIf(!data)("ONNX models (needs the test data folder)", () => {
  it.each(models)("%s equals its golden outputs, imported and optimized", (name) => {
    const golden = loadGolden("onnx", name);
    const imported = open(`${name}.onnx`);
    const { compare } = golden;
    if (compare.mode !== "tolerance") throw new Error("expected a tolerance");
    for (const graph of [imported, optimize(imported)]) {
      for (const step of golden.steps) {
        const outputs = outputsOf(graph, step.inputs);
        expect(graph.outputs.map((t) => t.name)).toEqual(step.outputs.map((t) => t.name));
        step.outputs.forEach((expected, i) => {
          expect(graph.outputs[i].shape).toEqual(expected.shape);
          const values = expected.data as Float32Array;
          expect(excess(outputs[i], values, compare.atol, compare.rtol)).toBeLessThanOrEqual(0);
        });
      }
    }
  });

  it("reads the file-size openWakeWord embedding down to one reshape in front of its convolutions", () => {
    const graph = optimize(open("oww_embedding.onnx"));
    expect(graph.nodes.filter((node) => node.op === "conv2d")).toHaveLength(20);
    expect(graph.nodes.filter((node) => node.op === "transpose")).toEqual([]);
    expect(graph.outputs.map(({ name, shape }) => [name, shape])).toEqual([["conv2d_19", [1, 1, 1, 96]]]);
  });

  it("equals the first golden step of the openWakeWord embedding", () => {
    const [step] = loadGolden("onnx", "oww_embedding").steps;
    const [output] = outputsOf(optimize(open("oww_embedding.onnx")), step.inputs);
    expect(excess(output, step.outputs[0].data as Float32Array, 1e-4, 1e-4)).toBeLessThanOrEqual(0);
  });

  const quantized = ["tract_qrelu_1", "tract_qsigmoid_1", "tract_qtanh_1", "tract_qtdnn_10x5_101_i32_biases"];
  it.each(quantized)(
    "%s equals its stored output exactly, as float between steps and as integers",
    (name) => {
      const stored = readNpz(join(folder, `${name}.io.npz`));
      const imported = open(`${name}.onnx`, { input: stored.input.shape });
      const integer = optimize(imported);
      const inside = integer.nodes.slice(1, -1).map((node) => node.outputs[0].dtype);
      expect(new Set(inside)).toEqual(new Set(["int8"]));
      for (const graph of [imported, integer]) {
        const output = runReference(graph, [stored.input.data]).get(graph.outputs[0]) as Float32Array;
        // The convolution has no padding; its stored output has one more row on each side.
        const [rows, columns] = graph.outputs[0].shape;
        const missing = (stored.output.shape[0] - rows) / 2;
        const expected = stored.output.data.subarray(missing * columns, (missing + rows) * columns);
        // + 0 makes the stored −0 a 0, which is all that integers have.
        expect(Array.from(output, (v) => v + 0)).toEqual(Array.from(expected, (v) => v + 0));
      }
    },
  );

  const supported = [...models, ...elsewhere, "oww_embedding", ...quantized];
  const refused: Record<string, RegExp> = {
    oww_melspectrogram: /dimension 1 \("samples"\)/,
    silero_vad_v5: /dimension 1 has no fixed size/,
    silero_vad_v6: /dimension 1 has no fixed size/,
    tract_qlstm_3_2_3_t3_s1: /Scan ×1/,
    tract_xgboost_classifier_tree: /ai\.onnx\.ml::TreeEnsembleClassifier ×1/,
  };

  it("has a verdict on every model of the folder", () => {
    const files = existsSync(folder) ? readdirSync(folder) : [];
    const names = files
      .filter((file) => file.endsWith(".onnx"))
      .map((file) => file.slice(0, -".onnx".length));
    expect(names.sort()).toEqual([...supported, ...Object.keys(refused)].sort());
  });

  it.each(Object.entries(refused))("refuses %s by the names of what it lacks", (name, message) => {
    let error: unknown;
    try {
      open(`${name}.onnx`);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(NibbleError);
    expect((error as NibbleError).code).toBe("unsupported");
    expect((error as NibbleError).message).toMatch(message);
  });
});
