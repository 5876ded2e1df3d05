import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tiers } from "../helpers/tiers.ts";
import { smallModel } from "./build.ts";

const runs = 100_000;
const loads = 1000;
const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const folder = mkdtempSync(join(tmpdir(), "nibblenet-"));
const script = join(folder, "allocation.mjs");

beforeAll(async () => {
  await build({
    entryPoints: [join(root, "test/helpers/allocation.ts")],
    outfile: script,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "es2022",
    logLevel: "error",
  });
  writeFileSync(join(folder, "model.nbl"), smallModel());
});

afterAll(() => rmSync(folder, { recursive: true }));

test.each(tiers)(
  `${runs} inferences allocate nothing, ${loads} models let go leave nothing, tier %s`,
  (tier) => {
    const text = execFileSync(
      process.execPath,
      ["--expose-gc", script, tier, join(folder, "model.nbl"), String(runs), String(loads)],
      { encoding: "utf8" },
    );
    const { growth, heldGrowth, ...rest } = JSON.parse(text);
    expect(rest).toEqual({ sameFigures: true, sameBuffer: true, sameViews: true });
    // One object of 16 bytes an inference would be 1.6 MB.
    expect(growth).toBeLessThan(200_000);
    // One linear memory is at least 64 KiB; a thousand would be 65 MB.
    expect(heldGrowth).toBeLessThan(2_000_000);
  },
);
