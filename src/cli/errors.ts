import { CommanderError } from "commander";
import { NibbleError } from "../runtime/errors.ts";
import type { Io } from "./io.ts";

/** The work failed, as opposed to wrong usage. */
const failed = 1;
const wrongUsage = 2;

/** An error that ends the program with exit code 2. */
export const usageError = (message: string): CommanderError =>
  new CommanderError(wrongUsage, "nibblenet.usage", message);

const boundCode = "nibblenet.bound";

/** The work was done and printed, but what it measured breaks a bound: exit code 1. */
export const boundError = (message: string): CommanderError => new CommanderError(failed, boundCode, message);

/** Commander throws these after printing what was asked for, or the help that a bare command line needs. */
const printed = new Set(["commander.helpDisplayed", "commander.help", "commander.version"]);

/**
 * Prints one line for whatever ended a command and answers the exit code. With `json`, the failure of a command
 * is also the one JSON object on stdout.
 */
export function report(
  error: unknown,
  { stdout, stderr, env }: Io,
  command: { name: string; json: boolean },
): number {
  if (error instanceof CommanderError) {
    if (printed.has(error.code)) return error.exitCode === 0 ? 0 : wrongUsage;
    if (error.code === boundCode) {
      stderr.write(`nibblenet: error: ${oneLine(error.message)}\n`);
      return failed;
    }
    const text = oneLine(error.message.replace(/^error: /, "")).replace(/\.$/, "");
    stderr.write(`nibblenet: error: ${text}; see \`${command.name} --help\`\n`);
    return wrongUsage;
  }
  const { code, message } = describe(error);
  if (command.json) stdout.write(`${JSON.stringify({ error: { code, message } })}\n`);
  stderr.write(`nibblenet: error: ${message}\n`);
  if (env.NIBBLENET_DEBUG && error instanceof Error) stderr.write(`${error.stack}\n`);
  return failed;
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, " ");

function describe(error: unknown): { code: string; message: string } {
  if (error instanceof NibbleError) return { code: error.code, message: oneLine(error.message) };
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: "internal",
    message: `internal error: ${oneLine(message)}; set NIBBLENET_DEBUG=1 to see where, and report it with the file`,
  };
}
