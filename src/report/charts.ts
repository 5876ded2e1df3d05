import { escaped } from "./text.ts";

export interface Column {
  title: string;
  /** Null draws nothing: there is no finite value. */
  value: number | null;
}

const round = (n: number): number => Math.round(n * 100) / 100;

/** Ticks at round numbers that cover low…high. */
function ticks(low: number, high: number, wanted: number): number[] {
  const span = high - low || 1;
  const rough = span / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough)!;
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** One column a value, from zero; hovering tells its title. */
export function columnChart(columns: readonly Column[], unit: string): string {
  const [width, height, left, top, bottom] = [720, 200, 44, 8, 8];
  const values = columns.flatMap(({ value }) => (value === null ? [] : [value]));
  const high = Math.max(1, ...values);
  const low = Math.min(0, ...values);
  const y = (value: number) => top + ((high - value) / (high - low)) * (height - top - bottom);
  const pitch = (width - left) / Math.max(1, columns.length);
  const lines = ticks(low, high, 5).map(
    (tick) =>
      `<line class="grid" x1="${left}" x2="${width}" y1="${round(y(tick))}" y2="${round(y(tick))}"/>` +
      `<text x="${left - 6}" y="${round(y(tick) + 4)}" text-anchor="end">${tick}</text>`,
  );
  const bars = columns.map(({ title, value }, i) => {
    if (value === null) return "";
    const [from, to] = [y(Math.max(0, value)), y(Math.min(0, value))];
    const space = Math.min(3, pitch * 0.2);
    return (
      `<rect class="bar" x="${round(left + i * pitch + space / 2)}" y="${round(from)}" ` +
      `width="${round(Math.min(48, pitch - space))}" height="${round(Math.max(0.5, to - from))}">` +
      `<title>${escaped(title)}</title></rect>`
    );
  });
  return svg(width, height, `${unit} of ${columns.length} layers`, [...lines, ...bars]);
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
  const [width, left, right, pitch] = [720, 150, 100, 30];
  const height = rows.length * pitch + 26;
  const least = Math.min(...rows.map(({ low }) => low));
  const low = Math.max(0, Math.floor(least * 20 - 0.2) / 20);
  const x = (value: number) => left + ((value - low) / (1 - low)) * (width - left - right);
  const axis = ticks(100 * low, 100, 5).map(
    (tick) =>
      `<line class="grid" x1="${round(x(tick / 100))}" x2="${round(x(tick / 100))}" y1="0" y2="${height - 20}"/>` +
      `<text x="${round(x(tick / 100))}" y="${height - 4}" text-anchor="middle">${tick} %</text>`,
  );
  const marks = rows.map((row, i) => {
    const y = i * pitch + pitch / 2;
    const mark = row.second ? "mark2" : "mark";
    return (
      `<text x="${left - 12}" y="${y + 4}" text-anchor="end">${escaped(row.label)}</text>` +
      `<line class="${mark}" x1="${round(x(row.low))}" x2="${round(x(row.high))}" y1="${y}" y2="${y}"/>` +
      `<circle class="${mark}" cx="${round(x(row.value))}" cy="${y}" r="4"/>` +
      `<text x="${width}" y="${y + 4}" text-anchor="end">${(100 * row.value).toFixed(2)} %</text>`
    );
  });
  return svg(width, height, "shares with 95 % intervals", [...axis, ...marks]);
}

/** The shape of a histogram, as small as a word; the square root keeps rare bins visible. */
export function sparkline(counts: readonly number[]): string {
  const [width, height] = [96, 22];
  const most = Math.sqrt(Math.max(1, ...counts));
  const pitch = width / counts.length;
  const bars = counts.flatMap((count, i) => {
    if (count === 0) return [];
    const tall = Math.max(1, (Math.sqrt(count) / most) * (height - 1));
    return [
      `<rect class="bar" x="${round(i * pitch)}" y="${round(height - tall)}" width="${round(pitch * 0.9)}" height="${round(tall)}"/>`,
    ];
  });
  const centre = `<line class="grid" x1="${width / 2}" x2="${width / 2}" y1="0" y2="${height}"/>`;
  return svg(width, height, "histogram of errors", [centre, ...bars]);
}

/** A bar of `share` of the full width. */
export const shareBar = (share: number): string =>
  svg(96, 22, "", [
    `<rect class="bar" x="0" y="6" width="${round(96 * Math.min(1, Math.max(0, share)))}" height="10" rx="2"/>`,
  ]);

const svg = (width: number, height: number, label: string, parts: readonly string[]): string =>
  `<svg viewBox="0 0 ${width} ${height}"${label ? ` role="img" aria-label="${escaped(label)}"` : ' aria-hidden="true"'}>${parts.join("")}</svg>`;
