import { basename } from "node:path";
import type { Command } from "commander";
import { Option } from "commander";
import type { Graph, Node } from "../graph/graph.ts";
import { fileFormat } from "../import/index.ts";
import { inspectModel } from "../inspect/inspect.ts";
import { asFloatLayers } from "../quantize/hybrid.ts";
import { withRows } from "../quantize/index.ts";
import type { CalibrationMethod } from "../quantize/observers/index.ts";
import type { Report } from "../quantize/report.ts";
import { isStatic } from "../quantize/schemes.ts";
import { summarize } from "../quantize/summary.ts";
import type { PageOptions } from "../report/page.ts";
import { NibbleError } from "../runtime/errors.ts";
import { openPool } from "../threads/pool.ts";
import { usageError } from "./errors.ts";
import { checkOutput, jsonBytes, readFile, writeFiles } from "./files.ts";
import { interruptible, untilInterrupted } from "./interrupt.ts";
import type { Io } from "./io.ts";
import type { Metadata } from "./metadata.ts";
import { addMethodOptions, type MethodOptions, methodsOf } from "./methods.ts";
import { packSource, type Source } from "./model.ts";
import { examples, jsonOption, numberIn, outputOption, positiveInteger, samplePlaces } from "./options.ts";
import { printResult } from "./output.ts";
import { packedSummary, packedText } from "./packed.ts";
import { withProgress } from "./progress.ts";
import { layerLines, reportLines } from "./report.ts";
import { addSchemeOptions, recipeOf, type SchemeOptions } from "./schemes.ts";
import { addSearchOptions, type SearchOptions, searchFileOf, searchRecipe } from "./search.ts";
import { searchLines } from "./search-report.ts";
import {
  addSourceOptions,
  frontEndOf,
  metadataOf,
  readSource,
  type SourceOptions,
  surrounded,
} from "./source.ts";

interface Options extends SchemeOptions, MethodOptions, SearchOptions, SourceOptions {
  output: string;
  data?: string[];
  calibration: "minmax" | Exclude<CalibrationMethod, "min-max">;
  percentile?: number;
  samples?: number;
  perTensor?: boolean;
  exclude?: string[];
  io: "float32" | "int8";
  eval?: string;
  report?: string;
  layers?: boolean;
  json?: boolean;
}

export function registerQuantize(program: Command, io: Io): void {
  const command = program
    .command("quantize")
    .summary("make int8 or less of a float model and report the cost")
    .description(
      "Make int8 or less of a float model, with ranges from sample data, and measure what that costs",
    )
    .argument("<model>", "TFLite or ONNX file with float32 weights")
    .addOption(outputOption())
    .option(
      "--data <path...>",
      `samples to calibrate on: ${samplePlaces}; weight-…, dynamic-… and float schemes do without`,
    );
  addSearchOptions(addMethodOptions(addSchemeOptions(command)))
    .addOption(
      new Option("--calibration <method>", "range of each tensor")
        .choices(["minmax", "percentile", "moving-average", "entropy", "mse"])
        .default("minmax"),
    )
    .addOption(
      new Option("--percentile <p>", "share of values that a range keeps, in % (default: 99.99)")
        .argParser(numberIn(50, 100))
        .implies({ calibration: "percentile" }),
    )
    .option("--samples <n>", "calibrate on at most n samples, spread evenly over the data", positiveInteger)
    .option("--per-tensor", "one weight scale per tensor instead of one per output channel")
    .option("--exclude <operator...>", "operators that stay float32, by name")
    .addOption(
      new Option("--io <type>", "type of inputs and outputs").choices(["float32", "int8"]).default("float32"),
    );
  addSourceOptions(command)
    .option(
      "--eval <samples>",
      "measure on these instead: a folder with one sub-folder per class, or a module",
    )
    .option(
      "--report <file>",
      "write the whole report, as a page where it ends in .html, else as JSON; the model carries a summary",
    )
    .option("--layers", "print every layer of the report")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      examples(
        "quantize model.onnx -o model.nbl --data samples/",
        "quantize keyword.onnx -o keyword.nbl --data clips/ --frontend log-mel --labels labels.txt --eval test/",
        "quantize keyword.onnx -o keyword.nbl --data clips/ --pcm log-mel",
        "quantize mobilenet.onnx -o small.nbl --data images/ --image mean=0.485,0.456,0.406/std=0.229,0.224,0.225",
        "quantize model.onnx -o model.nbl --data samples.mjs",
        "quantize story.bin -o story.nbl --scheme weight-int4 --method mse",
        "quantize model.onnx -o small.nbl --data samples/ --scheme int4 --method gptq --layer 'conv1*=int8'",
        "quantize model.onnx -o small.nbl --data samples/ --budget size=60kB --report small.html",
      ),
    )
    .action((file: string, options: Options) => run(file, options, io));
}

