import type { Command } from "commander";
import { formatNames } from "../import/index.ts";
import { type Inspection, inspectModel } from "../inspect/inspect.ts";
import type { Io } from "./io.ts";
import { loadModel, type PackedFile, readModel } from "./model.ts";
import { examples, inputShapeOption, jsonOption } from "./options.ts";
import { byteSize, printResult, quantity, real, shapeText, shortened, table } from "./output.ts";
import { modelLines } from "./packed.ts";
import { asReport, layerLines, reportLines } from "./report.ts";

interface Options {
  operators?: boolean;
  tensors?: boolean;
  layers?: boolean;
  inputShape?: Record<string, number[]>;
  json?: boolean;
}

export function registerInspect(program: Command, io: Io): void {
  program
    .command("inspect")
    .summary("show what a model holds")
    .description("Show what a model holds: operators, memory, schemes, metadata, report")
    .argument("<model>", "packed, TFLite or ONNX file")
    .option("--operators", "list every operator in execution order")
    .option("--tensors", "list every tensor with its place")
    .option("--layers", "list what quantization cost the noisiest layers, where the file has a report")
    .addOption(inputShapeOption())
    .addOption(jsonOption())
    .addHelpText("after", examples("inspect model.nbl", "inspect model.tflite --operators --tensors"))
    .action((file: string, options: Options) => inspect(file, options, io));
}

function inspect(file: string, options: Options, io: Io): void {
  const packed = readModel(file, options.inputShape);
  const inspection = inspectModel(loadModel(packed), packed.packed.length);
  const value = { file, format: packed.format, fileBytes: packed.bytes.length, ...inspection };
  printResult(io, options.json ?? false, value, ({ bold }) => {
    const section = (title: string, lines: string[]): string[] =>
      lines.length > 0 ? ["", bold(title), ...lines.map((line) => `  ${line}`)] : [];
    const report = asReport(inspection.report);
    return [
      `${bold(file)}  ${sizeText(packed)}`,
      ...modelLines(inspection),
      ...(options.operators
        ? section("Operators", operatorList(inspection))
        : section("Operators", operatorCounts(inspection))),
      ...(options.tensors ? section("Tensors", tensorList(inspection)) : []),
      ...section("Metadata", metadataLines(inspection.metadata)),
      ...section("Report", report ? reportLines(report) : []),
      ...(report && options.layers ? section("Layers", layerLines(report)) : []),
    ].join("\n");
  });
}

const sizeText = ({ format, bytes, packed }: PackedFile): string =>
  format === "nbl"
    ? byteSize(bytes.length)
    : `${formatNames[format]}, ${byteSize(bytes.length)}; packed ${byteSize(packed.length)}`;

function operatorCounts({ operators, macs }: Inspection): string[] {
  const groups = new Map<string, { count: number; macs: number }>();
  for (const operator of operators) {
    const group = groups.get(operator.op) ?? { count: 0, macs: 0 };
    groups.set(operator.op, { count: group.count + 1, macs: group.macs + operator.macs });
  }
  const sorted = [...groups].sort(([, a], [, b]) => b.macs - a.macs || b.count - a.count);
  return table(
    sorted.map(([op, group]) => [
      op,
      `× ${group.count}`,
      ...(group.macs ? [`${quantity(group.macs)} MAC`, `${((100 * group.macs) / macs).toFixed(0)} %`] : []),
    ]),
  );
}

const operatorList = ({ operators }: Inspection): string[] =>
  table(
    operators.map(({ op, output, dtype, shape, macs }, i) => [
      String(i),
      op,
      macs ? `${quantity(macs)} MAC` : "",
      `${dtype} ${shapeText(shape)}`,
      shortened(output),
    ]),
    [1, 3, 4],
  );

const tensorList = ({ tensors }: Inspection): string[] =>
  table(
    tensors.map(({ name, dtype, shape, region, offset, bytes, scale, zeroPoint }, i) => [
      String(i),
      `${region} +${offset}`,
      byteSize(bytes),
      `${dtype} ${shapeText(shape)}`,
      scale ? `scale ${real(scale)}, zero point ${zeroPoint}` : "",
      shortened(name),
    ]),
    [1, 3, 4, 5],
  );

/** One line per key of an object, or the value as it is. */
function metadataLines(metadata: unknown): string[] {
  if (metadata === null || metadata === undefined) return [];
  const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  if (typeof metadata !== "object" || Array.isArray(metadata)) return [text(metadata)];
  return table(
    Object.entries(metadata).map(([key, value]) => [key, known[key]?.(value) ?? text(value)]),
    [0, 1],
  );
}

/** Texts of the values that we write ourselves, where they are what we write. */
const known: Record<string, (value: unknown) => string | undefined> = {
  labels: (labels) =>
    Array.isArray(labels)
      ? `${labels.length}: ${labels.slice(0, 16).join(", ")}${labels.length > 16 ? ", …" : ""}`
      : undefined,
  source(value) {
    const { file, sha256 } = (value ?? {}) as Record<string, unknown>;
    return typeof file === "string" && typeof sha256 === "string"
      ? `${file} (sha256 ${sha256.slice(0, 12)}…)`
      : undefined;
  },
};
