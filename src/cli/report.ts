import type { Accuracy } from "../quantize/accuracy.ts";
import type { LayerReport, Report } from "../quantize/report.ts";
import { formatReport } from "../quantize/report-text.ts";
import { fields, percent, share, shortened } from "./output.ts";

/** Only the worst layers are named; --layers prints them all. */
const worstCount = 3;

/** What the quantizer measured, in a few lines. */
export function reportLines(report: Report): string[] {
  const worst = report.layers
    .filter(
      (layer): layer is LayerReport & { sqnr: number } => layer.sqnr !== null && layer.dtype !== "float32",
    )
    .sort((a, b) => a.sqnr - b.sqnr)
    .slice(0, worstCount);
  const decibels = (sqnr: number | null): string => (sqnr === null ? "exact" : `${sqnr.toFixed(1)} dB`);
  return fields([
    report.samples > 0 && ["measured on", `${report.samples} ${report.samples === 1 ? "sample" : "samples"}`],
    ...report.outputs.map(
      ({ tensor, sqnr, maxError, clipped }) =>
        [
          `output ${shortened(tensor, 32)}`,
          `${decibels(sqnr)}, largest error ${maxError.toPrecision(3)}${clipped ? `, ${percent(clipped, 2)} clipped` : ""}`,
        ] as const,
    ),
    ...worst.map(
      ({ op, node, sqnr }, i) =>
        [i === 0 ? "noisiest layers" : "", `${decibels(sqnr)}  ${op} ${shortened(node)}`] as const,
    ),
    ...report.float.map(
      ({ node, reason }, i) => [i === 0 ? "stays float" : "", `${shortened(node)} (${reason})`] as const,
    ),
    report.channels && ["channels left", `${report.channels.after} of ${report.channels.before}`],
    ...weightLines(report),
    report.agreement && ["same class", share(report.agreement)],
    ...(report.accuracy
      ? [
          ...accuracyLines("float", report.accuracy.float),
          ...accuracyLines(report.weights ? "quantized" : "int8", report.accuracy.quantized),
        ]
      : []),
  ]);
}

/** One line a scheme and method; figures of its worst layer. */
function weightLines({ weights = [] }: Report): [string, string][] {
  const kinds = new Map<string, NonNullable<Report["weights"]>>();
  for (const layer of weights) {
    const kind = `${layer.scheme} by ${layer.method}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), layer]);
  }
  return [...kinds].map(([kind, layers]) => {
    const noisy = layers.filter(
      (layer): layer is (typeof layers)[0] & { sqnr: number } => layer.sqnr !== null,
    );
    const worst = noisy.sort((a, b) => a.sqnr - b.sqnr)[0];
    const density = layers.reduce((sum, layer) => sum + layer.density, 0) / layers.length;
    const noise = worst ? `${worst.sqnr.toFixed(1)} dB in ${shortened(worst.node, 32)}` : "exact";
    return [`weights ${kind}`, `${layers.length} layers, ${noise}, ${percent(density)} not 0`];
  });
}

/** Every layer, without the figures that `reportLines` gives. */
export const layerLines = (report: Report): string[] => formatReport(report).split("\n\n")[0]!.split("\n");

const accuracyLines = (name: string, { all, without }: Accuracy): [string, string][] => [
  [`${name} accuracy`, share(all)],
  ...(without ? [[`  without one class`, share(without)] as [string, string]] : []),
];

/** The report section of a file, where it is one that we wrote: any JSON may stand there. */
export function asReport(stored: unknown): Report | undefined {
  const report = stored as Partial<Report> | null | undefined;
  const isReport =
    typeof report === "object" &&
    report !== null &&
    typeof report.samples === "number" &&
    [report.layers, report.outputs, report.float].every(Array.isArray) &&
    report.layers!.every(
      (layer) => typeof layer?.tensor === "string" && typeof layer.node === "string" && isFidelity(layer),
    ) &&
    report.outputs!.every((output) => typeof output?.tensor === "string" && isFidelity(output)) &&
    report.float!.every((entry) => typeof entry?.node === "string" && typeof entry.reason === "string") &&
    (report.weights === undefined ||
      (Array.isArray(report.weights) && report.weights.every(isWeightReport))) &&
    (report.agreement === undefined || isProportion(report.agreement)) &&
    (report.accuracy === undefined ||
      [report.accuracy?.float?.all, report.accuracy?.quantized?.all].every(isProportion));
  return isReport ? (report as Report) : undefined;
}

const isWeightReport = (layer: NonNullable<Report["weights"]>[number]): boolean =>
  [layer?.node, layer?.scheme, layer?.method].every((text) => typeof text === "string") &&
  typeof layer.density === "number" &&
  (layer.sqnr === null || typeof layer.sqnr === "number");

const isFidelity = ({ sqnr, maxError, cosine, clipped }: Report["outputs"][number]): boolean =>
  [maxError, clipped].every((n) => typeof n === "number") &&
  [sqnr, cosine].every((n) => n === null || typeof n === "number");

const isProportion = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  ["correct", "total", "share", "low", "high"].every(
    (key) => typeof (value as Record<string, unknown>)[key] === "number",
  );
