/** Pictures and modules as samples, through the commands that take them. */

import { encode as encodePng } from "fast-png";
import jpeg from "jpeg-js";
import { beforeAll, describe, expect, it } from "vitest";
import { onnxModel } from "../helpers/onnx-builder.ts";
import { denseModel, nibblenet, succeed, workspace } from "./harness.ts";

const { path, write, names } = workspace();

/** Red or blue: the mean of a color over 4 × 4 pixels, less the other's. */
const reddish = () =>
  onnxModel({
    nodes: [
      { op: "GlobalAveragePool", name: "mean", inputs: ["image"], outputs: ["means"] },
      { op: "Flatten", name: "flatten", inputs: ["means"], outputs: ["flat"], attributes: { axis: 1 } },
      { op: "Gemm", name: "dense", inputs: ["flat", "w", "b"], outputs: ["scores"] },
    ],
    inputs: [{ name: "image", shape: [1, 3, 4, 4] }],
    outputs: [{ name: "scores", shape: [1, 2] }],
    initializers: [
      { name: "w", dims: [3, 2], type: "float", floats: [1, -1, 0, 0, -1, 1] },
      { name: "b", dims: [2], type: "float", floats: [0, 0] },
    ],
  });

const plain = (red: number, blue: number, size = 8): Uint8Array =>
  Uint8Array.from({ length: size * size * 3 }, (_, i) => [red, 40, blue][i % 3]!);

beforeAll(() => {
  write("reddish.onnx", reddish());
  write("labels.txt", "red\nblue\n");
  for (let i = 0; i < 4; i++) {
    const [more, less] = [255 - 20 * i, 30 * i];
    write(`images/red/${i}.png`, encodePng({ width: 8, height: 8, data: plain(more, less), channels: 3 }));
    const data = new Uint8Array(256).map((_, at) => [less, 40, more, 255][at % 4]!);
    write(`images/blue/${i}.jpg`, jpeg.encode({ width: 8, height: 8, data }, 95).data);
  }
  write("dense.onnx", denseModel());
});

describe("a folder of pictures", () => {
  const quantized = (...more: string[]) =>
    succeed(
      ...["quantize", path("reddish.onnx"), "-o", path("m.nbl"), "--data", path("images")],
      ...["--labels", path("labels.txt"), "--json", ...more],
    );

  it("calibrates and measures, with sub-folders as classes", async () => {
    const { report } = (await quantized()).json();
    expect(report.samples).toBe(8);
    expect(report.accuracy.quantized.all).toMatchObject({ correct: 8, total: 8 });
    expect(report.outputs[0].sqnr).toBeGreaterThan(30);
    const evaluation = (await succeed("eval", path("m.nbl"), "--data", path("images"), "--json")).json();
    expect(evaluation.accuracy.all).toMatchObject({ correct: 8, total: 8 });
    const compared = await succeed(
      "compare",
      path("reddish.onnx"),
      path("m.nbl"),
      "--data",
      path("images"),
      "--json",
    );
    expect(compared.json().agreement).toMatchObject({ correct: 8, total: 8 });
  });

  it("keeps its settings in the file, which later commands follow", async () => {
    // Colors the other way round turn every answer.
    const { report } = (await quantized("--image", "channels=bgr/range=255", "--image", "mean=128")).json();
    expect(report.accuracy.quantized.all.correct).toBe(0);
    expect(report.provenance.options.image).toEqual({ channels: "bgr", range: 255, mean: [128] });
    const picture = path("images/red/0.png");
    const run = async (...more: string[]) =>
      (await succeed("run", path("m.nbl"), "--input", picture, "--json", ...more)).json().outputs[0].top;
    // (255 − 128) − (0 − 128) of the two colors, taken for each other.
    expect((await run())[0]).toMatchObject({ label: "blue", value: expect.closeTo(255, -1) });
    expect((await run("--image", "channels=rgb"))[0]).toMatchObject({ label: "red" });
    const right = async (...more: string[]) =>
      (await succeed("eval", path("m.nbl"), "--data", path("images"), "--json", ...more)).json().accuracy.all
        .correct;
    expect([await right(), await right("--image", "channels=rgb")]).toEqual([0, 8]);
    expect(
      (await succeed("convert", path("reddish.onnx"), "-o", path("c.nbl"), "--image", "layout=nchw")).code,
    ).toBe(0);
    expect(
      (
        await succeed(
          "eval",
          path("c.nbl"),
          "--data",
          path("images"),
          "--labels",
          path("labels.txt"),
          "--json",
        )
      ).json().accuracy.all.correct,
    ).toBe(8);
  });

  it.each<[string, string[], RegExp, number]>([
    [
      "--image=colour=red",
      ["images"],
      /"colour" is unknown; there are resize, crop, channels, range, mean, std, layout/,
      2,
    ],
    ["--image=resize=squeeze", ["images"], /resize expected crop, stretch, pad, found "squeeze"/, 2],
    ["--image=crop=1.5", ["images"], /crop expected a share above 0, up to 1, found 1.5/, 2],
    ["--image=mean=1,x,3", ["images"], /mean expected one number or three/, 2],
    ["--image=std=0", ["images"], /std expected one number or three above 0, found \[0\]/, 2],
    ["--image=mean", ["images"], /Expected field=value, found "mean"/, 2],
    [
      "--image=layout=nhwc",
      ["images"],
      /0\.jpg: a picture fits inputs of .*, nhwc; input "image" is \[1,3,4,4\]/,
      1,
    ],
    ["--json", ["empty"], /empty: no samples; expected files ending in .*\.jpg.*\.png/, 1],
    ["--json", ["broken"], /broken\/0\.png: not a readable PNG picture/, 1],
  ])("is refused with %s on %s", async (option, [folder], message, expected) => {
    write("empty/readme.txt", "");
    write("broken/0.png", encodePng({ width: 8, height: 8, data: plain(1, 2), channels: 3 }).subarray(0, 60));
    const { code, stderr } = await nibblenet(
      ...["quantize", path("reddish.onnx"), "-o", path("no.nbl"), "--data", path(folder!), option],
    );
    expect(stderr).toMatch(message);
    expect(code).toBe(expected);
    expect(names()).not.toContain("no.nbl");
  });
});

