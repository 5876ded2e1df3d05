import type { Command } from "commander";
import { type Evaluation, evaluate } from "../eval/evaluate.ts";
import type { Tier } from "../runtime/tiers.ts";
import type { ImageOptions } from "../samples/image.ts";
import { openData } from "./data.ts";
import { usageError } from "./errors.ts";
import { readLabels } from "./files.ts";
import { imageOption } from "./image.ts";
import type { Io } from "./io.ts";
import { type Frontend, fittingLabels, readMetadata } from "./metadata.ts";
import { inputSpecs, loadModel, readModel } from "./model.ts";
import {
  examples,
  frontendOption,
  inputShapeOption,
  jsonOption,
  labelsOption,
  positiveInteger,
  tierOption,
} from "./options.ts";
import { fields, percent, printResult, share, table } from "./output.ts";
import { withProgress } from "./progress.ts";

interface Options {
  data: string[];
  labels?: string;
  frontend?: Frontend;
  image?: ImageOptions;
  without?: string;
  samples?: number;
  tier?: Tier;
  inputShape?: Record<string, number[]>;
  json?: boolean;
}

export function registerEval(program: Command, io: Io): void {
  program
    .command("eval")
    .summary("measure accuracy on labelled samples")
    .description("Measure top-1 accuracy on labelled samples")
    .argument("<model>", "packed, TFLite or ONNX file")
    .requiredOption(
      "--data <path...>",
      'folders with one sub-folder per class, a .npz with an array "labels", or a module that yields labelled samples',
    )
    .addOption(labelsOption())
    .addOption(frontendOption())
    .addOption(imageOption())
    .option("--without <label>", "give accuracy without this class too")
    .option("--samples <n>", "use at most n samples, spread evenly over the data", positiveInteger)
    .addOption(tierOption())
    .addOption(inputShapeOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        "eval keyword.nbl --data test/",
        "eval model.onnx --data test/ --labels labels.txt --without _silence_",
      ),
    )
    .action((file: string, options: Options) => run(file, options, io));
}

async function run(file: string, options: Options, io: Io): Promise<void> {
  const model = loadModel(readModel(file, options.inputShape), options.tier);
  const stored = readMetadata(model.metadata, file);
  const labels =
    options.labels === undefined
      ? stored.labels
      : fittingLabels(readLabels(options.labels), options.labels, model.outputs[0]!);
  const frontend = options.frontend ?? stored.frontend;
  const without = options.without === undefined ? undefined : classNamed(options.without, labels);
  const samples = await openData(options.data, inputSpecs(model.inputs), {
    ...(labels && { labels }),
    ...(frontend && { frontend }),
    image: { ...stored.image, ...options.image },
    ...(options.samples && { limit: options.samples }),
  });
  const evaluation = withProgress(io, (bar) =>
    evaluate(model, samples, {
      ...(labels && { labels }),
      ...(without !== undefined && { without }),
      onProgress: (done, total) => bar.update("evaluating", done, total),
    }),
  );
  printResult(io, options.json ?? false, { file, tier: model.tier, ...evaluation }, ({ bold }) =>
    [
      `${bold(file)}  ${evaluation.samples} samples`,
      ...fields([
        ["  accuracy", share(evaluation.accuracy.all)],
        evaluation.accuracy.without && [`  without ${options.without}`, share(evaluation.accuracy.without)],
      ]),
      "",
      ...confusionLines(evaluation, labels),
    ].join("\n"),
  );
}

function classNamed(name: string, labels?: readonly string[]): number {
  const index = labels ? labels.indexOf(name) : /^\d+$/.test(name) ? Number(name) : -1;
  if (index >= 0) return index;
  throw usageError(
    `option '--without' expected ${labels ? `one of ${labels.join(", ")}` : "a class number, as there are no labels"}, found '${name}'`,
  );
}

/** A whole table fits a terminal up to so many classes; beyond, the most frequent confusions are listed. */
const widest = 16;

function confusionLines({ classes, confusion }: Evaluation, labels?: readonly string[]): string[] {
  const name = (index: number): string => labels?.[index] ?? String(index);
  if (confusion.length <= widest) {
    const predicted = confusion.map((_, i) => i).filter((i) => confusion.some((row) => row[i]! > 0));
    return table([
      [
        "  class",
        "recall",
        "as:",
        ...predicted.map((i) =>
          name(i)
            .replace(/^_+|_+$/g, "")
            .slice(0, 7),
        ),
      ],
      ...classes.map(({ index, label, recall }) => [
        `  ${label}`,
        percent(recall.share),
        "",
        ...predicted.map((i) => (confusion[index]![i]! > 0 ? String(confusion[index]![i]) : "·")),
      ]),
    ]);
  }
  const mistakes = confusion
    .flatMap((row, label) => row.map((count, predicted) => ({ label, predicted, count })))
    .filter(({ label, predicted, count }) => label !== predicted && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, 10);
  const weakest = [...classes].sort((a, b) => a.recall.share - b.recall.share).slice(0, 10);
  return [
    "  lowest recall",
    ...table(
      weakest.map(({ label, recall }) => [`    ${label}`, percent(recall.share), `of ${recall.total}`]),
    ),
    ...(mistakes.length > 0 ? ["  most frequent mistakes"] : []),
    ...table(
      mistakes.map(({ label, predicted, count }) => [
        `    ${name(label)} → ${name(predicted)}`,
        `× ${count}`,
      ]),
    ),
  ];
}
