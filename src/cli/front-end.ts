import { Option } from "commander";
import { type FrontEnd, frontEnds, withFrontEnd } from "../audio/front-end.ts";
import type { Graph } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import { readFile } from "./files.ts";
import { naming, type Source } from "./model.ts";

export interface PcmOptions {
  pcm?: string;
  pcmType?: "float32" | "int16";
}

export const pcmOption = () =>
  new Option(
    "--pcm <front end>",
    `make a front end part of the model, which then takes samples: ${Object.keys(frontEnds).join(", ")}, or a .json file`,
  );

export const pcmTypeOption = () =>
  new Option("--pcm-type <type>", "type of those samples").choices(["float32", "int16"]).default("float32");

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What a file may leave out. */
const defaults: Record<string, FrontEnd> = {
  "log-mel": frontEnds["log-mel"],
  mfcc: { ...frontEnds["log-mel"], kind: "mfcc", coefficients: 10 },
  micro: frontEnds["micro-wake-word"],
};

/** `given` with what it leaves out, of the same fields and kinds of values as `known`. */
function filled(given: Record<string, unknown>, known: object, place: string): Record<string, unknown> {
  const result: Record<string, unknown> = { ...known };
  for (const [key, value] of Object.entries(given)) {
    const sample = result[key] ?? (key === "samples" ? 0 : undefined);
    const where = `${place}: front end field ${JSON.stringify(key)}`;
    if (sample === undefined)
      throw new NibbleError("bad-input", `${where} is unknown; there are ${Object.keys(known).join(", ")}`);
    if (isObject(sample) && isObject(value)) result[key] = filled(value, sample, place);
    else if (typeof value === typeof sample && (typeof value !== "number" || value >= 0)) result[key] = value;
    else
      throw new NibbleError(
        "bad-input",
        `${where} expected a ${typeof sample}, found ${JSON.stringify(value)}`,
      );
  }
  return result;
}

/** The front end of this name, or in this file. @throws NibbleError "bad-input" where there is none */
export function readFrontEnd(text: string): FrontEnd {
  if (Object.hasOwn(frontEnds, text)) return frontEnds[text as keyof typeof frontEnds];
  if (!/\.json$/i.test(text))
    throw new NibbleError(
      "bad-input",
      `front end "${text}" does not exist; there are ${Object.keys(frontEnds).join(", ")}, and .json files`,
    );
  let given: unknown;
  try {
    given = JSON.parse(new TextDecoder().decode(readFile(text)));
  } catch (cause) {
    if (cause instanceof NibbleError) throw cause;
    throw new NibbleError("bad-input", `${text}: expected the JSON of a front end`, { cause });
  }
  const kind = isObject(given) ? given.kind : undefined;
  if (!isObject(given) || typeof kind !== "string" || !Object.hasOwn(defaults, kind))
    throw new NibbleError(
      "bad-input",
      `${text}: expected an object whose "kind" is one of ${Object.keys(defaults).join(", ")}, found ${JSON.stringify(kind)}`,
    );
  return filled(given, defaults[kind]!, text) as unknown as FrontEnd;
}

/** The graph behind a front end, on samples of the type that the options ask for. */
export function takingSamples(
  source: Source,
  graph: Graph,
  frontEnd: FrontEnd,
  { pcmType }: PcmOptions,
): Graph {
  return naming(source.file, () => withFrontEnd(graph, frontEnd, pcmType ? { pcm: pcmType } : {}));
}
