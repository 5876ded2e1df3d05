import { Command } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { registerBench } from "./bench.ts";
import { registerBundle } from "./bundle.ts";
import { registerCompare } from "./compare.ts";
import { registerConvert } from "./convert.ts";
import { report } from "./errors.ts";
import { registerEval } from "./eval.ts";
import { registerInspect } from "./inspect.ts";
import type { Io } from "./io.ts";
import { registerQuantize } from "./quantize.ts";
import { registerRun } from "./run.ts";
import { registerVerify } from "./verify.ts";

const listed = (program: Command): Command[] =>
  program.commands.filter((command) => command.name() !== "help");

/**
 * Runs one command line, without the program's own name, and answers the exit code: 0, 1 (the work failed)
 * or 2 (wrong usage).
 */
export async function main(args: readonly string[], io: Io): Promise<number> {
  const program = new Command("nibblenet")
    .description(
      "Quantized neural networks in JavaScript engines: convert, quantize, run and measure models.",
    )
    .version(packageJson.version, "-V, --version", "print the version")
    .configureHelp({ subcommandTerm: (command) => command.name(), visibleCommands: listed })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // Every error ends in `report`, which prints it.
      outputError: () => {},
    });
  for (const register of [
    registerConvert,
    registerQuantize,
    registerRun,
    registerInspect,
    registerBench,
    registerBundle,
    registerVerify,
    registerEval,
    registerCompare,
  ])
    register(program, io);
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    const command = program.commands.find((known) => known.name() === args[0]);
    const name = command ? `nibblenet ${command.name()}` : "nibblenet";
    return report(error, io, { name, json: args.includes("--json") });
  }
}
