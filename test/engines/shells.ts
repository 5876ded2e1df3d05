import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { debianVersion } from "./apt.ts";
import { answerIn, type Engine, type Stage } from "./engine.ts";
import { expectClip } from "./examples.ts";
import { output } from "./process.ts";
import { builtFile } from "./stage.ts";
import type { Job } from "./subject/check.ts";

/** One script: the package's entry, what runs it, the job and the archive. */
async function writeScript(stage: Stage, name: string, entry: string, job: Job): Promise<string> {
  const result = await build({
    entryPoints: [join(stage.home, "subject/script.ts")],
    bundle: true,
    write: false,
    format: "iife",
    platform: "neutral",
    // What Hermes 0.12 parses; block-scoped names it takes as they are.
    target: "es2015",
    alias: { nibblenet: entry },
    logLevel: "silent",
  });
  const archive = job.full ? stage.archive : join(stage.build, "keyword.bin");
  const path = join(stage.build, `${name.replaceAll(/\W+/g, "-")}.script.js`);
  const variables = `var job = ${JSON.stringify(JSON.stringify(job))}, archiveHex = "${readFileSync(archive).toString("hex")}";\n`;
  writeFileSync(path, variables + result.outputFiles[0].text);
  return path;
}

/** The example, bundled as its head says. */
async function exampleScript(stage: Stage): Promise<string> {
  const outfile = join(stage.build, "quickjs-example.js");
  await build({
    entryPoints: [join(stage.root, "examples/quickjs/main.mjs")],
    outfile,
    bundle: true,
    platform: "neutral",
    target: "es2015",
    loader: { ".nbl": "binary", ".f32": "binary" },
    nodePaths: [join(stage.build, "node_modules")],
    plugins: [
      {
        name: "staged",
        setup({ onResolve }) {
          onResolve({ filter: /\.(nbl|f32)$/ }, ({ path }) => ({ path: join(stage.build, path) }));
          onResolve({ filter: /^nibblenet\/native$/ }, () => ({ path: builtFile(stage, "native.js")! }));
        },
      },
    ],
    logLevel: "silent",
  });
  return outfile;
}

interface Shell {
  name: string;
  apt?: string[];
  /** The package's built entry that it can run. */
  entry: string;
  /** "all" stands for the tiers of the default entry. */
  tiers: readonly string[] | "all";
  refuses?: Record<string, string>;
  command(stage: Stage): string[];
  version(stage: Stage): Promise<string>;
  /** Shown besides, with examples/quickjs bundled. */
  check?: { name: string; run(stage: Stage, script: string): Promise<string> };
}

const examplesOf = (stage: Stage, run: (script: string) => Promise<string>, check: Shell["check"]) => [
  {
    name: "examples/quickjs",
    run: async () => expectClip(JSON.parse(await run(await exampleScript(stage))), stage),
  },
  ...(check ? [{ name: check.name, run: async () => check.run(stage, await exampleScript(stage)) }] : []),
];

const shellEngine = ({ name, apt, entry, tiers, refuses, command, version, check }: Shell): Engine => ({
  name,
  ...(apt && { apt }),
  async start(stage) {
    const file = builtFile(stage, entry);
    if (!file) throw new Error(`the package has no build/${entry}`);
    const [program, ...args] = command(stage);
    if (!existsSync(program)) throw new Error("it is not installed");
    return {
      version: await version(stage),
      places: [
        {
          name,
          ...(tiers !== "all" && { tiers }),
          ...(refuses && { refuses }),
          async run(job) {
            const script = await writeScript(stage, name, file, job);
            try {
              return answerIn(await output(program, [...args, script], { seconds: 600 }));
            } finally {
              rmSync(script);
            }
          },
        },
      ],
      extras: tiers === "all" ? [] : examplesOf(stage, (script) => output(program, [...args, script]), check),
      close: async () => {},
    };
  },
});

const npmVersion =
  (name: string) =>
  async ({ home }: Stage): Promise<string> =>
    JSON.parse(readFileSync(join(home, "node_modules", name, "package.json"), "utf8")).version;

const jsc = "/usr/bin/jsc";
const jscVersion = async (): Promise<string> => debianVersion("libjavascriptcoregtk-4.0-bin") ?? "";
const noRelaxed = "JavaScriptCore has no relaxed SIMD";

export const shells: Engine[] = [
  shellEngine({
    name: "Hermes VM",
    entry: "native.js",
    tiers: ["script"],
    command: ({ home }) => [join(home, "node_modules/hermes-engine-cli/linux64-bin/hermes")],
    version: npmVersion("hermes-engine-cli"),
    check: {
      name: "React Native's compiler, which has no VM here",
      async run(stage, script) {
        const compiler = join(stage.home, "node_modules/hermes-compiler/hermesc/linux64-bin/hermesc");
        const bytecode = `${script}.hbc`;
        await output(compiler, ["-emit-binary", "-O", "-w", "-out", bytecode, script]);
        if (statSync(bytecode).size === 0) throw new Error("hermesc wrote nothing");
        return `hermesc ${await npmVersion("hermes-compiler")(stage)} compiles examples/quickjs.`;
      },
    },
  }),
  shellEngine({
    name: "QuickJS",
    entry: "native.js",
    tiers: ["script"],
    command: ({ home }) => [process.execPath, join(home, "quickjs.mjs")],
    version: async (stage) => `ng, quickjs-emscripten ${await npmVersion("quickjs-emscripten-core")(stage)}`,
  }),
  shellEngine({
    name: "jsc",
    apt: ["libjavascriptcoregtk-4.0-bin"],
    entry: "index.js",
    tiers: "all",
    refuses: { relaxed: noRelaxed },
    command: () => [jsc],
    version: jscVersion,
  }),
  shellEngine({
    name: "jsc without JIT",
    apt: ["libjavascriptcoregtk-4.0-bin"],
    entry: "index.js",
    tiers: "all",
    refuses: { relaxed: noRelaxed, simd: "JavaScriptCore has no SIMD without its JIT" },
    command: () => [jsc, "--useJIT=0"],
    version: jscVersion,
  }),
];
