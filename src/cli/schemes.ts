/** The options of `quantize` that choose schemes, and the recipe they make. */

import type { Command } from "commander";
import { InvalidArgumentError, Option } from "commander";
import { parseRecipe, type Recipe } from "../quantize/recipe.ts";
import { type LayerScheme, type Method, methods, type Scheme, schemes } from "../quantize/schemes.ts";
import { readFile } from "./files.ts";
import { positiveInteger } from "./options.ts";

export interface SchemeOptions {
  scheme?: Scheme;
  layer?: { match: string; scheme: Scheme }[];
  recipe?: string;
  method?: Method;
  blockSize?: number;
  asymmetric?: boolean;
  prune?: number;
  pruneBlock?: [number, number];
}

export const addSchemeOptions = (command: Command): Command =>
  command
    .addOption(new Option("--scheme <scheme>", "of every layer (default: int8)").choices(schemes))
    .addOption(
      new Option(
        "--layer <pattern=scheme>",
        "scheme of layers by name, * for anything; may be given again, the last that matches wins",
      ).argParser(parseLayer),
    )
    .option("--recipe <file>", "schemes as JSON: { default, layers: [{ match, scheme, … }] }")
    .addOption(
      new Option(
        "--method <method>",
        "rounding of weights: nearest, best clipped range (mse, hqq), or second order (gptq, adaround)",
      ).choices(methods),
    )
    .option(
      "--block-size <n>",
      "weights that share a scale, in the weight-… schemes (default: 32)",
      positiveInteger,
    )
    .option("--asymmetric", "zero points for the blocks of weight-int4 and weight-int2")
    .addOption(new Option("--prune <share>", "share of the weights to remove").argParser(parseShare))
    .addOption(
      new Option(
        "--prune-block <NxK>",
        "what is removed together: channels × weights (default: 8x4)",
      ).argParser(parseBlock),
    );

/** What the options ask for; they come after the recipe file's own. */
export function recipeOf(options: SchemeOptions): Recipe {
  const { recipe, layer = [], scheme, method, blockSize, asymmetric, prune, pruneBlock } = options;
  const file = recipe === undefined ? {} : parseRecipe(new TextDecoder().decode(readFile(recipe)), recipe);
  const given: Partial<LayerScheme> = {
    ...(scheme && { scheme }),
    ...(method && { method }),
    ...(blockSize !== undefined && { blockSize }),
    ...(asymmetric && { asymmetric }),
    ...(prune !== undefined && { prune }),
    ...(pruneBlock && { pruneBlock }),
  };
  return { default: { ...file.default, ...given }, layers: [...(file.layers ?? []), ...layer] };
}

function parseLayer(text: string, known: SchemeOptions["layer"] = []): SchemeOptions["layer"] {
  const at = text.lastIndexOf("=");
  const scheme = schemes.find((name) => name === text.slice(at + 1));
  if (at > 0 && scheme) return [...known, { match: text.slice(0, at), scheme }];
  throw new InvalidArgumentError(`Expected a pattern, = and one of ${schemes.join(", ")}.`);
}

export function parseShare(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value < 1) return value;
  throw new InvalidArgumentError("Expected a share from 0 to below 1, such as 0.75.");
}

function parseBlock(text: string): [number, number] {
  const [, n, k] = /^([1-9]\d{0,3})x([1-9]\d{0,3})$/.exec(text) ?? [];
  if (n && k) return [Number(n), Number(k)];
  throw new InvalidArgumentError("Expected channels x weights, such as 8x4 or 1x1.");
}
