/** results.json as the tables of docs/performance.md, between two marks, and as its picture. */
import { readFileSync, writeFileSync } from "node:fs";
import * as echarts from "echarts";
import { schemes } from "./layers.mjs";

const page = new URL("../../docs/performance.md", import.meta.url);
const picture = new URL("../../docs/performance.svg", import.meta.url);
const marks = ["<!-- npm run bench writes from here -->", "<!-- to here -->"];
const [median, , , best] = [0, 1, 2, 3];

const digits = (n) => (n >= 99.95 ? n.toFixed(0) : n >= 9.995 ? n.toFixed(1) : n.toFixed(2));
const row = (cells) => `| ${cells.join(" | ")} |`;
const table = (head, rows) => [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");
const systemsOf = (rows) => [...new Set(rows.flatMap(({ times }) => Object.keys(times)))];
const percent = (share) => `${Math.round(share * 100)} %`;

/** GMAC/s or GB/s by the name of the limit. */
function rates({ rows }) {
  return new Map(rows.map(({ name, work, times }) => [name, work / times.limits[best] / 1000]));
}

/** GMAC/s that the instructions of a scheme allow, or for one row the stream of its weights where that is less. */
function boundOf(found, system, { scheme, shape: [m, n, k], weightBits }) {
  const pairs = found.get("dot_i16x8, L1 4×2");
  const isRelaxed = system.includes("relaxed");
  const isNarrow = !scheme.includes("int8");
  let bound = pairs;
  if (isRelaxed)
    bound = Math.max(
      found.get("relaxed dot, int32, L1 4×2"),
      isNarrow ? found.get("relaxed dot, int16, L1 4×2") : pairs,
    );
  const kept = 1 - Number(scheme.match(/(\d+) % zeros/)?.[1] ?? 0) / 100;
  const bytes = (n * k * weightBits * kept) / 8;
  const streams = [...found].filter(([name]) => name.startsWith("stream"));
  const stream = streams.find(([name]) => Number(name.match(/\d+/)[0]) * 1024 >= bytes) ?? streams.at(-1);
  if (m === 1) bound = Math.min(bound, (stream[1] * 8) / weightBits);
  return bound / kept;
}

function limitsTable({ rows }) {
  return table(
    ["limit", "median", "best"],
    rows.map(({ name, unit, work, times: { limits } }) => [
      name,
      `${digits(work / limits[median] / 1000)} ${unit}`,
      digits(work / limits[best] / 1000),
    ]),
  );
}

/** Of a layer with zeros in it. */
const dense = "nibblenet simd, no zeros";

/** How many times as fast as `system` the one called `name` is: medians (best). */
function timesAs(times, name, system) {
  const [middle, least] = [median, best].map((which) => times[system][which] / times[name][which]);
  return `${middle.toFixed(1)} (${least.toFixed(1)})`;
}

function layerTable({ rows }, found) {
  const systems = systemsOf(rows);
  const isSparse = systems.includes(dense);
  const cellsOf = (entry) =>
    systems.map((system) => {
      const times = entry.times[system];
      if (!times) return "";
      const figures = `${digits(entry.macs / times[median] / 1000)} (${digits(entry.macs / times[best] / 1000)})`;
      if (!system.startsWith("nibblenet") || system === dense || !found) return figures;
      return `${figures} ${percent(entry.macs / times[best] / 1000 / boundOf(found, system, entry))}`;
    });
  return table(
    ["M×N×K", ...systems, ...(isSparse ? ["simd, times as fast as no zeros"] : []), "noise"],
    rows.map((entry) => {
      const cells = cellsOf(entry);
      if (isSparse) cells.push(timesAs(entry.times, "nibblenet simd", dense));
      return [entry.shape.join("×"), ...cells, percent(entry.noise)];
    }),
  );
}

const litert = ["LiteRT.js relaxed", "LiteRT.js compat"];
/** Infinity where neither ran. */
const fasterLitert = (times) => Math.min(...litert.map((name) => times[name]?.[median] ?? Infinity));

function modelTable({ rows }) {
  const systems = systemsOf(rows);
  const isCompared = systems.some((system) => litert.includes(system));
  const tier = systems.includes("nibblenet simd") ? "simd" : "relaxed";
  return table(
    ["model", ...systems, ...(isCompared ? [`${tier} to LiteRT.js`] : []), "noise"],
    rows.map(({ name, times, noise }) => {
      const cells = systems.map((system) =>
        times[system] ? `${digits(times[system][median])} (${digits(times[system][best])})` : "",
      );
      const ratio = times[`nibblenet ${tier}`][median] / fasterLitert(times);
      if (isCompared) cells.push(ratio > 0 ? ratio.toFixed(2) : "");
      return [name, ...cells, percent(noise)];
    }),
  );
}

/** How many times as fast as the fastest of `peers`, by medians: the geometric mean of `rows`. */
function timesAsFast(rows, name, peers) {
  const ratios = rows.map(({ times }) => {
    const others = peers.flatMap((peer) => times[peer]?.[median] ?? []);
    return Math.min(...others) / times[name][median];
  });
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
}

const perChannel = "a scale per channel";
/** What is compared with what: title, part, ours, theirs, which rows. */
const comparisons = [
  ...["int8", "dynamic int8"].flatMap((scheme) =>
    [
      [`${scheme}, 16 rows and more, to LiteRT.js`, ({ shape }) => shape[0] >= 16],
      [`${scheme}, 1×2048×2048, to LiteRT.js`, ({ shape }) => shape[0] === 1 && shape[1] === 2048],
    ].map(([title, rows]) => ({ title, part: scheme, ours: "relaxed", peers: litert, rows })),
  ),
  ...[
    ["16 rows and more", ({ shape }) => shape[0] >= 16],
    ["1×2048×2048", ({ shape }) => shape[0] === 1 && shape[1] === 2048],
  ].flatMap(([which, rows]) => [
    {
      title: `int4 block 32, ${which}, to LiteRT.js`,
      part: "int4 block 32",
      ours: "relaxed",
      peers: litert,
      rows,
    },
    {
      title: `int4, ${perChannel}, ${which}, to LiteRT.js`,
      part: "int4 block 32",
      ours: `relaxed, ${perChannel}`,
      peers: [`LiteRT.js relaxed, ${perChannel}`],
      rows,
    },
  ]),
  ...[
    "kws_ref_model",
    "vww_96_int8",
    "resnet8_int8",
    "ad01_int8",
    "micro_speech_quantized",
    "mobilenet_v2_int8_224",
  ].map((model) => ({
    title: `${model}, to LiteRT.js`,
    part: "models",
    ours: "relaxed",
    peers: litert,
    rows: ({ name }) => name === model,
  })),
  {
    title: "one token of 107 million weights, to wllama",
    part: "decode",
    ours: "relaxed",
    peers: ["wllama"],
    rows: () => true,
  },
];
const places = [
  ["Node", ""],
  ["Node with VNNI", " with VNNI"],
  ["Chromium", " in Chromium"],
];

function summaryTable(parts) {
  return table(
    ["times as fast", ...places.map(([name]) => name)],
    comparisons.map(({ title, part, ours, peers, rows }) => [
      title,
      ...places.map(([, suffix]) => {
        const found = parts[`${part}${suffix}`]?.rows.filter(rows) ?? [];
        const ratio = timesAsFast(found, `nibblenet ${ours}`, peers);
        return Number.isFinite(ratio) ? ratio.toFixed(ratio < 9.95 ? 2 : 1) : "";
      }),
    ]),
  );
}

/** The time of every system on every model, LiteRT.js' faster build being 1. */
function draw({ rows, place }) {
  const shown = rows.filter(({ times }) => Number.isFinite(fasterLitert(times)));
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: 900, height: 420 });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    title: {
      text: `Time per inference, ${place}, the faster LiteRT.js = 1: below is faster`,
      top: 8,
      left: "center",
      textStyle: { fontSize: 14 },
    },
    // Without a page text cannot be measured: its width is given.
    legend: { top: 36, width: 660, itemGap: 12, textStyle: { width: 120 } },
    grid: { left: 50, right: 20, top: 95, bottom: 30 },
    xAxis: { type: "category", data: shown.map(({ name }) => name.replace(/_.*/, "")) },
    yAxis: { type: "log", min: 0.1, max: 10 },
    series: systemsOf(rows).map((name) => ({
      name,
      type: "bar",
      data: shown.map(({ times }) =>
        times[name] ? Number((times[name][median] / fasterLitert(times)).toFixed(3)) : null,
      ),
    })),
  });
  return chart.renderToSVGString();
}

