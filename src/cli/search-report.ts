import type { SearchReport } from "../search/report.ts";
import { byteSize, digits, percent, table } from "./output.ts";

/** The front as a table, from the smallest model; what was chosen has an arrow. */
export function searchLines({ models, loss, layers }: SearchReport): string[] {
  const front = models.filter(({ onFront, chosen }) => onFront || chosen);
  const head = [
    "",
    "size",
    "µs",
    ...(loss === "accuracy" ? ["accuracy"] : []),
    ...(loss ? ["same class", "nats"] : []),
    "dB",
    "layers",
  ];
  const rows = front.map((model) => [
    model.chosen ? "→" : "",
    byteSize(model.bytes),
    model.micros === undefined ? "" : digits(model.micros),
    ...(loss === "accuracy" ? [model.accuracy ? percent(model.accuracy.quantized.share, 2) : ""] : []),
    ...(loss ? [model.agreement ? percent(model.agreement.share, 2) : "", model.error.toPrecision(2)] : []),
    model.sqnr === null ? "exact" : model.sqnr.toFixed(1),
    model.layers,
  ]);
  return [
    ...table([head, ...rows], [0, head.length - 1]).map((line) => `  ${line}`),
    `  ${models.length} models were made and measured; these are beaten by no other`,
    ...table(
      layers.map(({ node, chosen }) => [`  ${chosen}`, node]),
      [0, 1],
    ),
  ];
}
