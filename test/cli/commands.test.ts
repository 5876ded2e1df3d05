import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { measureLimits } from "../../src/cli/limits.ts";
import { decode } from "../../src/format/decode.ts";
import { summarize } from "../../src/quantize/summary.ts";
import { readNpy } from "../../src/samples/npy.ts";
import { sampleFiles } from "../helpers/tflite-models.ts";
import { tiers } from "../helpers/tiers.ts";
import { classifier, loudness, nibblenet, npy, relu, succeed, tone, workspace } from "./harness.ts";

const { path, write, names } = workspace();
const labels = ["down", "up", "_silence_", "other"];
const oneHot = (index: number, value = 1) => [0, 1, 2, 3].map((i) => (i === index ? value : -0.5 * value));

beforeAll(() => {
  write("conv.tflite", sampleFiles.conv!());
  write("classifier.onnx", classifier());
  write("loudness.onnx", loudness());
  write("labels.txt", `${labels.join("\r\n")}\n\n`);
  labels.forEach((label, i) => {
    for (let n = 0; n < 3; n++) write(`data/${label}/${n}.npy`, npy(oneHot(i, 1 + n), [1, 4]));
  });
  // One sample in the wrong folder: 12 of 13 are right.
  write("data/up/wrong.npy", npy(oneHot(0), [1, 4]));
  for (let n = 0; n < 3; n++) {
    write(`clips/loud/${n}.wav`, tone(0.9 - 0.2 * n));
    write(`clips/quiet/${n}.wav`, tone(0.0001 * (n + 1)));
  }
  write("volume.txt", "loud\nquiet\n");
});

describe("convert", () => {
  it("packs a TFLite model with its source's digest and no time stamp", async () => {
    const first = await succeed("convert", path("conv.tflite"), "-o", path("conv.nbl"), "--json");
    const bytes = readFileSync(path("conv.nbl"));
    const sha256 = createHash("sha256")
      .update(readFileSync(path("conv.tflite")))
      .digest("hex");
    expect(decode(bytes).metadata).toEqual({ source: { file: "conv.tflite", sha256 } });
    expect(first.json()).toMatchObject({
      output: path("conv.nbl"),
      bytes: bytes.length,
      operators: 1,
      schemes: { int8: 1 },
      rounding: "single",
      inputs: [{ name: "x", dtype: "int8", shape: [1, 5, 4, 2] }],
    });
    await succeed("convert", path("conv.tflite"), "-o", path("again.nbl"));
    expect(readFileSync(path("again.nbl"))).toEqual(bytes);
  });

  it("takes the rounding, labels and front end asked for", async () => {
    const double = await succeed(
      "convert",
      path("conv.tflite"),
      "-o",
      path("double.nbl"),
      "--rounding",
      "double",
      "--json",
    );
    expect(double.json().rounding).toBe("double");
    const args = ["--labels", path("volume.txt"), "--frontend", "log-mel", "--json"];
    const float = await succeed("convert", path("loudness.onnx"), "-o", path("loudness.nbl"), ...args);
    expect(float.json().metadata).toMatchObject({ frontend: "log-mel", labels: ["loud", "quiet"] });
    expect(float.json().rounding).toBeUndefined();
  });

  it("fixes open shapes", async () => {
    write("open.onnx", relu([1, "frames", 4]));
    const closed = await nibblenet("convert", path("open.onnx"), "-o", path("open.nbl"));
    expect(closed.code).toBe(1);
    expect(closed.stderr).toMatch(/"x": dimension 1 \("frames"\).*--input-shape/);
    const open = await succeed(
      "convert",
      path("open.onnx"),
      "-o",
      path("open.nbl"),
      "--input-shape",
      "x=1x3x4",
      "--json",
    );
    expect(open.json().inputs[0].shape).toEqual([1, 3, 4]);
  });

  it("tells a file's format by its content", async () => {
    write("tflite.onnx", sampleFiles.conv!());
    write("onnx.bin", classifier());
    await succeed("convert", path("tflite.onnx"), "-o", path("a.nbl"));
    await succeed("convert", path("onnx.bin"), "-o", path("b.nbl"));
    const inspected = await succeed("inspect", path("a.nbl"), "--json");
    expect(inspected.json().operators[0].op).toBe("CONV_QS8");
  });

  it("says that a float model stays float", async () => {
    const { stdout } = await succeed("convert", path("classifier.onnx"), "-o", path("float.nbl"));
    expect(stdout).toMatch(/weights +float32 × 1\n/);
    expect(stdout).toContain("nibblenet quantize");
  });
});

