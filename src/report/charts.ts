import * as Plot from "@observablehq/plot";
import { type Frame, figure, svg } from "./plot.ts";

export interface Column {
  title: string;
  /** Null draws nothing: there is no finite value. */
  value: number | null;
  /** Before quantization, for comparison. */
  before?: number | null;
}

/** One column a layer, from zero; hovering tells its title. Columns of one page stand in line. */
export function columnChart(columns: readonly Column[], unit: string): string {
  const data = columns.map((column, i) => ({ ...column, x: i + 1 }));
  const height = { height: 132, marginTop: 18, marginBottom: 16 };
  return figure(`${unit}, ${columns.length} layers in execution order`, ({ isPhone }) => ({
    ...height,
    marginLeft: 44,
    marginRight: 4,
    x: {
      type: "band",
      domain: data.map(({ x }) => x),
      padding: columns.length > 60 ? 0.1 : 0.25,
      axis: null,
    },
    y: { label: unit, ticks: 4, nice: true, zero: true, grid: true },
    marks: [
      Plot.axisX({ ticks: everySo(columns.length, isPhone ? 6 : 20), tickSize: 0, label: null }),
      Plot.ruleY([0], { stroke: "var(--line)" }),
      Plot.barY(drawn(data, "before"), { x: "x", y: "before", fill: "var(--faint)" }),
      Plot.barY(drawn(data, "value"), { x: "x", y: "value", fill: "var(--accent)", title: "title" }),
    ],
  }));
}

const drawn = <T, K extends keyof T>(rows: readonly T[], field: K): T[] =>
  rows.filter((row) => typeof row[field] === "number");

/** About `wanted` of the numbers from 1 to `count`. */
function everySo(count: number, wanted: number): number[] {
  const step = Math.max(1, Math.ceil(count / wanted));
  return Array.from({ length: Math.ceil(count / step) }, (_, i) => 1 + i * step);
}

export interface Interval {
  label: string;
  value: number;
  low: number;
  high: number;
  second?: boolean;
}

/** Shares with their intervals, one a row, on a common axis that covers them all. */
export function intervalChart(rows: readonly Interval[]): string {
  const least = Math.min(...rows.map(({ low }) => low));
  const low = Math.max(0, Math.floor(least * 20 - 0.2) * 5);
  const data = rows.map((row, i) => ({
    ...row,
    value: 100 * row.value,
    low: 100 * row.low,
    high: 100 * row.high,
    colour: row.second ? "var(--second)" : "var(--accent)",
    row: i,
  }));
  return figure("shares with 95 % intervals", ({ isPhone }) => ({
    height: rows.length * 28 + 40,
    marginLeft: isPhone ? 92 : 150,
    marginRight: 66,
    marginTop: 4,
    x: { domain: [low, 100], label: "%", ticks: isPhone ? 3 : 8, grid: true },
    y: {
      type: "band",
      domain: data.map(({ row }) => row),
      label: null,
      tickFormat: (i: number) => rows[i]!.label,
      tickSize: 0,
    },
    marks: [
      Plot.ruleY(data, { y: "row", x1: "low", x2: "high", stroke: "colour", strokeWidth: 2 }),
      Plot.dot(data, { y: "row", x: "value", fill: "colour", r: 4 }),
      Plot.text(data, {
        y: "row",
        frameAnchor: "right",
        dx: 62,
        text: ({ value }: { value: number }) => `${value.toFixed(2)} %`,
        textAnchor: "end",
        fill: "currentColor",
      }),
    ],
  }));
}

/** The shape of a histogram, as small as a word; the square root keeps rare bins visible. */
export function sparkline(counts: readonly number[]): string {
  const data = counts.flatMap((count, i) => [
    { x: i, y: Math.sqrt(count) },
    { x: i + 0.999, y: Math.sqrt(count) },
  ]);
  return svg("", {
    width: 96,
    height: 22,
    margin: 0,
    axis: null,
    x: { domain: [0, counts.length] },
    y: { domain: [0, Math.sqrt(Math.max(1, ...counts))] },
    marks: [
      Plot.ruleX([counts.length / 2], { stroke: "var(--line)" }),
      Plot.areaY(data, { x: "x", y: "y", fill: "var(--accent)" }),
    ],
  });
}

export interface Mark {
  x: number;
  y: number;
  title: string;
  chosen: boolean;
}

export interface FrontOptions {
  x: string;
  y: string;
  /** An error, on a logarithmic axis; else the higher, the better. */
  isError?: boolean;
  /** The least that x must keep to, and y; a rule shows it. */
  xBound?: number | undefined;
  yBound?: number | undefined;
}

