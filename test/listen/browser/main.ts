/** The panel in real browsers for as long as one likes; run.mjs beside this folder starts it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { scriptedWords, wavOf } from "../words.ts";
import { type Browser, launchChromium, launchFirefox, missing } from "./browser.ts";
import { type Hearing, hear, openPanel } from "./hear.ts";

/** Serves the example; answers its address and how to end it. */
export async function servePanel(): Promise<{ url: string; close(): void }> {
  const { servePanel: serve } = await import(pathToFileURL("examples/panel/serve.mjs").href);
  const server = await serve();
  return { url: `http://localhost:${server.address().port}/`, close: () => server.close() };
}

function describe({ said, delays, faults, figures, seconds }: Hearing, rate: string): string[] {
  const sorted = [...delays].sort((a, b) => a - b);
  const at = (share: number): string => `${Math.round(sorted[Math.floor(share * (sorted.length - 1))])} ms`;
  const last = figures.at(-1)!;
  return [
    `${rate}: ${seconds} s, ${said} words said, ${delays.length} heard once, ${faults.length} faults`,
    `  from a word's end to its detection on the page: ${at(0)} … median ${at(0.5)} … ${at(1)}`,
    `  ${last.latency} an inference, ${last.load} of a core, ${last.memory} (${new Set(figures.slice(2).map((f) => f.memory)).size} value), ${last.lost} samples lost`,
    ...faults.map((fault) => `  fault: ${fault}`),
  ];
}

export async function main([minutes = "10", only]: string[]): Promise<number> {
  const script = scriptedWords();
  const wav = wavOf(script.samples);
  const folder = mkdtempSync(join(tmpdir(), "words-"));
  const file = join(folder, "words.wav");
  writeFileSync(file, wav);
  const panel = await servePanel();
  let faults = 0;
  const seconds = Math.round(Number(minutes) * 60);
  const run = async (
    name: "chromium" | "firefox",
    launch: () => Promise<Browser>,
    feeds: (number | undefined)[],
  ) => {
    const reason = missing(name);
    if (reason) return console.log(`${name}: not run, ${reason}`);
    const browser = await launch();
    try {
      for (const rate of feeds) {
        await browser.page.grant?.(true);
        await openPanel(browser.page, panel.url);
        const before = await browser.page.heap?.();
        const hearing = await hear(browser.page, script, wav, seconds, rate);
        const after = await browser.page.heap?.();
        const source = rate ? `a MediaStream at ${rate} Hz` : "the fake microphone's file";
        console.log(describe(hearing, `${browser.name} ${browser.version}, ${source}`).join("\n"));
        if (before && after)
          console.log(`  JavaScript heap after a collection: ${before} bytes before, ${after} after`);
        faults += hearing.faults.length;
      }
    } finally {
      await browser.close();
    }
  };
  if (only !== "firefox") await run("chromium", () => launchChromium(file), [undefined, 44100]);
  if (only !== "chromium") await run("firefox", launchFirefox, [44100]);
  panel.close();
  rmSync(folder, { recursive: true });
  return faults > 0 ? 1 : 0;
}
