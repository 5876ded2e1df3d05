/** Charts as SVG text. Colours are the page's own variables, so that a chart follows its colour scheme. */

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { escaped } from "./text.ts";

const { document } = parseHTML("<!doctype html><html><head></head><body></body></html>");

/** Widths in pixels: text keeps its size on a phone, so charts are drawn for it once more. */
const widths = { desk: 1034, phone: 330 } as const;

export interface Frame {
  /** Pixels: of a desk's screen, or a phone's. */
  width: number;
  isPhone: boolean;
}

/** A chart for either width; the page's style shows the one that fits. */
export function figure(label: string, options: (frame: Frame) => Plot.PlotOptions): string {
  return Object.entries(widths)
    .map(([name, width]) => {
      const frame = { width, isPhone: name === "phone" };
      return `<div class="${name}">${svg(label, { width, ...options(frame) })}</div>`;
    })
    .join("");
}

/** @param label what a reader who can't see it is told; "" for what the text says already */
export function svg(label: string, options: Plot.PlotOptions): string {
  const drawn = Plot.plot({ ...options, document } as Plot.PlotOptions) as unknown as Element;
  // The page's own style covers what this one says.
  for (const style of drawn.querySelectorAll("style")) style.remove();
  drawn.removeAttribute("class");
  drawn.removeAttribute("font-size");
  drawn.removeAttribute("font-family");
  // Attributes need no more than hundredths of a pixel.
  const text = drawn.outerHTML.replace(/="[^"]*"/g, (value) =>
    value.replace(/-?\d+\.\d{3,}/g, (number) => String(Math.round(Number(number) * 100) / 100)),
  );
  const role = label ? `role="img" aria-label="${escaped(label)}"` : 'aria-hidden="true"';
  return text.replace("<svg", `<svg ${role}`);
}
