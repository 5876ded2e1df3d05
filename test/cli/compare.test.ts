import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { onnxModel } from "../helpers/onnx-builder.ts";
import { classifier, nibblenet, npy, relu, succeed, workspace } from "./harness.ts";

const { path, write } = workspace();
const labels = ["a", "b", "c", "d"];

beforeAll(async () => {
  write("classifier.onnx", classifier());
  write("relu.onnx", relu([1, 4]));
  write("labels.txt", labels.join("\n"));
  labels.forEach((label, i) => {
    for (let k = 0; k < 5; k++)
      write(
        `data/${label}/${k}.npy`,
        npy(
          labels.map((_, j) => (i === j ? 1 + k : 0.3 * ((j + k) % 4))),
          [1, 4],
        ),
      );
  });
  const options = ["--data", path("data"), "--labels", path("labels.txt")];
  await succeed("quantize", path("classifier.onnx"), "-o", path("c.nbl"), ...options);
  await succeed("quantize", path("classifier.onnx"), "-o", path("i8.nbl"), "--io", "int8", ...options);
});

const compare = (...args: string[]) => nibblenet("compare", ...args, "--data", path("data"));

describe("nibblenet compare", () => {
  it("measures a source against its packed form, of float or int8 interface", async () => {
    for (const packed of ["c.nbl", "i8.nbl"]) {
      const outcome = await compare(path("classifier.onnx"), path(packed), "--json");
      expect(outcome.code).toBe(0);
      const found = outcome.json();
      expect(found).toMatchObject({ samples: 20, broken: [] });
      expect(found.agreement).toMatchObject({ correct: 20, total: 20 });
      expect(found.accuracy.a.all.correct).toBe(20);
      expect(found.accuracy.b.all.correct).toBe(20);
      expect(found.outputs[0].sqnr).toBeGreaterThan(30);
      expect(found.outputs[0].sqnr).toBeLessThan(80);
    }
  });

  it("finds a model equal to itself", async () => {
    const { stdout, code } = await compare(
      path("c.nbl"),
      path("c.nbl"),
      "--max-drop",
      "0",
      "--min-agreement",
      "100",
    );
    expect(code).toBe(0);
    expect(stdout).toContain("equal");
  });

  it("ends with 1 and says why when a bound breaks, after the figures", async () => {
    const sqnr = await compare(path("classifier.onnx"), path("c.nbl"), "--min-sqnr", "150", "--json");
    expect(sqnr.code).toBe(1);
    expect(sqnr.json().broken).toEqual([
      expect.stringMatching(/^SQNR is \d+\.\d dB, expected at least 150 dB$/),
    ]);
    expect(sqnr.stderr).toMatch(/c\.nbl: SQNR is/);
    expect(sqnr.stdout.trim().split("\n")).toHaveLength(1);
  });

  it("counts drops in accuracy and agreement", async () => {
    // A model that always says the first class: all else is lost.
    write(
      "stuck.onnx",
      onnxModel({
        nodes: [{ op: "Gemm", name: "dense", inputs: ["x", "w", "b"], outputs: ["scores"] }],
        inputs: [{ name: "x", shape: [1, 4] }],
        outputs: [{ name: "scores", shape: [1, 4] }],
        initializers: [
          { name: "w", dims: [4, 4], type: "float", floats: new Array(16).fill(0) },
          { name: "b", dims: [4], type: "float", floats: [1, 0, 0, 0] },
        ],
      }),
    );
    const args = [
      path("c.nbl"),
      path("stuck.onnx"),
      "--max-drop",
      "74.9",
      "--min-agreement",
      "25.1",
      "--json",
    ];
    const outcome = await compare(...args);
    expect(outcome.code).toBe(1);
    expect(outcome.json().broken).toEqual([
      "accuracy drops by 75.00 points, expected at most 74.9",
      "agreement is 25.00 %, expected at least 25.1 %",
    ]);
    const held = await compare(
      path("c.nbl"),
      path("stuck.onnx"),
      "--max-drop",
      "75",
      "--min-agreement",
      "25",
    );
    expect(held.code).toBe(0);
  });

  it("refuses models whose outputs don't match, and bounds on what is not known", async () => {
    write(
      "three.onnx",
      onnxModel({
        nodes: [{ op: "Gemm", name: "dense", inputs: ["x", "w"], outputs: ["scores"] }],
        inputs: [{ name: "x", shape: [1, 4] }],
        outputs: [{ name: "scores", shape: [1, 3] }],
        initializers: [{ name: "w", dims: [4, 3], type: "float", floats: new Array(12).fill(1) }],
      }),
    );
    const other = await compare(path("classifier.onnx"), path("three.onnx"));
    expect(other.code).toBe(1);
    expect(other.stderr).toContain(
      `the models' outputs don't match: expected "scores" [1, 4] of both, found "scores" [1, 3]`,
    );
    write("plain/0.npy", npy([1, 2, 3, 4], [1, 4]));
    const plain = await nibblenet(
      "compare",
      path("classifier.onnx"),
      path("relu.onnx"),
      "--data",
      path("plain"),
      "--max-drop",
      "1",
    );
    expect(plain.code).toBe(2);
    expect(plain.stderr).toContain("'--max-drop' needs samples with classes");
  });
});

