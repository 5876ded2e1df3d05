import { Writable } from "node:stream";
import { main } from "../../src/cli/main.ts";
import { writeNpy } from "../../src/samples/npy.ts";
import { onnxModel, singleOperator } from "../helpers/onnx-builder.ts";
import { random } from "../quantize/build.ts";

export { workspace } from "../helpers/workspace.ts";

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
  /** stdout, parsed. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  json(): any;
}

export function capture(isTTY = false) {
  let text = "";
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY }), text: () => text };
}

/** One command line, in this process. */
export async function nibblenet(...args: string[]): Promise<Outcome> {
  const [stdout, stderr] = [capture(), capture()];
  const code = await main(args, { stdout: stdout.stream, stderr: stderr.stream, env: {} });
  return { code, stdout: stdout.text(), stderr: stderr.text(), json: () => JSON.parse(stdout.text()) };
}

/** As `nibblenet`, for commands that have to succeed. */
export async function succeed(...args: string[]): Promise<Outcome> {
  const outcome = await nibblenet(...args);
  if (outcome.code !== 0) throw new Error(`nibblenet ${args.join(" ")}: ${outcome.stderr}`);
  return outcome;
}

export const npy = (values: number[], shape = [values.length]): Uint8Array =>
  writeNpy({ dtype: "float32", shape, data: Float32Array.from(values) });

/** y = x · identity: the class is where x is largest. */
export const classifier = (classes = 4): Uint8Array =>
  onnxModel({
    nodes: [{ op: "Gemm", name: "dense", inputs: ["x", "w", "b"], outputs: ["scores"] }],
    inputs: [{ name: "x", shape: ["batch", classes] }],
    outputs: [{ name: "scores", shape: ["batch", classes] }],
    initializers: [
      {
        name: "w",
        dims: [classes, classes],
        type: "float",
        floats: Array.from({ length: classes * classes }, (_, i) => (i % (classes + 1) === 0 ? 1 : 0)),
      },
      { name: "b", dims: [classes], type: "float", floats: new Array(classes).fill(0) },
    ],
  });

/** y = relu(x) of any length. */
export const relu = (shape: (number | string)[]): Uint8Array => singleOperator("Relu", shape);

/** Loud or quiet, from log-mel features: the mean of 49×40 values against −11. */
export const loudness = (): Uint8Array =>
  onnxModel({
    nodes: [
      { op: "Flatten", name: "flatten", inputs: ["features"], outputs: ["flat"], attributes: { axis: 1 } },
      { op: "Gemm", name: "mean", inputs: ["flat", "w", "b"], outputs: ["scores"] },
    ],
    inputs: [{ name: "features", shape: [1, 49, 40] }],
    outputs: [{ name: "scores", shape: [1, 2] }],
    initializers: [
      {
        name: "w",
        dims: [1960, 2],
        type: "float",
        floats: Array.from({ length: 3920 }, (_, i) => (i % 2 === 0 ? 1 : -1) / 1960),
      },
      { name: "b", dims: [2], type: "float", floats: [11, -11] },
    ],
  });

/** One second of a 440 Hz tone, 16-bit mono. */
export function tone(amplitude: number, sampleRate = 16000): Uint8Array {
  const count = sampleRate;
  const view = new DataView(new ArrayBuffer(44 + 2 * count));
  const text = (at: number, value: string) => {
    for (let i = 0; i < value.length; i++) view.setUint8(at + i, value.charCodeAt(i));
  };
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * count, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, 2 * sampleRate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * count, true);
  for (let n = 0; n < count; n++)
    view.setInt16(
      44 + 2 * n,
      Math.round(32767 * amplitude * Math.sin((2 * Math.PI * 440 * n) / sampleRate)),
      true,
    );
  return new Uint8Array(view.buffer);
}

/** Three dense layers of 24 channels. */
export const denseModel = (edit: (values: number[]) => void = () => {}): Uint8Array => {
  const width = 24;
  const next = random(5);
  const layers = ["one", "two", "three"];
  const values = layers.map(() => Array.from({ length: width * width }, () => 0.3 * next()));
  edit(values[1]!);
  return onnxModel({
    nodes: layers.map((name, i) => ({
      op: "Gemm",
      name,
      inputs: [i === 0 ? "x" : `y${i - 1}`, `w${i}`],
      outputs: [`y${i}`],
    })),
    inputs: [{ name: "x", shape: [1, width] }],
    outputs: [{ name: "y2", shape: [1, width] }],
    initializers: values.map((floats, i) => ({ name: `w${i}`, dims: [width, width], type: "float", floats })),
  });
};

/** A sample for it. */
export const denseSample = (seed: number, count = 24): Uint8Array => {
  const next = random(seed);
  return npy(
    Array.from({ length: count }, () => next()),
    [1, count],
  );
};
