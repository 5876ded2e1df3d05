import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { debianVersion } from "./apt.ts";
import type { Engine, Stage } from "./engine.ts";
import { type Answer, contents, hashOutputs, type Job, type Subject } from "./subject/check.ts";

type Entry = typeof import("../../src/index.ts");
type Tools = typeof import("../../src/tools.ts");
type Package = Pick<Entry, "loadModelSync"> & Pick<Tools, "bundle">;

async function packageOf({ build }: Stage): Promise<Package> {
  const from = (name: string) =>
    import(pathToFileURL(join(build, "node_modules/nibblenet/build", name)).href);
  const { loadModelSync } = await from("index.js");
  const { bundle } = await from("tools.js");
  return { loadModelSync, bundle };
}

/** The model's bundle through wasm2c and a C compiler; the path of the program. */
async function compile(stage: Stage, { bundle }: Package, name: string, model: Uint8Array): Promise<string> {
  const folder = join(stage.build, "native", name);
  mkdirSync(folder, { recursive: true });
  const path = (file: string): string => join(folder, file);
  writeFileSync(path("model.wasm"), (await bundle(model, { tier: "scalar", name })).bytes);
  const run = (command: string, args: string[]) =>
    execFileSync(command, args, { stdio: "pipe", timeout: 300_000 });
  run("wasm2c", [path("model.wasm"), "-n", "model", "-o", path("model.c")]);
  // A fused multiply-add rounds once where WebAssembly rounds twice.
  const flags = ["-std=c11", "-D_GNU_SOURCE", "-O1", "-ffp-contract=off", "-I", folder];
  const sources = [join(stage.home, "subject/native.c"), path("model.c")];
  run(process.env.CC ?? "cc", [...flags, ...sources, "-lwasm-rt-impl", "-lm", "-o", path("program")]);
  rmSync(path("model.c"));
  return path("program");
}

function runProgram(program: string, input: Uint8Array, args: string[] = []) {
  const { status, signal, stdout, stderr } = spawnSync(program, args, {
    input,
    maxBuffer: 1 << 28,
    timeout: 120_000,
  });
  if (status !== 0) throw new Error(`the program ended with ${signal ?? status}: ${stderr}`);
  const [cold, latency] = String(stderr).split(" ").map(Number);
  return { outputs: new Uint8Array(stdout), cold: cold / 1000, latency };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

/**
 * The program as a model: `twin`, the same in JavaScript, lends its views and computes nothing. Every run is a new
 * process that first repeats all runs before, so that state carries over.
 */
function subjectOf(twin: Subject, program: string): Subject {
  let history = new Uint8Array();
  return {
    ...twin,
    invoke() {
      const inputs = twin.inputs.map(({ name }) => bytesOf(twin.input(name)));
      history = new Uint8Array(Buffer.concat([history, ...inputs]));
      const { outputs } = runProgram(program, history);
      const views = twin.outputs.map(({ name }) => bytesOf(twin.output(name)));
      let at = outputs.length - views.reduce((sum, view) => sum + view.length, 0);
      for (const view of views) {
        view.set(outputs.subarray(at, at + view.length));
        at += view.length;
      }
    },
  };
}

async function answer(stage: Stage, nibblenet: Package, job: Job): Promise<Answer> {
  const archive = new Uint8Array(readFileSync(stage.archive));
  const [first, ...others] = contents(archive);
  const outputs: Record<string, string> = {};
  const notANumber: Record<string, number> = {};
  for (const entry of job.full ? [first, ...others] : [first]) {
    const model = archive.slice(entry.offset, entry.offset + entry.bytes);
    try {
      const program = await programOf(stage, nibblenet, entry.name, model);
      const twin = nibblenet.loadModelSync(model, { tier: "scalar", name: entry.name }) as unknown as Subject;
      const { hash, strange } = hashOutputs(subjectOf(twin, program), entry.positive);
      outputs[entry.name] = hash;
      if (strange) notANumber[entry.name] = strange;
    } catch (error) {
      outputs[entry.name] = `error ${(error as Error).message.slice(0, 300)}`;
    }
  }
  const model = archive.slice(first.offset, first.offset + first.bytes);
  const program = await programOf(stage, nibblenet, first.name, model);
  const twin = nibblenet.loadModelSync(model);
  const zeros = Buffer.concat(twin.inputs.map(({ name }) => bytesOf(twin.input(name))));
  const { cold, latency } = runProgram(program, zeros, job.full ? ["time"] : []);
  return { result: { tier: "scalar", cold, latency, outputs, notANumber } };
}

const programs = new Map<string, Promise<string>>();

function programOf(stage: Stage, nibblenet: Package, name: string, model: Uint8Array): Promise<string> {
  const known = programs.get(name) ?? compile(stage, nibblenet, name, model);
  programs.set(name, known);
  return known;
}

const versionOf = (command: string): string => {
  const { error, stdout } = spawnSync(command, ["--version"], { encoding: "utf8" });
  if (error) throw new Error(`${command} is not installed`);
  return stdout.trim().split("\n")[0];
};

/** Bundles outside JavaScript: every model as a C program. */
export const native: Engine = {
  name: "wasm2c and cc",
  slow: true,
  apt: ["wabt", "gcc"],
  async start(stage) {
    const version = versionOf("wasm2c");
    if (version !== "1.0.32")
      throw new Error(`expected wasm2c 1.0.32, whose names C needs; found ${version}`);
    if (!existsSync("/usr/include/wasm-rt.h")) throw new Error("wasm-rt.h is not installed");
    const compiler = versionOf(process.env.CC ?? "cc").match(/\d+\.\d+\.\d+/)?.[0];
    const nibblenet = await packageOf(stage);
    return {
      version: `${debianVersion("wabt") ?? version}, cc ${compiler ?? "?"}`,
      places: [
        {
          name: "wasm2c and cc",
          tiers: ["scalar"],
          run: (job) => answer(stage, nibblenet, job),
        },
      ],
      close: async () => rmSync(join(stage.build, "native"), { recursive: true, force: true }),
    };
  },
};