async function run(file: string, options: Options, io: Io): Promise<void> {
  const { output, data, calibration, percentile, labels, frontend, json = false } = options;
  if (percentile !== undefined && calibration !== "percentile")
    throw usageError("option '--percentile' needs '--calibration percentile'");
  const reportFile = options.report;
  checkOutput(output, [file]);
  if (reportFile !== undefined) checkOutput(reportFile, [file, output]);
  const searchFile = searchFileOf(options);

  const frontEnd = frontEndOf(options);
  const recipe = recipeOf(options);
  if (!data && (searchFile !== undefined || isStatic(recipe.default?.scheme ?? "int8")))
    throw usageError(
      `required option '--data <path...>' not specified; ${searchFile === undefined ? "int8 activations need" : "a search needs"} it`,
    );
  const source = { file, bytes: readFile(file) };
  if (fileFormat(source.bytes, file) === "nbl")
    throw new NibbleError(
      "bad-input",
      `${file}: expected a TFLite or ONNX model, found one that is packed already; quantize its source`,
    );
  const read = asFloatLayers(readSource(source, options));
  refuseQuantized(read, file);
  const graph = searchFile === undefined ? read : withRows(read);
  const metadata = metadataOf(source, graph, options);
  const reader = frontEnd ? { frontend: frontEnd } : frontend ? { frontend } : {};
  const reading = {
    ...(metadata.labels && { labels: metadata.labels }),
    ...(options.image && { image: options.image }),
    ...reader,
  };
  const measured = options.eval === undefined ? undefined : { paths: [options.eval], ...reading };
  const places = {
    calibration: data && {
      paths: data,
      ...reading,
      anyLabel: measured !== undefined || labels === undefined,
      ...(options.samples && { limit: options.samples }),
    },
    measured,
  };
  const build = {
    method: calibration === "minmax" ? ("min-max" as const) : calibration,
    ...(percentile !== undefined && { percentile }),
    ...(options.perTensor && { perTensor: true }),
    ...(options.exclude && { exclude: options.exclude }),
    ...(options.equalize && { equalize: true }),
    ...(options.biasCorrection && { biasCorrection: true }),
    ...(options.independent && { independent: true }),
    io: options.io,
  };

  const { report, bytes, model, lines } = await interruptible(io, async (signal) => {
    const made = await withProgress(io, async (bar) => {
      const found =
        searchFile === undefined
          ? undefined
          : await searchRecipe({
              ...{ source: read, graph, options, recipe, signal, bar },
              task: { ...places, calibration: places.calibration!, build },
              file: searchFile,
              digest: metadata.source!.sha256,
              metadata,
            });
      const pool = await openPool({ threads: 1, signal });
      const shifts = reportFile !== undefined;
      const settings = {
        ...build,
        recipe: found?.recipe ?? recipe,
        ...methodsOf(options),
        ...(shifts && { shifts }),
      };
      const work = { graph, ...places, narrow: found !== undefined, options: settings };
      const result = await pool.run("quantize", work, bar.update).finally(pool.close);
      return { ...result, search: found?.report };
    });
    const report: Report = {
      ...made.report,
      ...(made.search && { search: made.search }),
      provenance: {
        source: metadata.source!,
        ...(made.calibration && { calibration: made.calibration }),
        options: provenOptions(options),
      },
    };
    const whole = surrounded(source, made.graph, metadata, frontEnd, options);
    const packed = packWithin(source, whole.graph, whole.metadata, report, options.budget?.size);
    const page = {
      ...(metadata.labels && { labels: metadata.labels }),
      measuredOn: basename(options.eval ?? data?.[0] ?? ""),
      sizes: { source: source.bytes.length, packed: packed.bytes.length },
    };
    const outputs = [{ path: output, bytes: packed.bytes }];
    if (reportFile !== undefined)
      outputs.push({ path: reportFile, bytes: await reportBytes(reportFile, report, page) });
    await untilInterrupted(signal);
    writeFiles(outputs);
    return { ...packed, report, lines: whole.lines };
  });

  const inspection = inspectModel(model, bytes.length);
  printResult(io, json, { ...packedSummary(source, output, inspection), report }, (colors) =>
    [
      ...packedText(source, output, inspection, colors),
      ...lines,
      ...(report.search ? ["", colors.bold("What the search found"), ...searchLines(report.search)] : []),
      "",
      colors.bold(`What it costs, ${costOf(options)}`),
      ...reportLines(report).map((line) => `  ${line}`),
      ...(options.layers ? ["", ...layerLines(report)] : []),
    ].join("\n"),
  );
}

