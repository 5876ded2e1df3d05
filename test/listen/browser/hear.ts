/** The panel in a browser, with a microphone that says the scripted words over and over. */
import { pathToFileURL } from "node:url";
import type { Script } from "../words.ts";
import type { Page } from "./browser.ts";

export interface Hearing {
  seconds: number;
  /** Times that all of a word was said while the panel listened. */
  said: number;
  /** Said and heard once near its end; milliseconds from the end of each to when the page shows it. */
  delays: { label: string; delay: number }[];
  /** Said, and not heard or heard twice; heard, and not said. */
  faults: string[];
  /** What the page shows, second for second. */
  figures: Figures[];
}

interface Figures {
  lost: string;
  load: string;
  memory: string;
  inferences: string;
  latency: string;
  state: string;
}

/** Keeps every detection with the time at which the page showed it, and every second's figures. */
const watch = `(() => {
  const seen = (globalThis.seen = { detections: [], figures: [], opened: 0, now: () => performance.now() });
  const text = (id) => document.getElementById(id).textContent;
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes)
      for (const item of addedNodes) seen.detections.push({ label: item.firstChild.textContent, at: seen.now() });
  }).observe(document.getElementById("list"), { childList: true });
  setInterval(() => {
    const ids = ["lost", "load", "memory", "inferences", "latency", "state"];
    seen.figures.push(Object.fromEntries(ids.map((id) => [id, text(id)])));
  }, 1000);
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (constraints) => {
    const stream = await ask(constraints);
    seen.opened = seen.now();
    return stream;
  };
})()`;

/** Where the words come from. */
export type Source =
  /** The browser's fake microphone, which has the recording from its start. */
  | { kind: "file" }
  /** The page's own microphone: a MediaStream out of an audio context of this rate. */
  | { kind: "stream"; rate: number }
  /** The page plays the recording, and the microphone hears what is played. */
  | { kind: "speaker" };

/** The recording, over and over, from when the microphone is asked for; \`opened\` is when its first sample is due. */
const play = (wav: string, source: Exclude<Source, { kind: "file" }>): string => `(async () => {
  const context = new AudioContext(${source.kind === "stream" ? `{ sampleRate: ${source.rate} }` : ""});
  const bytes = Uint8Array.from(atob("${wav}"), (c) => c.charCodeAt(0));
  const buffer = await context.decodeAudioData(bytes.buffer);
  const isStream = ${source.kind === "stream"};
  const target = isStream ? new MediaStreamAudioDestinationNode(context) : context.destination;
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (constraints) => {
    const stream = isStream ? target.stream : await ask(constraints);
    const player = new AudioBufferSourceNode(context, { buffer, loop: true });
    player.connect(target);
    await context.resume();
    const start = context.currentTime + 0.5;
    player.start(start);
    // By the clock of what plays: where that stumbles, the words are said later.
    seen.now = () => 1000 * context.currentTime;
    seen.opened = 1000 * start;
    return stream;
  };
})()`;

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Serves the example; answers its address and how to end it. */
export async function servePanel(): Promise<{ url: string; close(): void }> {
  const { servePanel: serve } = await import(pathToFileURL("examples/panel/serve.mjs").href);
  const server = await serve();
  return {
    url: `http://localhost:${server.address().port}/`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The page is there, its models loaded. */
export async function openPanel(page: Page, url: string): Promise<void> {
  await page.goto(url);
  for (let tries = 0; ; tries++) {
    const isReady = await page
      .evaluate<boolean>(`document.getElementById("model")?.options.length > 0`)
      .catch(() => false);
    if (isReady) return;
    if (tries > 100) throw new Error("the panel did not load");
    await pause(200);
  }
}

/** Listens for `seconds`. */
export async function hear(
  page: Page,
  script: Script,
  wav: Uint8Array,
  seconds: number,
  source: Source,
): Promise<Hearing> {
  await page.evaluate(watch);
  if (source.kind !== "file") await page.evaluate(play(Buffer.from(wav).toString("base64"), source));
  await page.evaluate(`document.getElementById("listen").click()`);
  // In short waits: a driver may give up on long ones.
  for (const end = Date.now() + seconds * 1000; Date.now() < end; )
    await pause(Math.min(5000, end - Date.now()));
  const { figures, ...heard } = await page.evaluate<Heard & { figures: Figures[] }>(
    `({ ...seen, now: seen.now() })`,
  );
  await page.evaluate(`document.getElementById("listen").click()`);
  return { seconds, figures, ...compare(script, heard) };
}

interface Heard {
  detections: { label: string; at: number }[];
  opened: number;
  now: number;
}

/** A word counts where it was said as a whole after the listener had warmed up, and not in the last second. */
function compare(
  { samples, words }: Script,
  { detections, opened, now }: Heard,
): Pick<Hearing, "said" | "delays" | "faults"> {
  const period = samples.length / 16;
  const delays: Hearing["delays"] = [];
  const faults: string[] = [];
  const left = new Set(detections);
  let said = 0;
  for (let round = 0; opened + round * period < now; round++)
    for (const { label, end } of words) {
      const over = opened + round * period + end * 1000;
      const near = [...left].filter((d) => d.label === label && Math.abs(d.at - over) < 700);
      for (const found of near) left.delete(found);
      if (over - opened < 2500 || over > now - 1000) continue;
      said++;
      if (near.length === 1) delays.push({ label, delay: near[0].at - over });
      else faults.push(`"${label}" at ${((over - opened) / 1000).toFixed(1)} s: heard ${near.length} times`);
    }
  for (const { label, at } of left)
    faults.push(`"${label}" heard at ${((at - opened) / 1000).toFixed(1)} s, when it was not said`);
  return { said, delays, faults };
}
