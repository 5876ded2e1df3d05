import pc from "picocolors";
import type { Proportion } from "../quantize/accuracy.ts";
import type { Io } from "./io.ts";

type Colors = ReturnType<typeof pc.createColors>;

/** Prints a result: the text for people, or the value as one line of JSON. */
export function printResult(io: Io, json: boolean, value: unknown, text: (colors: Colors) => string): void {
  const body = json ? JSON.stringify(value) : text(colorsOf(io));
  io.stdout.write(body.endsWith("\n") ? body : `${body}\n`);
}

const colorsOf = ({ stdout, env }: Io): Colors =>
  pc.createColors(stdout.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb");

/** Aligned columns: the first and those named in `left` to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[], left: readonly number[] = [0]): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(...rows.map((row) => row[i]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, i) => (left.includes(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
}

/** "name   value" lines. */
export const fields = (entries: readonly (readonly [string, string] | false | undefined)[]): string[] =>
  table(
    entries.filter((entry) => entry !== false && entry !== undefined),
    [0, 1],
  );

/** 53936 → "52.7 KiB" */
export function byteSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const kib = bytes / 1024;
  return kib < 1024 ? `${digits(kib)} KiB` : `${digits(kib / 1024)} MiB`;
}

/** 2656768 → "2.66 M" */
export function quantity(n: number): string {
  const [value, unit] =
    n >= 1e9 ? [n / 1e9, " G"] : n >= 1e6 ? [n / 1e6, " M"] : n >= 1e3 ? [n / 1e3, " k"] : [n, ""];
  return `${unit ? digits(value) : value}${unit}`;
}

/** Three significant digits, without an exponent. */
export const digits = (n: number): string =>
  n >= 99.95 ? n.toFixed(0) : n >= 9.995 ? n.toFixed(1) : n.toFixed(2);

/** A real value of a tensor. */
export const real = (n: number): string =>
  Number.isInteger(n) && Math.abs(n) < 1e6 ? String(n) : n.toPrecision(4);

export const percent = (share: number, places = 1): string => `${(100 * share).toFixed(places)} %`;

/** "91.2 % (415 of 455; 95 % interval 88.2 – 93.5 %)" */
export const share = ({ correct, total, share, low, high }: Proportion): string =>
  `${percent(share)} (${correct} of ${total}; 95 % interval ${(100 * low).toFixed(1)} – ${percent(high)})`;

export const shapeText = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

/** Converters join the names of fused operators; the ends tell the most. */
export const shortened = (name: string, limit = 48): string =>
  name.length > limit ? `${name.slice(0, limit / 2)}…${name.slice(1 - limit / 2)}` : name;