/** With the summary of the report; a bound on the size comes before its details, and before all of it. */
function packWithin(source: Source, graph: Graph, metadata: Metadata, report: Report, size?: number) {
  if (!report.search) return packSource(source, graph, { metadata, report: summarize(report) });
  const { shifts: _, weights: __, layers: ___, ...short } = summarize(report);
  for (const kept of [summarize(report), { ...short, layers: [] }]) {
    const packed = packSource(source, graph, { metadata, report: kept, narrow: true });
    if (packed.bytes.length <= (size ?? Infinity)) return packed;
  }
  return packSource(source, graph, { metadata, narrow: true });
}

/** A page where the name says so, else JSON. */
async function reportBytes(path: string, report: Report, page: PageOptions): Promise<Uint8Array> {
  if (!/\.html?$/i.test(path)) return jsonBytes(report);
  // The plotting library takes longer to load than all else.
  const { reportPage } = await import("../report/page.ts");
  return new TextEncoder().encode(reportPage(report, page));
}

const costOf = ({ eval: folder, data }: Options): string =>
  folder !== undefined ? `on ${folder}` : data ? "on the calibration samples" : "in weights alone";

/** What decides the result; paths of this machine are left out. */
function provenOptions({
  output: _output,
  data: _data,
  labels: _labels,
  eval: _eval,
  report: _report,
  layers: _layers,
  json: _json,
  search: _search,
  threads: _threads,
  ...options
}: Options): Record<string, unknown> {
  return options;
}

const isWeighted = ({ op }: Node): boolean =>
  op === "conv2d" || op === "depthwiseConv2d" || op === "fullyConnected";
const isFloat = ({ outputs }: Node): boolean => outputs.some(({ dtype }) => dtype === "float32");

/** A model whose layers are integers already has nothing to gain, and its ranges are in the file. */
function refuseQuantized({ nodes }: Graph, file: string): void {
  const weighted = nodes.filter(isWeighted);
  const computing = weighted.length > 0 ? weighted : nodes.filter(({ op }) => op !== "dequantize");
  if (computing.some(isFloat)) return;
  throw new NibbleError(
    "bad-input",
    `${file}: expected a float model, found one that is quantized already; pack it with \`nibblenet convert\``,
  );
}