describe("quantize", () => {
  it("calibrates, reports accuracy on labelled samples and stores both", async () => {
    const outcome = await succeed(
      ...["quantize", path("classifier.onnx"), "-o", path("q.nbl"), "--data", path("data")],
      ...["--labels", path("labels.txt"), "--report", path("report.json"), "--json"],
    );
    const { report, schemes, memory } = outcome.json();
    expect(schemes).toEqual({ int8: 1 });
    expect(memory.weights).toBeGreaterThan(0);
    expect(report.samples).toBe(13);
    expect(report.accuracy.float.all).toMatchObject({ correct: 12, total: 13 });
    expect(report.accuracy.quantized.all).toMatchObject({ correct: 12, total: 13 });
    expect(report.outputs[0].sqnr).toBeGreaterThan(30);
    expect(JSON.parse(readFileSync(path("report.json"), "utf8"))).toEqual(report);
    const stored = decode(readFileSync(path("q.nbl")));
    expect(stored.report).toEqual(summarize(report));
    expect(stored.metadata).toMatchObject({ labels });
  });

  it("prints a short summary, and every layer when asked", async () => {
    const command = ["quantize", path("classifier.onnx"), "-o", path("q2.nbl"), "--data", path("data")];
    const short = await succeed(...command);
    expect(short.stdout).toMatch(/measured on +13 samples/);
    expect(short.stdout).not.toContain("SQNR dB");
    expect(short.stdout).not.toContain("accuracy");
    expect((await succeed(...command, "--layers")).stdout).toContain("SQNR dB");
  });

  it("obeys --io, --exclude, --samples, --percentile and --eval", async () => {
    const command = [
      "quantize",
      path("classifier.onnx"),
      "-o",
      path("q3.nbl"),
      "--data",
      path("data"),
      "--json",
    ];
    const io = await succeed(...command, "--io", "int8");
    expect(io.json().inputs[0].dtype).toBe("int8");
    const excluded = await succeed(...command, "--exclude", "dense");
    expect(excluded.json().report.float).toEqual([{ node: "dense", reason: "excluded" }]);
    expect((await succeed(...command, "--samples", "4")).json().report.samples).toBe(4);
    // Much of the values lies outside, so the largest are clipped.
    const percentile = await succeed(...command, "--percentile", "60");
    expect(percentile.json().report.layers[0].clipped).toBeGreaterThan(0);
    const evaluated = await succeed(
      ...[...command, "--samples", "4", "--eval", path("data"), "--labels", path("labels.txt")],
    );
    expect(evaluated.json().report.accuracy.quantized.all.total).toBe(13);
  });

  it("turns clips into log-mel features, and run and eval follow the file", async () => {
    await succeed(
      ...["quantize", path("loudness.onnx"), "-o", path("l.nbl"), "--data", path("clips")],
      ...["--frontend", "log-mel", "--labels", path("volume.txt")],
    );
    const loud = await succeed("run", path("l.nbl"), "--input", path("clips/loud/0.wav"), "--json");
    expect(loud.json().outputs[0].top[0]).toMatchObject({ index: 0, label: "loud" });
    const evaluated = await succeed("eval", path("l.nbl"), "--data", path("clips"), "--json");
    expect(evaluated.json().accuracy.all).toMatchObject({ correct: 6, total: 6 });
  });

  it("refuses models that are quantized or packed", async () => {
    const quantized = await nibblenet(
      "quantize",
      path("conv.tflite"),
      "-o",
      path("no.nbl"),
      "--data",
      path("data"),
    );
    expect(quantized.code).toBe(1);
    expect(quantized.stderr).toMatch(/conv\.tflite: expected a float model.*`nibblenet convert`/);
    await succeed("convert", path("conv.tflite"), "-o", path("packed.nbl"));
    const packed = await nibblenet(
      "quantize",
      path("packed.nbl"),
      "-o",
      path("no.nbl"),
      "--data",
      path("data"),
    );
    expect(packed.code).toBe(1);
    expect(packed.stderr).toMatch(/packed already; quantize its source/);
    expect(names()).not.toContain("no.nbl");
  });
});

