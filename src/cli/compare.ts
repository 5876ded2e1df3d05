import type { Command } from "commander";
import { type Comparison, compareModels } from "../eval/compare.ts";
import { NibbleError } from "../runtime/errors.ts";
import type { ImageOptions } from "../samples/image.ts";
import { openData } from "./data.ts";
import { boundError, usageError } from "./errors.ts";
import { readLabels } from "./files.ts";
import { imageOption } from "./image.ts";
import type { Io } from "./io.ts";
import { type Frontend, fittingLabels, readMetadata } from "./metadata.ts";
import { inputSpecs, loadModel, readModel } from "./model.ts";
import {
  examples,
  frontendOption,
  jsonOption,
  labelsOption,
  numberIn,
  positiveInteger,
  samplePlaces,
} from "./options.ts";
import { fields, printResult, share, shortened } from "./output.ts";
import { withProgress } from "./progress.ts";

interface Options {
  data: string[];
  maxDrop?: number;
  minAgreement?: number;
  minSqnr?: number;
  labels?: string;
  frontend?: Frontend;
  image?: ImageOptions;
  samples?: number;
  json?: boolean;
}

export function registerCompare(program: Command, io: Io): void {
  program
    .command("compare")
    .summary("measure two models side by side, and hold bounds")
    .description("Measure two models on the same samples; exit code 1 when the second breaks a bound")
    .argument("<a>", "packed, TFLite or ONNX file to measure against")
    .argument("<b>", "the model in question")
    .requiredOption("--data <path...>", `samples: ${samplePlaces}`)
    .option("--max-drop <points>", "accuracy that b may lose at most, in % points", numberIn(-1e-9, 100))
    .option(
      "--min-agreement <p>",
      "samples that both put into the same class at least, in %",
      numberIn(0, 100),
    )
    .option("--min-sqnr <dB>", "SQNR of b's first output against a's at least", numberIn(-200, 200))
    .option("--samples <n>", "use at most n samples, spread evenly over the data", positiveInteger)
    .addOption(labelsOption())
    .addOption(frontendOption())
    .addOption(imageOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        "compare model.onnx model.nbl --data test/ --min-agreement 99",
        "compare old.nbl new.nbl --data test/ --max-drop 0.5",
      ),
    )
    .action((a: string, b: string, options: Options) => run(a, b, options, io));
}

async function run(fileA: string, fileB: string, options: Options, io: Io): Promise<void> {
  const [a, b] = [fileA, fileB].map((file) => loadModel(readModel(file)));
  const [storedA, storedB] = [readMetadata(a!.metadata, fileA), readMetadata(b!.metadata, fileB)];
  const labels =
    options.labels === undefined
      ? (storedB.labels ?? storedA.labels)
      : fittingLabels(readLabels(options.labels), options.labels, a!.outputs[0]!);
  const frontend = options.frontend ?? storedB.frontend ?? storedA.frontend;
  const image = { ...storedA.image, ...storedB.image, ...options.image };
  const [samplesA, samplesB] = await Promise.all(
    [a!, b!].map((model) =>
      openData(options.data, inputSpecs(model.inputs), {
        ...(labels && { labels }),
        ...(frontend && { frontend }),
        image,
        ...(options.samples && { limit: options.samples }),
        anyLabel: options.maxDrop === undefined,
      }),
    ),
  );
  if (options.maxDrop !== undefined && samplesA!.labelled === 0)
    throw usageError("option '--max-drop' needs samples with classes; name them with --labels");
  const comparison = withProgress(io, (bar) =>
    compareModels(a!, b!, samplesA!, samplesB!, (done, total) => bar.update("comparing", done, total)),
  );
  const broken = brokenBounds(comparison, options);
  printResult(io, options.json ?? false, { a: fileA, b: fileB, ...comparison, broken }, ({ bold }) =>
    [
      `${bold(fileA)} and ${bold(fileB)}  ${comparison.samples} samples`,
      ...fields([
        ...comparison.outputs.map(
          ({ b: name, sqnr, maxError }) =>
            [
              `  output ${shortened(name, 32)}`,
              sqnr === null ? "equal" : `${sqnr.toFixed(1)} dB, largest error ${maxError.toPrecision(3)}`,
            ] as const,
        ),
        comparison.agreement && ["  same class", share(comparison.agreement)],
        comparison.accuracy && ["  accuracy of a", share(comparison.accuracy.a.all)],
        comparison.accuracy && ["  accuracy of b", share(comparison.accuracy.b.all)],
      ]),
    ].join("\n"),
  );
  if (broken.length > 0) throw boundError(`${fileB}: ${broken.join("; ")}`);
}

/** What is wrong with `b`, in words; a bound on something that was not measured is an error. */
function brokenBounds({ agreement, accuracy, outputs }: Comparison, options: Options): string[] {
  const broken: string[] = [];
  const { maxDrop, minAgreement, minSqnr } = options;
  if (maxDrop !== undefined) {
    if (!accuracy)
      throw new NibbleError("bad-input", "--max-drop: expected an output of one score per class");
    const drop = 100 * (accuracy.a.all.share - accuracy.b.all.share);
    // The margin covers the rounding of shares: a drop of exactly the bound passes.
    if (drop > maxDrop + 1e-9)
      broken.push(`accuracy drops by ${drop.toFixed(2)} points, expected at most ${maxDrop}`);
  }
  if (minAgreement !== undefined) {
    if (!agreement)
      throw new NibbleError("bad-input", "--min-agreement: expected an output of one score per class");
    const found = 100 * agreement.share;
    if (found < minAgreement - 1e-9)
      broken.push(`agreement is ${found.toFixed(2)} %, expected at least ${minAgreement} %`);
  }
  const sqnr = outputs[0]?.sqnr;
  if (minSqnr !== undefined && typeof sqnr === "number" && sqnr < minSqnr)
    broken.push(`SQNR is ${sqnr.toFixed(1)} dB, expected at least ${minSqnr} dB`);
  return broken;
}
