import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { createModel, type Model } from "../../src/runtime/model.ts";
import { wasm } from "../../src/wasm.ts";
import { nibblenet, succeed, workspace } from "../cli/harness.ts";
import { smallModel } from "../engine/build.ts";
import { fuzzModels } from "../fuzz/models.ts";

const entry = fileURLToPath(new URL("../../build/native.js", import.meta.url));
const { path, write } = workspace();

/** A script's globals in an engine that has the language and nothing else. */
function bareContext(script: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const context = createContext({ ...more });
  runInContext(
    "delete globalThis.WebAssembly; delete globalThis.SharedArrayBuffer; delete globalThis.console",
    context,
  );
  runInContext(script, context);
  return context;
}

describe.skipIf(!existsSync(entry))("a bundle of --format js (skipped before the build)", () => {
  it.each(fuzzModels())("%s: gives the engine's bytes where there is no WebAssembly", async (name, file) => {
    write("m.nbl", file);
    await succeed("bundle", path("m.nbl"), "-o", path("m.js"), "--format", "js");
    const script = readFileSync(path("m.js"), "latin1");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the script is ASCII
    expect(script).toMatch(/^[\x00-\x7f]*$/);
    const { nibblenetModel } = bareContext(script) as { nibblenetModel: () => Model };
    const [it, again] = [nibblenetModel(), nibblenetModel()];
    const model = createModel(wasm, file);
    expect(it.tier).toBe("script");
    expect(
      it.inputs.map((input) => input.name),
      name,
    ).toEqual(model.inputs.map((input) => input.name));
    for (const bundled of [it, again]) {
      model.reset();
      model.inputs.forEach((input, i) => {
        const values = model.input(input.name);
        for (let k = 0; k < values.length; k++) {
          const value = ((k * 37 + i) % 97) - 48;
          values[k] = values instanceof BigInt64Array ? BigInt(value) : value;
        }
        (bundled.input(input.name) as Int8Array).set(values as Int8Array);
      });
      bundled.invoke();
      model.invoke();
      for (const output of model.outputs)
        expect(Array.from(bundled.output(output.name) as Int8Array)).toEqual(
          Array.from(model.output(output.name) as Int8Array),
        );
    }
  });

  it("exports instead where there are CommonJS modules", async () => {
    write("small.nbl", smallModel());
    const outcome = await succeed(
      "bundle",
      path("small.nbl"),
      "-o",
      path("small.js"),
      "--format",
      "js",
      "--json",
    );
    const { engineBytes, bytes, modelBytes, ...rest } = outcome.json();
    expect(rest).toMatchObject({ format: "js", tier: "script", output: path("small.js") });
    expect(bytes).toBe(engineBytes + 4 * Math.ceil(modelBytes / 3));
    const module = { exports: {} as () => Model };
    const context = bareContext(readFileSync(path("small.js"), "latin1"), { module });
    expect(context.nibblenetModel).toBeUndefined();
    expect(module.exports().inputs[0]!.shape.join()).toBe("1,6");
  });

  it("has no tiers to choose from", async () => {
    write("small.nbl", smallModel());
    const args = ["bundle", path("small.nbl"), "-o", path("x.js"), "--format", "js", "--tier", "simd"];
    const { code, stderr } = await nibblenet(...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining("--tier chooses among WebAssembly builds")]);
  });
});
