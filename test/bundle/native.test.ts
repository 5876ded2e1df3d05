import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "../../src/bundle/bundle.ts";
import { createModel, type InspectableModel } from "../../src/runtime/model.ts";
import { wasm } from "../../src/wasm.ts";
import { keywordModel } from "./keyword.ts";

const build = fileURLToPath(new URL("../../examples/native/build.sh", import.meta.url));
const versionOf = (command: string): string | undefined =>
  spawnSync(command, ["--version"], { encoding: "utf8" }).stdout?.trim();
const translator = "wasm2c";
const version = versionOf(translator);
const missing = [
  ...(version ? [] : [translator]),
  ...(version && version !== "1.0.32" ? [`${translator} 1.0.32 (found ${version})`] : []),
  ...(versionOf("cc") ? [] : ["cc"]),
  ...(existsSync("/usr/include/wasm-rt.h") ? [] : ["wasm-rt.h"]),
];
const reason = missing.length > 0 ? ` (skipped without ${missing.join(", ")})` : "";

describe.skipIf(missing.length > 0)(`the keyword bundle as a native program${reason}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "nibblenet-native-"));
  const path = (name: string): string => join(folder, name);
  let model: InspectableModel;
  let features: Float32Array;

  beforeAll(async () => {
    const keyword = keywordModel();
    features = keyword.features;
    model = createModel(wasm, keyword.file);
    writeFileSync(path("keyword.wasm"), (await bundle(keyword.file, { tier: "scalar" })).bytes);
    execFileSync("sh", [build, path("keyword.wasm"), path("keyword")], { stdio: "pipe" });
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    ["one clip", (): Float32Array => features],
    ["silence", (): Float32Array => new Float32Array(features.length).fill(-20)],
    ["a ramp", (): Float32Array => features.map((_, i) => ((i * 37) % 101) / 5 - 10)],
    [
      "infinities and NaN",
      (): Float32Array => features.map((_, i) => [Infinity, -Infinity, NaN, 1e30][i % 4]!),
    ],
  ])("gives the engine's bytes for %s", (_, input) => {
    const values = input();
    writeFileSync(path("features.raw"), new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    const text = execFileSync(path("keyword"), [path("features.raw"), path("logits.raw")], {
      encoding: "utf8",
    });
    const logits = (model.run({ features: values }).logits as Float32Array).slice();
    expect(Buffer.compare(readFileSync(path("logits.raw")), new Uint8Array(logits.buffer))).toBe(0);
    expect(Float32Array.from(text.trim().split("\n"), Number)).toEqual(logits);
  });

  it("says how much input it expects", () => {
    writeFileSync(path("short.raw"), new Uint8Array(5));
    const { status, stderr } = spawnSync(path("keyword"), [path("short.raw")], { encoding: "utf8" });
    expect([status, stderr]).toEqual([1, `${path("short.raw")}: expected a file of 7840 bytes\n`]);
  });
});