describe("run", () => {
  it("prints the figures and best classes of each output", async () => {
    write("x.npy", npy([0.5, 3, -1, 2], [4]));
    const args = ["run", path("classifier.onnx"), "--input", path("x.npy"), "--labels", path("labels.txt")];
    const { stdout } = await succeed(...args);
    expect(stdout).toBe(
      [
        "scores  float32 [1, 4]",
        "  values  -1 … 3, mean 1.125",
        "  up          3.0000",
        "  other       2.0000",
        "  down        0.5000",
        "  _silence_  -1.0000",
        "",
      ].join("\n"),
    );
    const outcome = await succeed(...args, "--json", "--tier", "scalar");
    expect(outcome.json()).toMatchObject({
      tier: "scalar",
      outputs: [{ name: "scores", dtype: "float32", shape: [1, 4], min: -1, max: 3, mean: 1.125 }],
    });
    expect(outcome.json().outputs[0].top.map((entry: { label: string }) => entry.label)).toEqual([
      "up",
      "other",
      "down",
      "_silence_",
    ]);
  });

  it("writes outputs as .npy or raw bytes", async () => {
    const values = [0.5, 3, -1, 2];
    write("x.npy", npy(values, [4]));
    write("x.bin", new Uint8Array(Float32Array.from(values).buffer));
    await succeed(
      "run",
      path("classifier.onnx"),
      "--input",
      `x=${path("x.npy")}`,
      "--output",
      path("out/deep"),
    );
    const array = readNpy(readFileSync(path("out/deep/scores.npy")), "scores");
    expect(array).toMatchObject({ dtype: "float32", shape: [1, 4] });
    expect([...(array.data as Float32Array)]).toEqual(values);
    await succeed(
      "run",
      path("classifier.onnx"),
      "--input",
      path("x.bin"),
      "--output",
      path("out/deep"),
      "--format",
      "bin",
    );
    expect(new Uint8Array(readFileSync(path("out/deep/scores.bin")))).toEqual(
      new Uint8Array(readFileSync(path("x.bin"))),
    );
    expect(names("out/deep")).toEqual(["scores.bin", "scores.npy"]);
  });

  it("takes several inputs by name, and says which are missing", async () => {
    write("add.tflite", sampleFiles.add!());
    write("a.npy", npy([1, 2, 3, 4, 5, 6], [1, 2, 3]));
    write("b.npy", npy([1, 2], [2, 1]));
    const both = ["--input", `a=${path("a.npy")}`, `b=${path("b.npy")}`];
    expect((await succeed("run", path("add.tflite"), ...both, "--json")).json().outputs[0].shape).toEqual([
      1, 2, 3,
    ]);
    const one = await nibblenet("run", path("add.tflite"), "--input", `a=${path("a.npy")}`);
    expect([one.code, one.stderr]).toEqual([1, expect.stringContaining('no values for "b"')]);
    const wrong = await nibblenet(
      "run",
      path("add.tflite"),
      "--input",
      `a=${path("a.npy")}`,
      `c=${path("b.npy")}`,
    );
    expect([wrong.code, wrong.stderr]).toEqual([
      1,
      expect.stringContaining('a name among "a", "b", found "c='),
    ]);
    const twice = await nibblenet(
      "run",
      path("add.tflite"),
      "--input",
      `a=${path("a.npy")}`,
      `a=${path("b.npy")}`,
    );
    expect([twice.code, twice.stderr]).toEqual([2, expect.stringContaining('input "a" is given twice')]);
  });

  it("names the sample, what it expected and what it found", async () => {
    write("short.npy", npy([1, 2, 3]));
    const { code, stderr } = await nibblenet("run", path("classifier.onnx"), "--input", path("short.npy"));
    expect(code).toBe(1);
    expect(stderr).toMatch(/short\.npy: input "x" expected shape \[1,4\], found \[3\]\n$/);
  });
});

