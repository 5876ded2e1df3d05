import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { loadModelSync } from "../../src/index.ts";
import { smallModel } from "../engine/build.ts";
import { tiers } from "../helpers/tiers.ts";
import { installPacked, isBuilt, type Project, root } from "./installed.ts";

const values = [1, -2, 3, -4, 5, -6];

describe.skipIf(!isBuilt)("the packed package in an empty project (skipped before the build)", () => {
  let project: Project;
  let expected: number[];

  beforeAll(() => {
    project = installPacked();
    writeFileSync(join(project.folder, "model.nbl"), smallModel());
    expected = [...(loadModelSync(smallModel()).run({ x: Int8Array.from(values) }).y as Int8Array)];
  });
  afterAll(() => project.remove());

  /** Prints { tier, y } of one run with `options`, from whichever entry the conditions choose. */
  const runOnce = (options: string, entry = "nibblenet"): string => `
    import { readFileSync } from "node:fs";
    import { loadModel } from "${entry}";
    const model = await loadModel(readFileSync("model.nbl"), ${options});
    const { y } = model.run({ x: Int8Array.from(${JSON.stringify(values)}) });
    console.log(JSON.stringify({ tier: model.tier, y: [...y] }));`;

  test("holds what its exports name, and neither sources nor tests", () => {
    const named = Object.values(packageJson.exports).flatMap((entry) =>
      typeof entry === "string" ? [entry] : Object.values(entry),
    );
    for (const path of named) expect(project.files, path).toContain(path.replace("./", ""));
    expect(project.files.filter((path) => /^(src|test|examples)\//.test(path))).toEqual([]);
  });

  test.each([...tiers, "auto" as const])("the default entry runs a model, tier %s", (tier) => {
    const found = project.run(runOnce(JSON.stringify({ tier })));
    expect(found).toEqual({ tier: tier === "auto" ? tiers[0] : tier, y: expected });
  });

  test("the react-native condition and nibblenet/native run the script tier", () => {
    const answer = { tier: "script", y: expected };
    expect(project.run(runOnce("{}"), "--conditions=react-native")).toEqual(answer);
    expect(project.run(runOnce("{}", "nibblenet/native"))).toEqual(answer);
    expect(readFileSync(join(root, "build/native.js"), "utf8")).not.toMatch(/TextDecoder|instantiateSync/);
  });

  test("the workerd condition imports the .wasm files beside it and holds none", () => {
    const found = project.run(
      `console.log(JSON.stringify(import.meta.resolve("nibblenet")));`,
      "--conditions=workerd",
    );
    expect(found).toMatch(/\/build\/workerd\.js$/);
    const imports = [...readFileSync(new URL(found), "utf8").matchAll(/from\s*"([^"]+)"/g)].map(
      ([, from]) => from,
    );
    expect(imports.sort()).toEqual(["./relaxed.wasm", "./scalar.wasm", "./simd.wasm"]);
    for (const path of imports) expect(existsSync(new URL(path!, found))).toBe(true);
  });

  test("the .wasm subpaths are modules to hand in", () => {
    const load = `await Promise.all(["scalar", "simd"].map((name) => WebAssembly.compile(
      readFileSync(new URL(import.meta.resolve("nibblenet/" + name + ".wasm"))))))`;
    expect(project.run(runOnce(`{ wasm: ${load} }`))).toEqual({ tier: "simd", y: expected });
    expect(project.run(runOnce(`{ wasm: (${load})[0] }`))).toEqual({ tier: "scalar", y: expected });
  });

  test("NibbleError is one class in nibblenet and nibblenet/tools", () => {
    const found = project.run(`
      import { NibbleError } from "nibblenet";
      import { importModel, NibbleError as other } from "nibblenet/tools";
      let caught;
      try { importModel(new Uint8Array(64), { file: "x.tflite" }); } catch (error) { caught = error; }
      console.log(JSON.stringify([other === NibbleError, caught instanceof NibbleError, caught.code]));`);
    expect(found).toEqual([true, true, expect.any(String)]);
  });

  test("the program runs", () => {
    const cli = join(project.folder, "node_modules/nibblenet/build/cli.js");
    const run = (...args: string[]) =>
      execFileSync(process.execPath, [cli, ...args], { cwd: project.folder, encoding: "utf8" });
    expect(run("--version").trim()).toBe(packageJson.version);
    expect(JSON.parse(run("inspect", "model.nbl", "--json")).operators).toHaveLength(1);
  });

  test("its types hold in a strict project", () => {
    writeFileSync(
      join(project.folder, "main.ts"),
      `import { loadModel, NibbleError, type Model, type Tier } from "nibblenet";
       import { loadModelSync } from "nibblenet/native";
       import { importModel, pack } from "nibblenet/tools";
       import simd from "nibblenet/simd.wasm";
       export const model: Promise<Model> = loadModel("model.nbl", { wasm: { simd }, tier: "simd" });
       export const tier: Tier = loadModelSync(pack(importModel(new Uint8Array(), { file: "x" })).bytes).tier;
       // @ts-expect-error: no such tier
       loadModel("model.nbl", { tier: "fast" }).catch((error: unknown) => error instanceof NibbleError);`,
    );
    const options = {
      strict: true,
      noEmit: true,
      target: "es2022",
      module: "nodenext",
      lib: ["es2022", "dom"],
    };
    const config = { compilerOptions: { ...options, types: [] }, files: ["main.ts"] };
    writeFileSync(join(project.folder, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    execFileSync(process.execPath, [tsc, "-p", "."], { cwd: project.folder });
  });

  test("the native entry loads where only JavaScript itself exists, in syntax that Hermes 0.12 parses", async () => {
    const source = `
      import { loadModelSync, NibbleError } from "nibblenet/native";
      const model = loadModelSync(Uint8Array.from(${JSON.stringify([...smallModel()])}));
      const { y } = model.run({ x: Int8Array.from(${JSON.stringify(values)}) });
      let caught;
      try { loadModelSync(new Uint8Array(64), { name: "bad.nbl" }); } catch (error) { caught = error; }
      result = JSON.stringify({
        tier: model.tier, y: Array.from(y),
        caught: [caught instanceof NibbleError, caught instanceof Error, caught.name, caught.code],
      });`;
    const { outputFiles } = await build({
      stdin: { contents: source, resolveDir: project.folder },
      bundle: true,
      write: false,
      // Syntax that is not there is an error wherever it cannot be rewritten.
      target: "es2015",
      supported: { class: false, "async-await": false, generator: false, bigint: false },
    });
    writeFileSync(join(project.folder, "alone.js"), outputFiles[0]!.text);
    const found = project.run(`
      import { readFileSync } from "node:fs";
      import { createContext, runInContext } from "node:vm";
      const context = createContext({ result: "" });
      runInContext("delete globalThis.WebAssembly", context);
      runInContext(readFileSync("alone.js", "utf8"), context);
      console.log(context.result);`);
    expect(found).toEqual({ tier: "script", y: expected, caught: [true, true, "NibbleError", "bad-file"] });
  });
});
