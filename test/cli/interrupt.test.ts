import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { denseModel, denseSample, workspace } from "./harness.ts";

const cli = fileURLToPath(new URL("../../build/cli.js", import.meta.url));

/** The built program, started; `ended` is its exit code and what it said. */
function start(...args: string[]) {
  const child = spawn(process.execPath, [cli, ...args]);
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (text) => (stdout += text));
  child.stderr.on("data", (text) => (stderr += text));
  const ended = new Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }>(
    (resolve) => child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr })),
  );
  return { child, ended };
}

/** Ctrl-C while the program waits for what the pipe would give. */
async function interruptAt(pipe: string, { child, ended }: ReturnType<typeof start>): Promise<void> {
  // Opens when the program reads.
  const writer = await open(pipe, "w");
  child.kill("SIGINT");
  await setTimeout(100);
  await writer.close();
  expect(await ended).toEqual({
    code: 1,
    signal: null,
    stdout: "",
    stderr: "nibblenet: error: interrupted: nothing was written\n",
  });
}

describe.skipIf(!existsSync(cli) || process.platform === "win32")(
  "Ctrl-C in the built program (skipped before the build)",
  () => {
    const { path, write, names } = workspace();
    const dense = ["quantize", path("dense.onnx")];

    beforeAll(() => {
      write("dense.onnx", denseModel());
      for (let i = 0; i < 8; i++) write(`data/${i}.npy`, denseSample(i));
      for (const folder of ["out", "found", "whole"]) mkdirSync(path(folder));
    });

    it.each([
      ["quantize", []],
      ["a search's beginning", ["--budget", "sqnr=20"]],
    ])("ends %s at once, with 1 and nothing written", async (_, more) => {
      const pipe = path(`waiting${more.length}/0.npy`);
      mkdirSync(path(`waiting${more.length}`));
      execFileSync("mkfifo", [pipe]);
      const data = path(`waiting${more.length}`);
      const started = start(...dense, "-o", path("out/m.nbl"), "--data", data, ...more);
      await interruptAt(pipe, started);
      expect(names("out")).toEqual([]);
    });

    it("ends convert at once, with 1 and what was there before", async () => {
      const pipe = path("labels.txt");
      execFileSync("mkfifo", [pipe]);
      write("converted/m.nbl", "before");
      const started = start("convert", path("dense.onnx"), "-o", path("converted/m.nbl"), "--labels", pipe);
      await interruptAt(pipe, started);
      expect(names("converted")).toEqual(["m.nbl"]);
      expect(readFileSync(path("converted/m.nbl"), "utf8")).toBe("before");
    });

    it("keeps what a search measured, which goes on to what it would have found", async () => {
      const search = [
        "--data",
        path("data"),
        "--budget",
        "sqnr=25",
        "--candidates",
        "int8,int4,float32",
        "--json",
      ];
      const stopped = start(...dense, "-o", path("found/m.nbl"), ...search);
      while (!existsSync(path("found/m.search.json"))) {
        await setTimeout(20);
        if (stopped.child.exitCode !== null) throw new Error((await stopped.ended).stderr);
      }
      stopped.child.kill("SIGINT");
      const { code, stdout, stderr } = await stopped.ended;
      expect(stderr).toBe(
        `nibblenet: error: interrupted: what was measured is kept in ${path("found/m.search.json")}; the same command goes on from there\n`,
      );
      expect([code, JSON.parse(stdout).error.code]).toEqual([1, "interrupted"]);
      expect(names("found")).toEqual(["m.search.json"]);
      const before = JSON.parse(readFileSync(path("found/m.search.json"), "utf8"));

      const [resumed, whole] = await Promise.all(
        ["found", "whole"].map((name) => start(...dense, "-o", path(name, "m.nbl"), ...search).ended),
      );
      expect([resumed!.code, resumed!.stderr, whole!.code]).toEqual([0, "", 0]);
      expect(readFileSync(path("found/m.nbl"))).toEqual(readFileSync(path("whole/m.nbl")));
      const after = JSON.parse(readFileSync(path("found/m.search.json"), "utf8"));
      expect(after).toMatchObject(before);
      const [one, other] = [resumed!, whole!].map(({ stdout }) => JSON.parse(stdout).report.search);
      const withoutTimes = ({ models, layers, ...rest }: typeof one) => ({
        ...rest,
        models: models.map(({ micros: _, ...model }: { micros?: number }) => model),
        layers: layers.map(({ candidates: _, ...layer }: { candidates: unknown }) => layer),
      });
      expect(withoutTimes(one)).toEqual(withoutTimes(other));
    });
  },
);
