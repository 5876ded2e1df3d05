import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { bundleTiers } from "../../src/bundle/bundle.ts";
import { createModel } from "../../src/runtime/model.ts";
import { wasm } from "../../src/wasm.ts";
import { nibblenet, relu, succeed, workspace } from "../cli/harness.ts";
import { smallModel, twoInputs } from "../engine/build.ts";
import { sampleFiles } from "../helpers/tflite-models.ts";

const { path, write, names } = workspace();

beforeAll(() => {
  write("model.nbl", smallModel());
  write("two.nbl", twoInputs());
  write("conv.tflite", sampleFiles.conv!());
  write("relu.onnx", relu([1, 4]));
  write("text.nbl", "not a model");
});

describe("nibblenet bundle", () => {
  it("writes one file and says what is in it", async () => {
    const outcome = await succeed("bundle", path("model.nbl"), "-o", path("model.wasm"), "--json");
    const { bytes, modelBytes, engineBytes, engineBytesBrotli, ...rest } = outcome.json();
    expect(rest).toEqual({
      source: path("model.nbl"),
      output: path("model.wasm"),
      format: "wasm",
      tier: "simd",
      memoryBytes: 65536,
      operators: ["GEMM_QS8"],
    });
    const written = readFileSync(path("model.wasm"));
    expect([bytes, modelBytes]).toEqual([written.length, smallModel().length]);
    expect(bytes).toBe(engineBytes + modelBytes);
    expect(engineBytesBrotli).toBeLessThan(engineBytes);
    expect(names().filter((name) => name.includes("wasm"))).toEqual(["model.wasm"]);
  });

  it("prints the same for people", async () => {
    const { stdout } = await succeed("bundle", path("two.nbl"), "-o", path("two.wasm"), "--tier", "scalar");
    expect(stdout).toMatch(/two\.wasm {2}\d.* KiB/);
    expect(stdout).toMatch(
      /engine +scalar, .* with brotli\n +operators +ADD_F32, MUL_F32\n +memory +64\.0 KiB/,
    );
  });

  it("gives the same file again", async () => {
    for (const name of ["a.wasm", "b.wasm"]) await succeed("bundle", path("model.nbl"), "-o", path(name));
    expect(Buffer.compare(readFileSync(path("a.wasm")), readFileSync(path("b.wasm")))).toBe(0);
  });

  it.each([
    [
      "conv.tflite",
      "expected a packed model (.nbl), found a TFLite model; make one with `nibblenet convert`",
    ],
    ["relu.onnx", "expected a packed model (.nbl), found an ONNX model; make one with `nibblenet quantize`"],
    ["text.nbl", "expected 64 bytes, found 11: the file is cut short"],
    ["absent.nbl", "cannot be read: there is no such file or folder"],
  ])("refuses %s and leaves what was there", async (name, message) => {
    write("kept.wasm", "kept");
    const { code, stderr } = await nibblenet("bundle", path(name), "-o", path("kept.wasm"));
    expect([code, stderr.split("\n").length]).toEqual([1, 2]);
    expect(stderr).toContain(`${path(name)}: ${message}`);
    expect(readFileSync(path("kept.wasm"), "utf8")).toBe("kept");
  });

  it("refuses a tier that does not exist, and an output that is its input", async () => {
    const args = ["bundle", path("model.nbl"), "-o"];
    const tier = await nibblenet(...args, path("x.wasm"), "--tier", "fast");
    expect([tier.code, tier.stderr]).toEqual([
      2,
      expect.stringContaining(`Allowed choices are ${bundleTiers.join(", ")};`),
    ]);
    const same = await nibblenet(...args, path("model.nbl"));
    expect([same.code, same.stderr]).toEqual([1, expect.stringContaining("it is the input")]);
  });

  it("makes what Node imports without glue", async () => {
    await succeed("bundle", path("two.nbl"), "-o", path("two.wasm"));
    write(
      "use.mjs",
      `import { init, input_ptr, invoke, memory, output_bytes, output_ptr } from "./two.wasm";
      const floats = (pointer, count) => new Float32Array(memory.buffer, pointer, count);
      const codes = [init()];
      floats(input_ptr(0), 3).set([1, 2, 3]);
      floats(input_ptr(1), 3).set([10, 20, 30]);
      codes.push(invoke());
      const outputs = [0, 1].map((i) => [...floats(output_ptr(i), output_bytes(i) / 4)]);
      console.log(JSON.stringify({ codes, outputs }));`,
    );
    // Node 24 needs no flag for this.
    const flags = ["--experimental-wasm-modules", "--no-warnings"];
    const printed = execFileSync(process.execPath, [...flags, path("use.mjs")], { encoding: "utf8" });
    const model = createModel(wasm, twoInputs());
    const [a, b] = model.inputs.map(({ name }) => name);
    const results = model.run({ [a!]: Float32Array.of(1, 2, 3), [b!]: Float32Array.of(10, 20, 30) });
    const outputs = model.outputs.map(({ name }) => [...(results[name] as Float32Array)]);
    expect(JSON.parse(printed)).toEqual({ codes: [0, 0], outputs });
  });
});