/** Every model that a search made as a dot; a line through those that no other beats in what the chart shows. */
export function frontChart(marks: readonly Mark[], options: FrontOptions): string {
  const isBetter = (a: number, b: number): boolean => (options.isError ? a < b : a > b);
  const front: Mark[] = [];
  for (const mark of [...marks].sort((a, b) => a.x - b.x || (isBetter(a.y, b.y) ? -1 : 1)))
    if (front.length === 0 || isBetter(mark.y, front.at(-1)!.y)) front.push(mark);
  const chosen = marks.filter((mark) => mark.chosen);
  const rules = { stroke: "var(--second)", strokeDasharray: "4 3" };
  return figure(`${options.y} by ${options.x}, ${marks.length} models`, ({ isPhone }: Frame) => ({
    height: isPhone ? 260 : 320,
    marginLeft: 56,
    marginRight: 16,
    marginBottom: 36,
    x: {
      label: options.x,
      grid: true,
      type: "log",
      ticks: isPhone ? 4 : 8,
      tickFormat: plainNumber,
    },
    y: options.isError
      ? {
          label: options.y,
          grid: true,
          type: "log",
          ticks: 5,
          tickFormat: plainNumber,
        }
      : { label: options.y, grid: true, nice: true, ticks: 6 },
    marks: [
      options.xBound === undefined ? null : Plot.ruleX([options.xBound], rules),
      options.yBound === undefined ? null : Plot.ruleY([options.yBound], rules),
      Plot.line(front, { x: "x", y: "y", stroke: "var(--accent)", strokeOpacity: 0.6 }),
      Plot.dot(
        marks.filter((mark) => !front.includes(mark)),
        { x: "x", y: "y", r: 3.5, fill: "var(--faint)", title: "title" },
      ),
      Plot.dot(front, { x: "x", y: "y", r: 4, fill: "var(--accent)", title: "title" }),
      Plot.dot(chosen, { x: "x", y: "y", r: 8, stroke: "var(--second)", strokeWidth: 2, title: "title" }),
    ],
  }));
}

const plainNumber = (value: number): string => String(Number(value.toPrecision(2)));

export interface Cell {
  layer: string;
  candidate: string;
  /** Null where the layer can't have it; 0 is exact. */
  error: number | null;
  chosen: boolean;
  title: string;
}

/** Layers down, candidates across; the darker, the more the outputs suffer. */
export function sensitivityMap(cells: readonly Cell[]): string {
  const layers = [...new Set(cells.map(({ layer }) => layer))];
  const candidates = [...new Set(cells.map(({ candidate }) => candidate))];
  const logs = cells.flatMap(({ error }) => (error ? [Math.log10(error)] : []));
  const [low, high] = [Math.min(...logs), Math.max(...logs)];
  const shadeOf = (error: number | null): number =>
    error ? 0.08 + (0.92 * (Math.log10(error) - low)) / (high - low || 1) : 0;
  const known = cells
    .filter(({ error }) => error !== null)
    .map((cell) => ({ ...cell, shade: shadeOf(cell.error) }));
  const chosen = cells.filter((cell) => cell.chosen);
  return figure("errors of layers by scheme", ({ isPhone }) => ({
    height: layers.length * 20 + (isPhone ? 120 : 96),
    marginLeft: isPhone ? 110 : 260,
    marginTop: isPhone ? 116 : 92,
    marginRight: isPhone ? 64 : 30,
    marginBottom: 4,
    x: {
      domain: candidates,
      axis: "top",
      label: null,
      tickRotate: -38,
      tickSize: 0,
      padding: 0.08,
      tickFormat: (name: string) => name.replace("/prune=", " pruned ").replace("/pruneBlock=", " "),
    },
    y: {
      domain: layers,
      label: null,
      tickSize: 0,
      padding: 0.12,
      tickFormat: (name: string) => ending(name, isPhone ? 15 : 38),
    },
    marks: [
      Plot.cell(known, { x: "candidate", y: "layer", fill: "var(--line)", fillOpacity: 0.35 }),
      Plot.cell(known, {
        x: "candidate",
        y: "layer",
        fill: "var(--accent)",
        fillOpacity: "shade",
        title: "title",
      }),
      Plot.dot(chosen, { x: "candidate", y: "layer", r: 4, fill: "var(--second)", stroke: "var(--paper)" }),
    ],
    opacity: { type: "identity" },
  }));
}

/** Ends tell more of an operator's name than beginnings. */
const ending = (name: string, length: number): string =>
  name.length > length ? `…${name.slice(1 - length)}` : name;

export interface Shifted {
  shift: string;
  float?: number;
  quantized: number;
}

/** Shares on shifted inputs, float beside quantized where there are labels. */
export function shiftChart(rows: readonly Shifted[], what: string): string {
  const data = rows.flatMap(({ shift, float, quantized }) => [
    ...(float === undefined
      ? []
      : [
          {
            shift,
            share: 100 * float,
            colour: "var(--second)",
            title: `float ${(100 * float).toFixed(1)} %`,
          },
        ]),
    {
      shift,
      share: 100 * quantized,
      colour: "var(--accent)",
      title: `quantized ${(100 * quantized).toFixed(1)} %`,
    },
  ]);
  return figure(`${what} on shifted inputs`, ({ isPhone }) => ({
    height: isPhone ? 240 : 200,
    marginLeft: 44,
    marginBottom: isPhone ? 84 : 28,
    x: {
      type: "point",
      domain: rows.map(({ shift }) => shift),
      label: null,
      tickRotate: isPhone ? -45 : 0,
      tickSize: 0,
    },
    y: { label: `${what}, %`, grid: true, nice: true, ticks: 5 },
    marks: [Plot.dot(data, { x: "shift", y: "share", fill: "colour", r: 5, title: "title" })],
  }));
}