describe("inspect", () => {
  it("lists operators, multiply-adds, memory and metadata", async () => {
    await succeed("convert", path("classifier.onnx"), "-o", path("i.nbl"), "--labels", path("labels.txt"));
    const { stdout } = await succeed("inspect", path("i.nbl"));
    expect(stdout).toMatch(/operators +1, 16 multiply-adds/);
    expect(stdout).toMatch(/GEMM_F32 +× 1 +16 MAC +100 %/);
    expect(stdout).toMatch(/labels +4: down, up, _silence_, other/);
    expect(stdout).toMatch(/source +classifier\.onnx \(sha256 [0-9a-f]{12}…\)/);
    const value = (await succeed("inspect", path("i.nbl"), "--json")).json();
    expect(value).toMatchObject({ format: "nbl", macs: 16, metadata: { labels }, report: null });
    expect(value.tensors.map((tensor: { name: string }) => tensor.name)).toEqual(["x", "scores"]);
  });

  it("counts the multiply-adds of convolutions", async () => {
    // 3×2 outputs of 3 channels from a 3×3 window over 2 channels would be 324; the model's own figures decide.
    const value = (await succeed("inspect", path("conv.tflite"), "--json")).json();
    const [, height, width, channels] = value.outputs[0].shape;
    const weights = 3 * 3 * 2;
    expect(value.format).toBe("tflite");
    expect(value.macs % (height * width * channels)).toBe(0);
    expect(value.macs).toBeLessThanOrEqual(height * width * channels * weights);
    expect(value.macs).toBeGreaterThan(0);
  });

  it("lists every operator and tensor when asked", async () => {
    const { stdout } = await succeed("inspect", path("conv.tflite"), "--operators", "--tensors");
    expect(stdout).toMatch(/0 {2}CONV_QS8 +\d+ MAC {2}int8 \[/);
    expect(stdout).toMatch(/0 {2}arena \+\d+ +40 B {2}int8 \[1, 5, 4, 2\] {2}scale 0\.5000, zero point 3 +x/);
  });

  it("shows the quantizer's report", async () => {
    await succeed("quantize", path("classifier.onnx"), "-o", path("r.nbl"), "--data", path("data"));
    expect((await succeed("inspect", path("r.nbl"))).stdout).toMatch(/Report\n +measured on +13 samples/);
    expect((await succeed("inspect", path("r.nbl"), "--layers")).stdout).toContain("SQNR dB");
  });
});

describe("verify", () => {
  it("accepts what convert writes", async () => {
    await succeed("convert", path("conv.tflite"), "-o", path("v.nbl"));
    const { stdout } = await succeed("verify", path("v.nbl"));
    expect(stdout).toMatch(/v\.nbl: sound \(format 1, .*1 operators, 2 tensors\)\n$/);
    expect((await succeed("verify", path("v.nbl"), "--json")).json()).toMatchObject({
      ok: true,
      operators: 1,
    });
  });

  it.each([
    [
      "a changed byte",
      (bytes: Uint8Array) => bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte)),
      /checksum/,
    ],
    ["a cut file", (bytes: Uint8Array) => bytes.slice(0, -64), /expected \d+ bytes, found \d+/],
    ["an appended byte", (bytes: Uint8Array) => Uint8Array.of(...bytes, 0), /appended/],
    ["an empty file", () => new Uint8Array(0), /expected/],
    ["another format", () => sampleFiles.conv!(), /found a TFLite model; make one with `nibblenet convert`/],
  ])("refuses %s with exit code 1", async (_, damage, message) => {
    await succeed("convert", path("conv.tflite"), "-o", path("v.nbl"));
    const damaged = write("damaged.nbl", damage(new Uint8Array(readFileSync(path("v.nbl")))));
    const { code, stdout, stderr } = await nibblenet("verify", damaged);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(message);
    expect(stderr).toContain("damaged.nbl");
  });
});

