import type { Proportion } from "../quantize/accuracy.ts";

const entities: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text for any place in HTML: names come from model files. */
export const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => entities[sign]!);

export const section = (title: string, body: string): string =>
  `<section>\n<h2>${title}</h2>\n${body}\n</section>`;

export const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** Its 95 % interval. */
export const interval = ({ low, high }: Proportion): string =>
  `${(100 * low).toFixed(1)} – ${(100 * high).toFixed(1)} %`;

export const decibels = (sqnr: number | null): string => (sqnr === null ? "exact" : sqnr.toFixed(1));

/** 53936 → "52.7 KiB" */
export function byteSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const kib = bytes / 1024;
  return kib < 1024 ? `${kib.toFixed(1)} KiB` : `${(kib / 1024).toFixed(2)} MiB`;
}

/** Cells of a table; numbers stand to the right, and `wide` columns give way on narrow screens. */
export interface Cell {
  html: string;
  number?: boolean;
  wide?: boolean;
  name?: boolean;
  /** Several words, which may break. */
  words?: boolean;
  title?: string;
}

export const text = (value: string): Cell => ({ html: escaped(value) });
export const number = (value: string): Cell => ({ html: escaped(value), number: true });
export const name = (value: string): Cell => ({ html: escaped(value), name: true, title: value });
export const words = (value: string): Cell => ({ html: escaped(value), words: true });
export const wide = (cell: Cell): Cell => ({ ...cell, wide: true });

export function table(head: readonly Cell[], rows: readonly (readonly Cell[])[]): string {
  const cell = (tag: string) => (c: Cell) => {
    const classes = [c.number && "n", c.wide && "wide", c.name && "name", c.words && "words"]
      .filter(Boolean)
      .join(" ");
    const title = c.title === undefined ? "" : ` title="${escaped(c.title)}"`;
    return `<${tag}${classes ? ` class="${classes}"` : ""}${title}>${c.html}</${tag}>`;
  };
  const line = (tag: string) => (cells: readonly Cell[]) => `<tr>${cells.map(cell(tag)).join("")}</tr>`;
  return `<div class="scroll"><table><thead>${line("th")(head)}</thead><tbody>${rows.map(line("td")).join("\n")}</tbody></table></div>`;
}
