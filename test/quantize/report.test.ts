import { describe, expect, it } from "vitest";
import { noActivation, type Tensor, type TensorData } from "../../src/graph/graph.ts";
import { fidelityMeter } from "../../src/quantize/fidelity.ts";
import { compare } from "../../src/quantize/report.ts";
import { formatReport } from "../../src/quantize/report-text.ts";
import { quantizeStatic } from "../../src/quantize/static-int8.ts";
import { activation, constant, fakeExecutor, graphOf, operator } from "./build.ts";

const int8 = (scale: number, zeroPoint: number): Tensor => ({
  name: "q",
  dtype: "int8",
  shape: [4],
  quantization: { scale: Float32Array.of(scale), zeroPoint: Int32Array.of(zeroPoint), axis: 0 },
});

describe("fidelityMeter", () => {
  it("measures noise, error, direction and clipping over all samples", () => {
    const meter = fidelityMeter(int8(0.5, 10));
    // Real values 3, −4 against 3, −3.5, then 0 against 0 and 100 against 58.5, the largest there is.
    meter.add(Float32Array.of(3, -4), Int8Array.of(16, 3));
    meter.add(Float32Array.of(0, 100), Int8Array.of(10, 127));
    const { sqnr, maxError, cosine, clipped } = meter.result();
    const noise = 0.5 ** 2 + 41.5 ** 2;
    expect(sqnr).toBeCloseTo(10 * Math.log10((9 + 16 + 10000) / noise), 10);
    expect(maxError).toBe(41.5);
    expect(cosine).toBeCloseTo((9 + 14 + 5850) / Math.sqrt(10025 * (9 + 12.25 + 58.5 ** 2)), 10);
    expect(clipped).toBe(1 / 4);
  });

  it("has words for exact and for empty signals that survive JSON", () => {
    const exact = fidelityMeter(int8(0.5, 0));
    exact.add(Float32Array.of(1), Int8Array.of(2));
    expect(exact.result()).toEqual({ sqnr: null, maxError: 0, cosine: 1, clipped: 0 });
    const silent = fidelityMeter(int8(0.5, 0));
    silent.add(Float32Array.of(0), Int8Array.of(1));
    expect(silent.result()).toEqual({ sqnr: -200, maxError: 0.5, cosine: null, clipped: 0 });
  });

  it("does not count half a step beyond the ends as clipped, nor padding with −∞ at all", () => {
    const meter = fidelityMeter(int8(1, 0));
    meter.add(Float32Array.of(127.4, -128.4, 127.6, -Infinity), Int8Array.of(127, -128, 127, -128));
    const { clipped, maxError } = meter.result();
    expect(clipped).toBe(1 / 3);
    expect(maxError).toBeCloseTo(0.6, 4);
  });

  it("compares float tensors as they are", () => {
    const meter = fidelityMeter(activation("f", [2]));
    meter.add(Float32Array.of(1, 1e30), Float32Array.of(1.5, 1e30));
    expect(meter.result()).toMatchObject({ maxError: 0.5, clipped: 0 });
  });
});

/** y = x / 2 as a classifier of three; the int8 side is off by `offset` steps of its grid. */
function halving(offset: number) {
  const [x, y] = [activation("x", [1, 3]), activation("y", [1, 3])];
  const graph = graphOf(
    [x],
    [operator("mul", [x, constant("k", [1], [0.5])], y, { activation: noActivation })],
    [y],
  );
  const quantized = quantizeStatic(
    graph,
    new Map([
      [x, { min: 0, max: 25.5 }],
      [y, { min: 0, max: 12.75 }],
    ]),
  );
  const scale = Math.fround(0.05);
  const steps = (x: TensorData) =>
    Int8Array.from(
      x as Float32Array,
      (value, i) => Math.round(value / 2 / scale) - 128 + (i === 0 ? offset : 0),
    );
  const makeExecutor = (which: unknown) =>
    fakeExecutor((tensor, [input]) => {
      if (tensor.name === "x") return input!;
      if (which === graph) return Float32Array.from(input as Float32Array, (value) => value / 2);
      return tensor.dtype === "int8"
        ? steps(input!)
        : Float32Array.from(steps(input!), (q) => scale * (q + 128));
    });
  return { graph, quantized, makeExecutor };
}