describe("bench", () => {
  it("measures every tier", async () => {
    const command = ["bench", path("conv.tflite"), "--tier", "all", "--seconds", "0.02"];
    const value = (await succeed(...command, "--json")).json();
    expect(value.tiers.map(({ tier }: { tier: string }) => tier)).toEqual(tiers);
    for (const tier of value.tiers) {
      expect(tier.minMicros).toBeGreaterThan(0);
      expect(tier.medianMicros).toBeGreaterThanOrEqual(tier.minMicros);
      expect(tier.macsPerSecond).toBeCloseTo((value.macs / tier.medianMicros) * 1e6, 0);
      expect(tier.runs).toBeGreaterThan(0);
    }
    const lines = (await succeed(...command)).stdout.split("\n");
    expect(lines[1]).toMatch(/tier +median µs +min µs/);
    expect(lines.slice(2, 2 + tiers.length).map((line) => line.trim().split(" ")[0])).toEqual(tiers);
  });

  it("profiles operators beside what the engine allows", async () => {
    const command = ["bench", path("conv.tflite"), "--tier", "simd", "--seconds", "0.02", "--profile"];
    const value = (await succeed(...command, "--json")).json();
    const { operators } = value.tiers[0];
    const macs = operators.map((operator: { macs: number }) => operator.macs);
    expect(macs.reduce((a: number, b: number) => a + b)).toBe(value.macs);
    for (const { micros, macs, macsPerSecond, boundShare } of operators) {
      expect(micros).toBeGreaterThan(0);
      expect(macsPerSecond).toBeCloseTo((macs / micros) * 1e6, 0);
      expect(boundShare).toBeGreaterThan(0);
    }
    const { stdout } = await succeed(...command);
    expect(stdout).toMatch(/operator +output +µs +of all +GMAC\/s +of its bound/);
    expect(stdout).toMatch(/CONV_QS8 +\[/);
  });

  it.each(tiers.filter((tier) => tier === "relaxed" || tier === "simd"))(
    "measures the bounds of %s",
    (tier) => {
      const { int8, narrow, float32, bytes } = measureLimits(tier === "relaxed")!;
      for (const rate of [int8, narrow, float32, bytes(1 << 16)]) expect(rate).toBeGreaterThan(0);
      if (tier === "simd") expect(narrow).toBe(int8);
    },
  );
});

describe("eval", () => {
  it("gives accuracy, recall and confusion", async () => {
    const command = ["eval", path("classifier.onnx"), "--data", path("data"), "--labels", path("labels.txt")];
    const value = (await succeed(...command, "--without", "_silence_", "--json")).json();
    expect(value.samples).toBe(13);
    expect(value.accuracy.all).toMatchObject({ correct: 12, total: 13 });
    expect(value.accuracy.without).toMatchObject({ correct: 9, total: 10 });
    expect(value.confusion).toEqual([
      [3, 0, 0, 0],
      [1, 3, 0, 0],
      [0, 0, 3, 0],
      [0, 0, 0, 3],
    ]);
    expect(value.classes[1]).toMatchObject({ label: "up", recall: { correct: 3, total: 4 } });
    const { stdout } = await succeed(...command, "--without", "_silence_");
    expect(stdout).toMatch(/accuracy +92\.3 % \(12 of 13; 95 % interval 66\.7 – 98\.6 %\)/);
    expect(stdout).toMatch(/without _silence_ +90\.0 % \(9 of 10;/);
    expect(stdout).toMatch(/up +75\.0 % +1 +3 +· +·/);
  });

  it("lists the most frequent mistakes where there are many classes", async () => {
    write("many.onnx", classifier(20));
    for (const n of [3, 17])
      write(
        `many/${n}/a.npy`,
        npy(
          Array.from({ length: 20 }, (_, i) => (i === n ? 1 : 0)),
          [1, 20],
        ),
      );
    write(
      "many/3/b.npy",
      npy(
        Array.from({ length: 20 }, (_, i) => (i === 5 ? 1 : 0)),
        [1, 20],
      ),
    );
    const { stdout } = await succeed("eval", path("many.onnx"), "--data", path("many"));
    expect(stdout).toMatch(/3 +50\.0 % +of 2/);
    expect(stdout).toMatch(/3 → 5 +× 1/);
  });

  it("refuses samples without a class, unknown classes and single outputs", async () => {
    const unnamed = await nibblenet("eval", path("classifier.onnx"), "--data", path("data"));
    expect([unnamed.code, unnamed.stderr]).toEqual([
      1,
      expect.stringMatching(/its class is not known; .*labels file/),
    ]);
    write("few.txt", "down\nup\n_silence_\nsomething\n");
    const unknown = await nibblenet(
      "eval",
      path("classifier.onnx"),
      "--data",
      path("data"),
      "--labels",
      path("few.txt"),
    );
    expect([unknown.code, unknown.stderr]).toEqual([
      1,
      expect.stringMatching(/label "other" is not among the labels down, up/),
    ]);
    write("single.onnx", relu([1, 1]));
    write("one/0/a.npy", npy([1], [1, 1]));
    const single = await nibblenet("eval", path("single.onnx"), "--data", path("one"));
    expect([single.code, single.stderr]).toEqual([
      1,
      expect.stringContaining("expected one score per class"),
    ]);
  });
});
