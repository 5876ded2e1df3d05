import { Option } from "commander";
import type { ListeningHints } from "../listen/model.ts";
import { NibbleError } from "../runtime/errors.ts";
import { readFile } from "./files.ts";

const known = {
  title: "string",
  sampleRate: "number",
  hop: "number",
  warmUp: "number",
  scores: "string",
  threshold: "number",
  smoothing: "number",
  steady: "number",
  cooldown: "number",
  ignore: "object",
} satisfies Record<keyof ListeningHints, string>;

export const listenOption = () =>
  new Option("--listen <file>", "JSON that says how to listen with the model: docs/listening.md");

/** @throws NibbleError "bad-input" where the file is not an object of what a listener knows. */
export function readListening(path: string): ListeningHints {
  const fail = (what: string): never => {
    throw new NibbleError("bad-input", `${path}: ${what}`);
  };
  let found: unknown;
  try {
    found = JSON.parse(new TextDecoder().decode(readFile(path)));
  } catch (cause) {
    if (cause instanceof NibbleError) throw cause;
    return fail(`expected JSON (${(cause as Error).message})`);
  }
  if (typeof found !== "object" || found === null || Array.isArray(found))
    return fail('expected an object, such as {"threshold": 0.8}');
  for (const [name, value] of Object.entries(found)) {
    const type = (known as Record<string, string>)[name];
    if (type === undefined) fail(`"${name}" is none of ${Object.keys(known).join(", ")}`);
    if (typeof value !== type || (name === "ignore" && !Array.isArray(value)))
      fail(
        `"${name}" expected ${name === "ignore" ? "a list of labels" : `a ${type}`}, found ${JSON.stringify(value)}`,
      );
  }
  return found as ListeningHints;
}