describe("nibblenet quantize --report page.html", () => {
  it("writes one page that loads nothing, with every section", async () => {
    const args = ["quantize", path("classifier.onnx"), "-o", path("r.nbl"), "--data", path("data")];
    await succeed(...args, "--labels", path("labels.txt"), "--report", path("r.html"), "--bias-correction");
    const page = readFileSync(path("r.html"), "utf8");
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).not.toMatch(/<script|<link|<img|\bsrc=|href=|url\(|@import|https?:/);
    for (const title of ["End to end", "Layers", "Silent regressions", "Shifted inputs", "Provenance"])
      expect(page).toContain(`<h2>${title}</h2>`);
    expect(page).toMatch(/<dd><code>[0-9a-f]{64}<\/code>/);
    expect(page).toContain("gain −6 dB");
    expect(page).not.toContain(path("data"));
  });

  it("says the same as JSON, with the same hashes on every run; the model carries the summary", async () => {
    const args = [
      "quantize",
      path("classifier.onnx"),
      "-o",
      path("j.nbl"),
      "--data",
      path("data"),
      "--report",
    ];
    await succeed(...args, path("1.json"), "--calibration", "mse", "--equalize");
    await succeed(...args, path("2.json"), "--calibration", "mse", "--equalize");
    const report = JSON.parse(readFileSync(path("1.json"), "utf8"));
    const again = JSON.parse(readFileSync(path("2.json"), "utf8"));
    // Times are the only figures that differ between runs; sensitivity is told of the one layer with weights.
    expect([report.layers[0].micros > 0, report.layers[0].sensitivity > 0]).toEqual([true, true]);
    again.layers[0].micros = report.layers[0].micros;
    expect(again).toEqual(report);
    expect(report.provenance).toMatchObject({
      source: { file: "classifier.onnx" },
      calibration: { samples: 20 },
      options: { calibration: "mse", equalize: true, io: "float32" },
    });
    expect(report.shifts.map(({ shift }: { shift: string }) => shift)).toContain("noise 10 dB below");
    const errors: number[] = report.layers.at(-1).errors;
    expect(errors).toHaveLength(32);
    expect(errors.reduce((sum, n) => sum + n, 0)).toBe(80);
    const stored = (await succeed("inspect", path("j.nbl"), "--json")).json().report;
    expect(stored.provenance.source.sha256).toBe(report.provenance.source.sha256);
    expect(stored.layers[0].errors).toBeUndefined();
  });
});

describe("reportPage", () => {
  it("lets no name out of its place", async () => {
    const { reportPage } = await import("../../src/report/page.ts");
    const { proportion } = await import("../../src/quantize/accuracy.ts");
    const evil = '<script>alert("1")</script>';
    const exact = { sqnr: null, maxError: 0, cosine: null, clipped: 0 };
    const page = reportPage(
      {
        graph: evil,
        samples: 2,
        layers: [{ node: evil, op: "add", tensor: evil, dtype: "int8", ...exact, errors: [1, 2] }],
        outputs: [{ tensor: evil, ...exact }],
        float: [{ node: evil, reason: evil }],
        agreement: proportion(1, 2),
        disagreements: [{ sample: evil, float: 0, quantized: 1, label: 0 }],
      },
      { labels: [evil, "b"], measuredOn: evil },
    );
    expect(page).not.toContain("<script");
    expect(page).toContain("&lt;script&gt;");
    expect(page).toContain('<span class="bad">lost</span>');
  });
});