function body({ processor, parts }) {
  const found = parts.limits && rates(parts.limits);
  const text = [
    `Printed by \`npm run bench\` in test/bench, on ${processor}. Median (best) of 15 blocks of 6 ms, every system in a process
of its own, all by turns, one thread, processor time in Node. *Noise*: how far the quartiles of a fixed kernel lie apart that is
run by turns with them; where it is high, compare the best. Per cent after a layer: its best as a share of what the limits allow.`,
    "### All in all, tier `relaxed` beside the faster build of LiteRT.js, medians, geometric means",
    summaryTable(parts),
  ];
  const part = (name, title, make) => {
    if (parts[name]) text.push(`### ${title}, ${parts[name].place}`, make(parts[name]));
  };
  const oneToken = "One token of 107 million 4-bit weights, µs";
  part("limits", "Limits of the instructions", limitsTable);
  for (const scheme of schemes) part(scheme, `${scheme}, GMAC/s`, (it) => layerTable(it, found));
  part("models", "Models, µs", modelTable);
  part("models in Chromium", "Models, µs", modelTable);
  part("decode", oneToken, modelTable);
  part("decode in Chromium", oneToken, modelTable);
  const foundWithVnni = parts["limits with VNNI"] && rates(parts["limits with VNNI"]);
  part("limits with VNNI", "Limits of the instructions", limitsTable);
  for (const scheme of schemes)
    part(`${scheme} with VNNI`, `${scheme}, GMAC/s`, (it) => layerTable(it, foundWithVnni));
  part("models with VNNI", "Models, µs", modelTable);
  part("decode with VNNI", oneToken, modelTable);
  if (parts.models)
    text.push("![Time per inference of every system, relative to LiteRT.js](performance.svg)");
  return text.join("\n\n");
}

export function writeReport(results) {
  const text = readFileSync(page, "utf8");
  const [before, rest] = text.split(marks[0]);
  const after = rest?.split(marks[1])[1];
  if (after === undefined) throw new Error(`docs/performance.md: expected ${marks.join(" and ")}`);
  writeFileSync(page, `${before}${marks[0]}\n\n${body(results)}\n\n${marks[1]}${after}`);
  if (results.parts.models) writeFileSync(picture, draw(results.parts.models));
}
