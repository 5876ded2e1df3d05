import type { Accuracy, Proportion } from "./accuracy.ts";
import type { Fidelity } from "./fidelity.ts";
import type { Report } from "./report.ts";

/** The report as plain text: a table of layers, then what the whole graph does. */
export function formatReport(report: Report): string {
  const fidelity = ({ sqnr, cosine, maxError, clipped }: Fidelity): string[] => [
    sqnr === null ? "exact" : sqnr.toFixed(1),
    cosine === null ? "-" : cosine.toFixed(5),
    maxError.toPrecision(3),
    percent(clipped),
  ];
  const lines = table(
    ["operator", "type", "SQNR dB", "cosine", "max error", "clipped"],
    [
      ...report.layers.map((layer) => [
        `${layer.op} ${shortened(layer.node)}`,
        layer.dtype,
        ...fidelity(layer),
      ]),
      ...report.outputs.map((output) => [`output ${shortened(output.tensor)}`, "", ...fidelity(output)]),
    ],
  );
  lines.push("");
  for (const { node, reason } of report.float) lines.push(`float: ${node} (${reason})`);
  lines.push(`samples: ${report.samples}`);
  if (report.agreement) lines.push(`top-1 agreement: ${formatProportion(report.agreement)}`);
  if (report.accuracy) {
    lines.push(...accuracyLines("float", report.accuracy.float));
    lines.push(...accuracyLines("quantized", report.accuracy.quantized));
  }
  if (report.nearest) {
    const { outputs, agreement, accuracy } = report.nearest;
    for (const { tensor, sqnr } of outputs)
      lines.push(
        `by nearest values, output ${shortened(tensor)}: ${sqnr === null ? "exact" : `${sqnr.toFixed(1)} dB`}`,
      );
    if (agreement) lines.push(`by nearest values, top-1 agreement: ${formatProportion(agreement)}`);
    if (accuracy) lines.push(...accuracyLines("by nearest values,", accuracy.quantized));
  }
  return `${lines.join("\n")}\n`;
}

/** "93.75 % (15/16, 95 % interval 71.67…98.89 %)" */
const formatProportion = ({ correct, total, share, low, high }: Proportion): string =>
  `${percent(share)} (${correct}/${total}, 95 % interval ${(100 * low).toFixed(2)}…${percent(high)})`;

function accuracyLines(name: string, { all, without }: Accuracy): string[] {
  const lines = [`${name} accuracy: ${formatProportion(all)}`];
  if (without) lines.push(`${name} accuracy without the excluded class: ${formatProportion(without)}`);
  return lines;
}

/** Converters give fused operators the names of all their parts. */
const shortened = (name: string): string =>
  name.length > 48 ? `${name.slice(0, 24)}…${name.slice(-23)}` : name;

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** First column to the left, the others to the right. */
function table(head: string[], rows: string[][]): string[] {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const line = (row: string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
      .join("  ");
  return [line(head), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line)];
}
