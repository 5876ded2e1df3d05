import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { sampleFiles } from "../helpers/tflite-models.ts";
import { workspace } from "./harness.ts";

const cli = fileURLToPath(new URL("../../build/cli.js", import.meta.url));
const tools = new URL("../../build/tools.js", import.meta.url);

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

const run = (command: string, args: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(command, args, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });
const spawn = (...args: string[]) => run(process.execPath, [cli, ...args]);

describe.skipIf(!existsSync(cli))("the built program (skipped before the build)", () => {
  const { path, write } = workspace();

  it("ends with 0, 1 and 2", async () => {
    write("conv.tflite", sampleFiles.conv!());
    expect(await spawn("--version")).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: "" });
    const converted = await spawn("convert", path("conv.tflite"), "-o", path("conv.nbl"), "--json");
    expect([converted.code, converted.stderr]).toEqual([0, ""]);
    expect(JSON.parse(converted.stdout).operators).toBe(1);
    expect((await spawn("verify", path("conv.nbl"))).code).toBe(0);
    expect((await spawn("verify", path("conv.tflite"))).code).toBe(1);
    expect((await spawn("verify")).code).toBe(2);
  });

  it("finishes quietly where nobody reads its output", async () => {
    write("conv.tflite", sampleFiles.conv!());
    const script = `"${process.execPath}" "${cli}" inspect "${path("conv.tflite")}" --json; echo "code $?" >&2`;
    // The reader closes before the program has anything to write.
    const { stderr } = await run("sh", ["-c", `{ ${script}; } | true`]);
    expect(stderr).toBe("code 0\n");
  });

  it("exports the tools", async () => {
    const built = await import(/* @vite-ignore */ tools.href);
    const names = [
      "importModel",
      "importTflite",
      "importOnnx",
      "optimize",
      "quantize",
      "pack",
      "createExecutor",
    ];
    for (const name of [...names, "createReader", "openSamples", "createFeatures", "evaluate", "inspect"])
      expect(built[name], name).toBeTypeOf("function");
    const graph = built.optimize(built.importModel(sampleFiles.conv!(), { file: "conv.tflite" }));
    expect(built.inspect(built.pack(graph).bytes).operators).toHaveLength(1);
  });
});
