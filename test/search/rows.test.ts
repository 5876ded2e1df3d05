import { writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { npy, succeed, workspace } from "../cli/harness.ts";
import { onnxModel } from "../helpers/onnx-builder.ts";
import { random } from "../quantize/build.ts";

const { path, write } = workspace();

/** A 3 × 3 convolution between operators that have no int8 kernel. */
function amongFloats(): Uint8Array {
  const next = random(3);
  const values = (count: number, scale: number) => Array.from({ length: count }, () => scale * next());
  return onnxModel({
    nodes: [
      { op: "Pow", name: "before", inputs: ["x", "three"], outputs: ["e"] },
      { op: "Conv", name: "conv", inputs: ["e", "w", "b"], outputs: ["c"] },
      { op: "Pow", name: "after", inputs: ["c", "three"], outputs: ["y"] },
    ],
    inputs: [{ name: "x", shape: [1, 16, 6, 6] }],
    outputs: [{ name: "y", shape: [1, 32, 4, 4] }],
    initializers: [
      { name: "w", dims: [32, 16, 3, 3], type: "float", floats: values(32 * 144, 0.1) },
      { name: "b", dims: [32], type: "float", floats: values(32, 0.1) },
      { name: "three", dims: [], type: "float", floats: [3] },
    ],
  });
}

it("a search gives convolutions among float operators what plain quantization gives them, or less", async () => {
  write("m.onnx", amongFloats());
  const next = random(4);
  for (let i = 0; i < 6; i++)
    write(
      `data/${i}.npy`,
      npy(
        Array.from({ length: 576 }, () => next()),
        [1, 16, 6, 6],
      ),
    );
  const made = async (name: string, ...more: string[]) =>
    (
      await succeed(
        ...["quantize", path("m.onnx"), "-o", path(`${name}.nbl`), "--data", path("data"), "--json", ...more],
      )
    ).json();
  const plain = await made("plain");
  expect(plain.report.weights).toMatchObject([{ node: "conv", scheme: "dynamic-int8" }]);
  const candidates = ["--candidates", "dynamic-int8,weight-int4,float16"];
  const found = await made("found", "--budget", "sqnr=25", ...candidates);
  expect(found.report.search.layers).toMatchObject([{ node: "conv", op: "fullyConnected" }]);
  expect(found.report.search.layers[0].chosen).not.toBe("float16");
  // The report is a part of the file.
  expect(found.bytes).toBeLessThan(plain.bytes + 1024);
  // The recipe makes the same model of the source, where the layer is still a convolution.
  writeFileSync(path("recipe.json"), JSON.stringify(found.report.search.recipe));
  const again = await made("again", "--recipe", path("recipe.json"));
  expect(again.report.outputs).toEqual(found.report.outputs);
  expect(again.report.weights).toEqual(found.report.weights);
});
