import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { vnniEnvironment } from "../helpers/vnni.ts";
import { answerIn, type Engine, type Running, type Stage } from "./engine.ts";
import { askServer } from "./examples.ts";
import { output, startServer, stop } from "./process.ts";

/** An engine that runs build/node.mjs from a command line. */
function nodeLike(
  name: string,
  program: (stage: Stage) => string,
  args: string[] = [],
  environment: Record<string, string> | ((stage: Stage, command: string) => Record<string, string>) = {},
  refuses: Record<string, string> = {},
  extras: (stage: Stage, command: string) => Running["extras"] & {} = () => [],
): Engine {
  return {
    name,
    async start(stage) {
      const command = program(stage);
      if (!existsSync(command)) throw new Error("its npm package is not installed");
      const env = typeof environment === "function" ? environment(stage, command) : environment;
      const version = await output(command, ["--version"], { env });
      return {
        version: /\d+\.\d+\.\d+/.exec(version)![0],
        places: [
          {
            name,
            refuses,
            run: async (job) =>
              answerIn(
                await output(
                  command,
                  [...args, join(stage.build, "node.mjs"), stage.archive, JSON.stringify(job)],
                  {
                    seconds: 120,
                    env,
                    cwd: stage.build,
                  },
                ),
              ),
          },
        ],
        extras: extras(stage, command),
        close: async () => {},
      };
    },
  };
}

const installed =
  (path: string) =>
  ({ home }: Stage): string =>
    join(home, "node_modules", path);

const noRelaxed = { relaxed: "V8 11 has no relaxed SIMD without a flag" };

const denoRun = ["run", "--quiet", "--no-prompt", "--no-remote", "--node-modules-dir=manual", "--allow-read"];
const denoEnvironment = { DENO_NO_UPDATE_CHECK: "1", DENO_DIR: "deno-cache" };

async function runDenoExample(stage: Stage, command: string): Promise<string> {
  // Beside the staged package, where an installed copy would find it.
  const file = join(stage.build, "deno-server.mjs");
  copyFileSync(join(stage.root, "examples/deno/server.mjs"), file);
  const { child, match } = await startServer(
    command,
    [
      ...denoRun.filter((flag) => flag !== "--quiet"),
      "--allow-net=127.0.0.1",
      file,
      join(stage.build, "keyword.nbl"),
      "0",
    ],
    /127\.0\.0\.1:(\d+)/,
    { ...denoEnvironment, DENO_DIR: join(stage.build, "deno-cache") },
  );
  try {
    return await askServer(`http://127.0.0.1:${match[1]}/`, stage);
  } finally {
    await stop(child);
  }
}

/** The Node that runs the harness comes first: it computes the reference. */
export const nodeLikeEngines: Engine[] = [
  nodeLike(
    `Node ${process.versions.node.split(".")[0]}`,
    () => process.execPath,
    [],
    {},
    process.versions.node.startsWith("20.") ? noRelaxed : {},
  ),
  nodeLike("Node 22", installed("node22/bin/node")),
  nodeLike("Node 24", installed("node24/bin/node")),
  // Whose relaxed dot products are exact, on a processor where those of the others saturate.
  {
    ...nodeLike("Node 24 with VNNI", installed("node24/bin/node"), [], ({ root, build }, command) =>
      vnniEnvironment(join(root, "test/helpers/vnni.c"), join(build, "vnni.so"), command),
    ),
    apt: ["gcc"],
  },
  nodeLike("Node 26", installed("node26/bin/node")),
  nodeLike(
    "Deno",
    installed("@deno/linux-x64-glibc/deno"),
    denoRun,
    denoEnvironment,
    {},
    (stage, command) => [{ name: "examples/deno", run: () => runDenoExample(stage, command) }],
  ),
  nodeLike("Bun", installed("@oven/bun-linux-x64/bin/bun"), ["--no-install"], {
    BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
    DO_NOT_TRACK: "1",
  }),
].filter((engine, i, all) => all.findIndex(({ name }) => name === engine.name) === i);
