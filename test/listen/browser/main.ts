/** The panel in real browsers for as long as one likes; run.mjs beside this folder starts it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scriptedWords, wavOf } from "../words.ts";
import { type Browser, launchChromium, launchFirefox, missing } from "./browser.ts";
import { type Hearing, hear, openPanel, type Source, servePanel } from "./hear.ts";

const nameOf = (source: Source): string =>
  source.kind === "stream"
    ? `a MediaStream at ${source.rate} Hz`
    : source.kind === "file"
      ? "the fake microphone's file"
      : "a microphone that hears what is played";

function describe({ said, delays, faults, figures, seconds }: Hearing, rate: string): string[] {
  const sorted = [...delays].sort((a, b) => a.delay - b.delay);
  const at = (share: number): string => {
    const found = sorted[Math.floor(share * (sorted.length - 1))];
    return found ? `${Math.round(found.delay)} ms ("${found.label}")` : "–";
  };
  const last = figures.at(-1)!;
  return [
    `${rate}: ${seconds} s, ${said} words said, ${delays.length} heard once, ${faults.length} faults`,
    `  from a word's end to its detection on the page: ${at(0)} … median ${at(0.5)} … ${at(1)}`,
    `  ${last.latency} an inference, ${last.load} of a core, ${last.memory} (${new Set(figures.slice(2).map((f) => f.memory)).size} value), ${last.lost} samples lost`,
    ...faults.slice(0, 20).map((fault) => `  fault: ${fault}`),
    ...(faults.length > 20 ? [`  and ${faults.length - 20} more`] : []),
  ];
}

/** Over and over, at least `count` samples. */
function repeated(samples: Float32Array, count: number): Float32Array {
  const made = new Float32Array(Math.ceil(count / samples.length) * samples.length);
  for (let at = 0; at < made.length; at += samples.length) made.set(samples, at);
  return made;
}

export async function main([minutes = "10", only, kind]: string[]): Promise<number> {
  const script = scriptedWords();
  const wav = wavOf(script.samples);
  const folder = mkdtempSync(join(tmpdir(), "words-"));
  const file = join(folder, "words.wav");
  const seconds = Math.round(Number(minutes) * 60);
  // A file that ends is begun again with some milliseconds of silence between.
  writeFileSync(file, wavOf(repeated(script.samples, (seconds + 10) * 16000)));
  const panel = await servePanel();
  let faults = 0;
  const run = async (name: "chromium" | "firefox", launch: () => Promise<Browser>, sources: Source[]) => {
    const reason = missing(name);
    if (reason) return console.log(`${name}: not run, ${reason}`);
    const browser = await launch();
    try {
      for (const source of sources.filter((s) => !kind || s.kind === kind)) {
        await browser.page.grant?.(true);
        await openPanel(browser.page, panel.url);
        const before = await browser.page.heap?.();
        const hearing = await hear(browser.page, script, wav, seconds, source);
        const after = await browser.page.heap?.();
        console.log(describe(hearing, `${browser.name} ${browser.version}, ${nameOf(source)}`).join("\n"));
        if (before && after)
          console.log(`  JavaScript heap after a collection: ${before} bytes before, ${after} after`);
        faults += hearing.faults.length;
        if (hearing.said === 0) faults++;
      }
    } finally {
      await browser.close();
    }
  };
  if (only !== "firefox")
    await run("chromium", () => launchChromium(file), [{ kind: "file" }, { kind: "stream", rate: 44100 }]);
  if (only !== "chromium")
    await run("firefox", launchFirefox, [{ kind: "speaker" }, { kind: "stream", rate: 44100 }]);
  panel.close();
  rmSync(folder, { recursive: true });
  return faults > 0 ? 1 : 0;
}