const samples = [
  { name: "a", inputs: [Float32Array.of(10, 5, 0)], label: 0 },
  { name: "b", inputs: [Float32Array.of(5, 5.2, 0)], label: 1 },
  { name: "c", inputs: [Float32Array.of(0, 1, 20)], label: 1 },
  { name: "d", inputs: [Float32Array.of(0, 1, 20)] },
];

describe("compare", () => {
  it("reports layers, outputs, agreement and accuracy", () => {
    const { graph, quantized, makeExecutor } = halving(4);
    const report = compare(graph, quantized, samples, makeExecutor, { withoutLabel: 0 });
    expect(report.samples).toBe(4);
    expect(report.layers).toMatchObject([
      { node: "y node", op: "mul", tensor: "y", dtype: "int8", scale: Math.fround(0.05), zeroPoint: -128 },
    ]);
    expect(report.layers[0]!.maxError).toBeCloseTo(0.2, 5);
    expect(report.outputs[0]!.tensor).toBe("y");
    expect(report.outputs[0]!.sqnr).toBeCloseTo(report.layers[0]!.sqnr!, 4);
    // Four steps up move sample b from class 1 to class 0.
    expect(report.agreement).toMatchObject({ correct: 3, total: 4 });
    expect(report.accuracy!.float.all).toMatchObject({ correct: 2, total: 3 });
    expect(report.accuracy!.quantized.all).toMatchObject({ correct: 1, total: 3 });
    expect(report.accuracy!.float.without).toMatchObject({ correct: 1, total: 2 });
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it("stops at the limit and tells its progress", () => {
    const { graph, quantized, makeExecutor } = halving(0);
    const seen: unknown[] = [];
    const report = compare(graph, quantized, samples, makeExecutor, {
      limit: 2,
      onProgress: (...progress) => seen.push(progress),
    });
    expect(report.samples).toBe(2);
    expect(seen).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(report.agreement!.share).toBe(1);
  });

  it("refuses to compare on nothing", () => {
    const { graph, quantized, makeExecutor } = halving(0);
    expect(() => compare(graph, quantized, [], makeExecutor)).toThrow(/no samples to compare on/);
  });
});

describe("formatReport", () => {
  it("is a table with one line per layer and the totals", () => {
    const { graph, quantized, makeExecutor } = halving(4);
    const text = formatReport(compare(graph, quantized, samples, makeExecutor, { withoutLabel: 0 }));
    const lines = text.split("\n");
    expect(lines[0]).toMatch(/^operator +type +SQNR dB +cosine +max error +clipped$/);
    expect(lines[2]).toMatch(/^mul y node +int8 +\d+\.\d +0\.\d{5} +0\.200 +0\.00 %$/);
    expect(lines[3]).toMatch(/^output y /);
    expect(new Set(lines.slice(0, 4).map((line) => line.length)).size).toBe(1);
    expect(text).toContain("top-1 agreement: 75.00 % (3/4, 95 % interval 30.06…95.44 %)");
    expect(text).toContain("float accuracy: 66.67 %");
    expect(text).toContain("quantized accuracy without the excluded class: 0.00 % (0/2");
  });

  it("shortens long names, and shows exact layers and float operators", () => {
    const exact = { sqnr: null, maxError: 0, cosine: null, clipped: 0 };
    const text = formatReport({
      graph: "g",
      samples: 1,
      layers: [{ node: "n".repeat(200), op: "reshape", tensor: "t", dtype: "float32", ...exact }],
      outputs: [{ tensor: "t", ...exact }],
      float: [{ node: "n", reason: "excluded" }],
    });
    expect(text.split("\n")[2]).toMatch(/^reshape n{24}…n{23} +float32 +exact +- +0\.00 +0\.00 %$/);
    expect(text).toContain("float: n (excluded)\nsamples: 1\n");
    expect(text).not.toContain("accuracy");
  });
});
