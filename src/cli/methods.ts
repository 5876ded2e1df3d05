/** The options of `quantize` that change the float model before it is rounded, or its biases after. */

import { type Command, Option } from "commander";
import type { QuantizeOptions } from "../quantize/index.ts";
import { positiveInteger } from "./options.ts";
import { parseShare } from "./schemes.ts";

export interface MethodOptions {
  equalize?: boolean;
  biasCorrection?: boolean;
  smooth?: boolean;
  lowRank?: number;
  pruneChannels?: number;
  recover?: number;
  independent?: boolean;
}

export const addMethodOptions = (command: Command): Command =>
  command
    .option("--equalize", "even out the weights of neighbouring layers before rounding them")
    .option("--bias-correction", "take the mean error of each layer out of its bias")
    .option("--smooth", "scale channels between layers so that weights and activations both lose little")
    .addOption(
      new Option(
        "--low-rank <share>",
        "split matrices in two thin ones that hold this share of their weights together",
      ).argParser(parseShare),
    )
    .addOption(
      new Option(
        "--prune-channels <share>",
        "remove that share of the channels, which makes layers smaller and faster; the next ones make up for it",
      ).argParser(parseShare),
    )
    .option(
      "--recover <walks>",
      "train what pruning leaves towards the float model's answers, so many walks over the samples long",
      positiveInteger,
    )
    .option(
      "--independent",
      "let models with state forget it between samples, which don't follow from each other",
    );

/** Those that were given. */
export const methodsOf = (options: MethodOptions): Partial<QuantizeOptions> => ({
  ...(options.equalize && { equalize: true }),
  ...(options.biasCorrection && { biasCorrection: true }),
  ...(options.smooth && { smooth: true }),
  ...(options.lowRank !== undefined && { lowRank: options.lowRank }),
  ...(options.pruneChannels && { pruneChannels: options.pruneChannels }),
  ...(options.recover && { recover: options.recover }),
  ...(options.independent && { independent: true }),
});
