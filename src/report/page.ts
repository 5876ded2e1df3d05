import { createHash } from "node:crypto";
import type { Accuracy, Proportion } from "../quantize/accuracy.ts";
import type { LayerReport, Report } from "../quantize/report.ts";
import type { ShiftReport } from "../quantize/shifts.ts";
import { columnChart, type Interval, intervalChart, shiftChart, sparkline } from "./charts.ts";
import { searchSection } from "./search-section.ts";
import { style } from "./style.ts";
import {
  byteSize,
  type Cell,
  decibels,
  escaped,
  interval,
  name,
  number,
  percent,
  section,
  table,
  text,
  wide,
} from "./text.ts";

export interface PageOptions {
  /** Class names, in the order of the scores. */
  labels?: readonly string[];
  /** What the report was measured on. */
  measuredOn?: string;
  /** Bytes of the source and the packed file. */
  sizes?: { source: number; packed: number };
}

/** Rows of a table of samples; the JSON has them all. */
const rowLimit = 100;

/** The report as one HTML page that loads nothing: its style and pictures are inside, and nothing else is let in. */
export function reportPage(report: Report, options: PageOptions = {}): string {
  const sections = [
    accuracySection(report),
    searchSection(report),
    layerSection(report),
    disagreementSection(report, options),
    shiftSection(report),
    floatSection(report),
    provenanceSection(report),
  ].filter((section) => section !== "");
  const digest = createHash("sha256").update(style).digest("base64");
  const title = `${report.provenance?.source.file ?? report.graph}: what quantization costs`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${digest}'">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
<p class="soft">Measured on ${report.samples} samples${options.measuredOn === undefined ? "" : ` of <code>${escaped(options.measuredOn)}</code>`}, with the kernels that will run.</p>
${cards(report, options)}
${sections.join("\n")}
</main>
</body>
</html>
`;
}

const card = (what: string, value: string, note: string): string =>
  `<div class="card"><small>${escaped(what)}</small><b>${escaped(value)}</b><small>${escaped(note)}</small></div>`;

function cards({ accuracy, agreement, outputs, layers }: Report, { sizes }: PageOptions): string {
  const found: string[] = [];
  if (accuracy) {
    const [before, after] = [accuracy.float.all, accuracy.quantized.all];
    const change = 100 * (after.share - before.share);
    found.push(card("Accuracy", percent(after.share), `95 %: ${interval(after)}`));
    found.push(
      card(
        "Change from float",
        `${change < 0 ? "−" : change > 0 ? "+" : "±"}${Math.abs(change).toFixed(2)} points`,
        `float: ${percent(before.share)}`,
      ),
    );
  }
  if (agreement)
    found.push(card("Same class as float", percent(agreement.share), `95 %: ${interval(agreement)}`));
  const [output] = outputs;
  if (output)
    found.push(
      card(
        "Output SQNR",
        output.sqnr === null ? "exact" : `${output.sqnr.toFixed(1)} dB`,
        `largest error ${output.maxError.toPrecision(3)}`,
      ),
    );
  const sum = (side: "float" | "quantized") => layers.reduce((n, { bytes }) => n + (bytes?.[side] ?? 0), 0);
  if (sizes) found.push(card("File", byteSize(sizes.packed), `source: ${byteSize(sizes.source)}`));
  else if (sum("float") > 0)
    found.push(card("Weights", byteSize(sum("quantized")), `float: ${byteSize(sum("float"))}`));
  return `<div class="cards">${found.join("")}</div>`;
}

function accuracySection({ accuracy, agreement, outputs, nearest }: Report): string {
  const rows: Interval[] = [];
  const add = (label: string, { all, without }: Accuracy, second: boolean) => {
    rows.push({ label, value: all.share, low: all.low, high: all.high, second });
    if (without)
      rows.push({
        label: `${label}, one left out`,
        value: without.share,
        low: without.low,
        high: without.high,
        second,
      });
  };
  if (accuracy) {
    add("float", accuracy.float, true);
    add("quantized", accuracy.quantized, false);
  }
  if (nearest?.accuracy) add("nearest values", nearest.accuracy.quantized, true);
  const addSame = (label: string, { share, low, high }: Proportion, second: boolean) =>
    rows.push({ label, value: share, low, high, second });
  if (agreement) addSame("same class", agreement, false);
  if (nearest?.agreement) addSame("same, nearest", nearest.agreement, true);
  const [output, instead] = [outputs[0], nearest?.outputs[0]];
  const beside =
    output && instead
      ? `<p>Rounded to the nearest values, weights of as many bytes would give an output SQNR, in dB, of ${decibels(instead.sqnr)} instead of ${decibels(output.sqnr)}.</p>`
      : "";
  if (rows.length === 0) return beside && section("End to end", beside);
  return section(
    "End to end",
    `<figure>${intervalChart(rows)}<figcaption>Top-1 shares with their 95 % Wilson intervals.</figcaption></figure>${beside}`,
  );
}

function layerSection({ layers }: Report): string {
  if (layers.length === 0) return "";
  const row = (layer: LayerReport, i: number): Cell[] => [
    number(String(i + 1)),
    name(layer.node),
    wide(text(layer.op)),
    text(layer.dtype),
    number(decibels(layer.sqnr)),
    { html: layer.errors ? sparkline(layer.errors) : "" },
    number(percent(layer.clipped)),
    wide(number(layer.maxError.toPrecision(3))),
    number(layer.bytes ? byteSize(sizeOf(layer.bytes)) : ""),
    number(layer.micros === undefined ? "" : layer.micros.toFixed(1)),
  ];
  const charts = columnCharts(layers).map((chart) => `<figure>${chart}</figure>`);
  return section(
    "Layers",
    `<p class="soft">Layers in execution order. Signal to quantization noise is that of the running model: errors of earlier layers are part of each figure. Sizes are those of weights and biases, faint as floats.${
      layers.some(({ micros }) => micros !== undefined)
        ? " Times are those of each operator by itself. Sensitivity is what the outputs suffer where a layer is quantized and all else is float."
        : ""
    }</p>
${charts.join("\n")}
<p class="soft">Errors are histograms of quantized − float, four steps of the layer's scale to either side; heights are square roots of counts.</p>
${table(
  [
    number("#"),
    text("operator"),
    wide(text("kind")),
    text("type"),
    number("SQNR dB"),
    text("errors"),
    number("clipped"),
    wide(number("max error")),
    number("size"),
    number("µs"),
  ],
  layers.map(row),
)}`,
  );
}

/** As the file stores it, where that is known. */
const sizeOf = ({ quantized, stored }: NonNullable<LayerReport["bytes"]>): number => stored ?? quantized;

/** One chart a figure that is known of any layer. */
function columnCharts(layers: readonly LayerReport[]): string[] {
  const titled = ({ node, op }: LayerReport, value: string): string => `${op} ${node}: ${value}`;
  const some = (field: keyof LayerReport): boolean => layers.some((layer) => layer[field] !== undefined);
  return [
    columnChart(
      layers.map((layer) => ({
        value: layer.sqnr,
        title: titled(layer, layer.sqnr === null ? "exact" : `${decibels(layer.sqnr)} dB`),
      })),
      "SQNR, dB",
    ),
    ...(some("bytes")
      ? [
          columnChart(
            layers.map((layer) => ({
              value: layer.bytes ? sizeOf(layer.bytes) / 1024 : null,
              before: layer.bytes ? layer.bytes.float / 1024 : null,
              title: titled(layer, layer.bytes ? byteSize(sizeOf(layer.bytes)) : ""),
            })),
            "size, KiB",
          ),
        ]
      : []),
    ...(some("micros")
      ? [
          columnChart(
            layers.map((layer) => ({
              value: layer.micros ?? null,
              title: titled(layer, `${layer.micros?.toFixed(1)} µs`),
            })),
            "time, µs",
          ),
        ]
      : []),
    ...(some("sensitivity")
      ? [
          columnChart(
            layers.map((layer) => ({
              value: layer.sensitivity ?? null,
              title: titled(layer, layer.sensitivity?.toPrecision(3) ?? ""),
            })),
            "sensitivity",
          ),
        ]
      : []),
  ];
}

/** A file's folder, which is often its class, and its name. */
const lastParts = (path: string): string => path.split(/[\\/]/).slice(-2).join("/");

function disagreementSection({ disagreements, agreement }: Report, { labels }: PageOptions): string {
  if (!disagreements || !agreement) return "";
  const title = "Silent regressions";
  if (agreement.correct === agreement.total)
    return section(title, "<p>Float and quantized name the same class on every sample.</p>");
  const called = (index: number): string => labels?.[index] ?? String(index);
  const verdict = ({ label, float, quantized }: (typeof disagreements)[number]): Cell => {
    if (label === undefined) return { html: "" };
    if (float === label) return { html: '<span class="bad">lost</span>' };
    return quantized === label ? { html: '<span class="good">gained</span>' } : { html: "both wrong" };
  };
  const shown = disagreements.slice(0, rowLimit);
  const count = agreement.total - agreement.correct;
  return section(
    title,
    `<p>Float and quantized disagree on ${count} of ${agreement.total} samples${count > shown.length ? `; the first ${shown.length} are` : ""}:</p>
${table(
  [text("sample"), text("class"), text("float"), text("quantized"), text("")],
  shown.map((entry) => [
    { ...name(lastParts(entry.sample)), title: entry.sample },
    text(entry.label === undefined ? "" : called(entry.label)),
    text(called(entry.float)),
    text(called(entry.quantized)),
    verdict(entry),
  ]),
)}`,
  );
}

function shiftSection({ shifts = [] }: Report): string {
  if (shifts.length === 0) return "";
  const isLabelled = shifts.some(({ accuracy }) => accuracy);
  const isClassifier = shifts.some(({ agreement }) => agreement);
  return section(
    "Shifted inputs",
    `<p class="soft">The model's float inputs with normal noise added, or scaled: ${shifts[0]!.samples} samples each.</p>
${isClassifier ? `<figure>${shiftPicture(shifts)}</figure>` : ""}
${table(
  [
    text("shift"),
    ...(isLabelled ? [number("float"), number("quantized")] : []),
    ...(isClassifier ? [number("same class"), wide(number("95 % interval"))] : []),
    number("SQNR dB"),
  ],
  shifts.map(({ shift, accuracy, agreement, sqnr }) => [
    text(shift),
    ...(isLabelled
      ? [
          number(accuracy ? percent(accuracy.float.share) : ""),
          number(accuracy ? percent(accuracy.quantized.share) : ""),
        ]
      : []),
    ...(isClassifier
      ? [
          number(agreement ? percent(agreement.share) : ""),
          wide(number(agreement ? interval(agreement) : "")),
        ]
      : []),
    number(decibels(sqnr)),
  ]),
)}`,
  );
}

/** Accuracy of both where samples have labels, else how often they agree. */
function shiftPicture(shifts: readonly ShiftReport[]): string {
  const isLabelled = shifts.some(({ accuracy }) => accuracy);
  const rows = shifts.map(({ shift, accuracy, agreement }) =>
    isLabelled
      ? { shift, float: accuracy?.float.share ?? 0, quantized: accuracy?.quantized.share ?? 0 }
      : { shift, quantized: agreement?.share ?? 0 },
  );
  return shiftChart(rows, isLabelled ? "accuracy" : "same class");
}

function floatSection({ float }: Report): string {
  if (float.length === 0) return "";
  return section(
    "Stays float",
    table(
      [text("operator"), text("why")],
      float.map(({ node, reason }) => [name(node), text(reason)]),
    ),
  );
}

function provenanceSection({ provenance }: Report): string {
  if (!provenance) return "";
  const { source, calibration, options } = provenance;
  const entries: [string, string][] = [
    ["source", source.file],
    ["SHA-256", source.sha256],
    ...(calibration
      ? ([
          ["calibration", `${calibration.samples} samples`],
          ["their SHA-256", calibration.sha256],
        ] as [string, string][])
      : []),
    ...Object.entries(options).map(([key, value]): [string, string] => [
      key,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  ];
  return section(
    "Provenance",
    `<dl>${entries.map(([key, value]) => `<dt>${escaped(key)}</dt><dd><code>${escaped(value)}</code></dd>`).join("")}</dl>`,
  );
}
