/** What a search tried: the front as a picture and a table, and the layers that it weighed against each other. */

import type { Report } from "../quantize/report.ts";
import type { SearchReport } from "../search/report.ts";
import { frontChart, type Mark, type Cell as Shade, sensitivityMap } from "./charts.ts";
import {
  byteSize,
  type Cell,
  decibels,
  escaped,
  interval,
  number,
  percent,
  section,
  table,
  text,
  wide,
  words,
} from "./text.ts";

type Model = SearchReport["models"][number];

/** Models that lose more than this many times the front's own range would squash it: they are left out of its picture. */
const reach = 2;

export function searchSection({ search }: Report): string {
  if (!search) return "";
  const { models, layers, samples, budget, loss } = search;
  const bounds = Object.entries(budget).map(([key, value]) => `${key} ${boundText(key, value)}`);
  return section(
    "Search",
    `<p>${models.length} models were made and measured on ${samples} samples, for the least ${search.objective} under ${escaped(bounds.join(", "))}. No other beats those of the table in size and quality at once; the ring is the one that was chosen. Sizes are without the report that the file carries.</p>
${pictures(search)
  .map((picture) => `<figure>${picture}</figure>`)
  .join("\n")}
${frontTable(models, loss)}
<h2>Which layer needs what</h2>
<p class="soft">What the outputs suffer where one layer has a scheme and all else is float, as ${loss ? "divergence of the scores in nats" : "noise over power"}: the darker, the more. A dot is what the search chose.</p>
<figure>${sensitivityMap(shades(layers))}</figure>`,
  );
}

const boundText = (key: string, value: number): string =>
  key === "size"
    ? byteSize(value)
    : `${value} ${{ latency: "µs", loss: "points", sqnr: "dB" }[key] ?? ""}`.trim();

/** Quality as a share or in dB, the higher the better; undefined where that is not finite. */
const qualityOf = ({ accuracy, agreement, sqnr }: Model): number | undefined =>
  accuracy ? 100 * accuracy.quantized.share : agreement ? 100 * agreement.share : (sqnr ?? undefined);

function pictures({ models, loss, budget }: SearchReport): string[] {
  const kib = (bytes: number): number => bytes / 1024;
  const known = models.flatMap((model) => {
    const quality = qualityOf(model);
    return quality === undefined ? [] : [{ model, quality }];
  });
  const front = known.filter(({ model }) => model.onFront || model.chosen).map(({ quality }) => quality);
  const least = Math.max(...front) - reach * Math.max(1, median(front.map((q) => Math.max(...front) - q)));
  const shown = known.filter(({ quality, model }) => quality >= least || model.chosen);
  const mark = (x: number, y: number, model: Model): Mark => ({
    x,
    y,
    title: `${model.layers}\n${byteSize(model.bytes)}${model.micros === undefined ? "" : `, ${model.micros.toFixed(0)} µs`}`,
    chosen: model.chosen,
  });
  const quality = loss === "accuracy" ? "accuracy, %" : loss ? "same class, %" : "SQNR, dB";
  const size = { x: "size, KiB", xBound: budget.size === undefined ? undefined : kib(budget.size) };
  const timed = known.filter(({ model }) => model.micros !== undefined);
  return [
    frontChart(
      shown.map(({ model, quality }) => mark(kib(model.bytes), quality, model)),
      { ...size, y: quality, yBound: budget.sqnr },
    ),
    ...(loss
      ? [
          frontChart(
            models
              .filter(({ error }) => error > 0)
              .map((model) => mark(kib(model.bytes), model.error, model)),
            { ...size, y: "divergence, nats", isError: true },
          ),
        ]
      : []),
    ...(budget.latency !== undefined && timed.length > 1
      ? [
          frontChart(
            timed.map(({ model, quality }) => mark(model.micros!, quality, model)),
            { x: "time, µs", xBound: budget.latency, y: quality },
          ),
        ]
      : []),
  ];
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

function frontTable(models: readonly Model[], loss: SearchReport["loss"]): string {
  const rows = models.filter(({ onFront, chosen }) => onFront || chosen);
  return table(
    [
      text(""),
      number("size"),
      number("µs"),
      ...(loss === "accuracy" ? [number("accuracy"), wide(number("95 % interval"))] : []),
      ...(loss ? [number("same class"), wide(number("nats"))] : []),
      number("SQNR dB"),
      text("layers"),
    ],
    rows.map((model): Cell[] => [
      { html: model.chosen ? '<span class="mark">chosen</span>' : "" },
      number(byteSize(model.bytes)),
      number(model.micros?.toFixed(0) ?? ""),
      ...(loss === "accuracy"
        ? [
            number(model.accuracy ? percent(model.accuracy.quantized.share) : ""),
            wide(number(model.accuracy ? interval(model.accuracy.quantized) : "")),
          ]
        : []),
      ...(loss
        ? [
            number(model.agreement ? percent(model.agreement.share) : ""),
            wide(number(model.error.toPrecision(2))),
          ]
        : []),
      number(decibels(model.sqnr)),
      words(model.layers),
    ]),
  );
}

const shades = (layers: SearchReport["layers"]): Shade[] =>
  layers.flatMap(({ node, chosen, candidates }) =>
    candidates.map(({ name, error, bytes }) => ({
      layer: node,
      candidate: name,
      error,
      chosen: name === chosen,
      title: `${node} as ${name}: ${error === null ? "not possible" : error.toPrecision(3)}${bytes === null ? "" : `, ${byteSize(bytes)}`}`,
    })),
  );
