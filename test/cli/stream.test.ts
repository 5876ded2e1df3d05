import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { createListener } from "../../src/listen/listener.ts";
import { createModel } from "../../src/runtime/model.ts";
import { wasm } from "../../src/wasm.ts";
import { nibblenet, succeed, workspace } from "./harness.ts";

const { path, write } = workspace();
const model = "examples/keyword/model.onnx";

it("--stream, --pcm and --listen make a file that a listener takes as it is", async () => {
  const output = path("keyword.nbl");
  const hints = write(
    "hints.json",
    JSON.stringify({ hop: 640, scores: "softmax", smoothing: 9, threshold: 0.7 }),
  );
  const labels = "examples/keyword/labels.txt";
  const options = ["--stream", "2", "--pcm", "log-mel", "--listen", hints, "--labels", labels];
  const { stdout } = await succeed("convert", model, "-o", output, ...options);
  expect(stdout).toMatch(/stream +2 new columns of 49 a run, the first 24 runs mean nothing yet/);
  expect(stdout).toMatch(/a run +1\.10 M multiply-adds \(44\.3 % of a whole window's\)/);
  expect(stdout).toMatch(/from here on +whole windows: \/blocks\/blocks\.3\/body\/body\.0\/Conv: padding/);
  const loaded = createModel(wasm, new Uint8Array(readFileSync(output)));
  expect(loaded.inputs[0].shape).toEqual([1, 640]);
  const times: number[] = [];
  const listener = createListener(loaded, { onScore: ({ time }) => times.push(time) });
  listener.push(new Float32Array(32_000), 16000);
  // 24 of 50 steps warm it up.
  expect(times[0]).toBeCloseTo(25 * 0.04);
  expect(times).toHaveLength(26);
  expect(listener.labels).toHaveLength(12);
});

it("--stream is refused where nothing could be kept, by the operator", async () => {
  const { code, stderr } = await nibblenet("convert", model, "-o", path("x.nbl"), "--stream", "60");
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/model\.onnx: streaming: input "features" \[1, 49, 40\]: expected a step of 1 … 48/);
});

it("--listen is refused where a listener would not know what is meant", async () => {
  for (const [text, problem] of [
    ["{", /wrong\.json: expected JSON/],
    ["[]", /wrong\.json: expected an object/],
    ['{"treshold": 1}', /"treshold" is none of title, sampleRate/],
    ['{"ignore": "a"}', /"ignore" expected a list of labels, found "a"/],
  ] as const) {
    const hints = write("wrong.json", text);
    const { stderr } = await nibblenet("convert", model, "-o", path("x.nbl"), "--listen", hints);
    expect(stderr).toMatch(problem);
  }
});