describe("a module", () => {
  const yielding = `export default async function* ({ inputs: [{ shape }] }) {
    for (let n = 0; n < 6; n++)
      yield { name: "wave " + n, inputs: Float32Array.from({ length: shape[1] }, (_, i) => Math.sin(n + i)) };
  }`;

  it.each([
    ["quantize", []],
    ["search", ["--budget", "sqnr=20", "--candidates", "int8,float32"]],
  ])("calibrates (%s) as the same samples in a file do", async (way, more) => {
    const module = write(`${way}.mjs`, yielding);
    const { report } = (
      await succeed(
        "quantize",
        path("dense.onnx"),
        "-o",
        path(`${way}.nbl`),
        "--data",
        module,
        "--json",
        ...more,
      )
    ).json();
    expect(report.samples).toBe(6);
    const values = Array.from({ length: 6 * 24 }, (_, i) => Math.sin(Math.floor(i / 24) + (i % 24)));
    const list = write(
      `${way}-list.mjs`,
      `export default ${JSON.stringify(Array.from({ length: 6 }, (_, n) => values.slice(24 * n, 24 * n + 24)))};`,
    );
    const same = (
      await succeed(
        "quantize",
        path("dense.onnx"),
        "-o",
        path(`${way}-list.nbl`),
        "--data",
        list,
        "--json",
        ...more,
      )
    ).json().report;
    expect(same.provenance.calibration).toEqual(report.provenance.calibration);
    expect(same.provenance.calibration.samples).toBe(6);
    expect(same.outputs).toEqual(report.outputs);
  });

  it("is labelled, limited and compared as files are", async () => {
    const module = write(
      "labelled.mjs",
      `export function* samples() {
        for (let i = 0; ; i++) {
          const planes = new Float32Array(48).fill(i % 2, 0, 16).fill(1 - (i % 2), 32);
          yield { label: i % 2 ? "red" : "blue", inputs: planes };
        }
      }`,
    );
    const data = ["--data", module, "--samples", "10", "--labels", path("labels.txt"), "--json"];
    const { report } = (await succeed("quantize", path("reddish.onnx"), "-o", path("l.nbl"), ...data)).json();
    expect(report.accuracy.float.all).toMatchObject({ correct: 10, total: 10 });
    const apart = [
      "--data",
      path("images"),
      "--eval",
      write("few.mjs", "export default [{ label: 0, inputs: new Float32Array(48).fill(1, 0, 16) }];"),
    ];
    const other = await succeed(
      "quantize",
      path("reddish.onnx"),
      "-o",
      path("e.nbl"),
      ...apart,
      "--labels",
      path("labels.txt"),
      "--json",
    );
    expect(other.json().report.accuracy.quantized.all).toMatchObject({ correct: 1, total: 1 });
    expect((await succeed("eval", path("l.nbl"), ...data)).json().accuracy.all.total).toBe(10);
    const gate = await succeed("compare", path("reddish.onnx"), path("l.nbl"), ...data, "--max-drop", "0");
    expect(gate.json().accuracy.b.all.correct).toBe(10);
  });

  it("ends the command with a named error where its samples don't fit", async () => {
    const module = write("wrong.mjs", "export default [new Float32Array(24), new Float32Array(23)];");
    const { code, stderr, json } = await nibblenet(
      ...["quantize", path("dense.onnx"), "-o", path("no.nbl"), "--data", module, "--json"],
    );
    expect(stderr).toMatch(/wrong\.mjs\[1\]: input "x" expected 24 values \(\[1,24\]\), found 23/);
    expect([code, json().error.code]).toEqual([1, "bad-input"]);
    expect(names()).not.toContain("no.nbl");
  });
});
