import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { keywordModel } from "../bundle/keyword.ts";
import { isBuilt, root } from "./installed.ts";

const major = Number(process.versions.node.split(".")[0]);
const reason = !isBuilt
  ? " (skipped before the build)"
  : major < 22
    ? " (skipped: V8 compiles again much earlier before Node 22)"
    : "";
const folder = mkdtempSync(join(tmpdir(), "nibblenet-cold-"));
const path = (name: string): string => join(folder, name);

beforeAll(() => {
  if (!isBuilt) return;
  writeFileSync(path("keyword.nbl"), keywordModel().file);
  writeFileSync(
    path("first.mjs"),
    `import { readFileSync } from "node:fs";
    import { loadModelSync } from ${JSON.stringify(pathToFileURL(join(root, "build/index.js")).href)};
    const model = loadModelSync(readFileSync(${JSON.stringify(path("keyword.nbl"))}));
    model.run({ features: new Float32Array(1960) });
    console.log("ran on " + model.tier);`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

// What is hot is compiled in a thread beside, which on a busy machine takes the processor from the thread that waits.
test.skipIf(!isBuilt || major < 22)(
  `no WebAssembly is compiled a second time before the first inference is over${reason}`,
  () => {
    const flags = ["--trace-wasm-compilation-times"];
    const text = execFileSync(process.execPath, [...flags, path("first.mjs")], { encoding: "utf8" });
    expect(text).toMatch(/using Liftoff/);
    expect(text).not.toMatch(/using TurboFan/);
    expect(text).toMatch(/^ran on relaxed$/m);
  },
);
