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
  /** Milliseconds by which the fake microphone's sound was behind the clock at its latest. */
  drift: number;
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

/** From a millisecond of the recording on, how many milliseconds later than due the microphone's sound was captured. */
interface Lateness {
  from: number;
  late: number;
}

/**
 * Keeps every detection with the time at which the page showed it, every second's figures, and how late the microphone is: a fake
 * one stumbles where the machine is busy, and its recording goes on from there.
 */
const watch = `(() => {
  const seen = (globalThis.seen = { detections: [], figures: [], lateness: [], opened: 0, now: () => performance.now() });
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
    if (globalThis.MediaStreamTrackProcessor) void follow(stream.getAudioTracks()[0].clone());
    return stream;
  };
  // A minute of its sounds is kept: those that are not taken in time would be lost.
  async function follow(track) {
    const sounds = new MediaStreamTrackProcessor({ track, maxBufferSize: 6000 }).readable.getReader();
    let first, from = 0, last = 0;
    for (let sound; (sound = (await sounds.read()).value); sound.close()) {
      first ??= sound.timestamp;
      const late = (sound.timestamp - first) / 1000 - from;
      if (Math.abs(late - last) > 5) seen.lateness.push({ from, late: (last = late) });
      from += (1000 * sound.numberOfFrames) / sound.sampleRate;
    }
  }
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
  // What plays a stream tells the time itself.
  if (source.kind !== "file") heard.lateness = [];
  return { seconds, figures, ...compare(script, heard) };
}

interface Heard {
  detections: { label: string; at: number }[];
  lateness: Lateness[];
  opened: number;
  now: number;
}

/** A word counts where it was said as a whole after the listener had warmed up, and not in the last second. */
function compare(
  { samples, words }: Script,
  { detections, lateness, opened, now }: Heard,
): Pick<Hearing, "said" | "delays" | "faults" | "drift"> {
  const period = samples.length / 16;
  const delays: Hearing["delays"] = [];
  const faults: string[] = [];
  const left = new Set(detections);
  let said = 0;
  for (let round = 0; opened + round * period < now; round++)
    for (const { label, end } of words) {
      const due = round * period + end * 1000;
      const late = [...lateness].reverse().find(({ from }) => from <= due)?.late ?? 0;
      const over = opened + due + late;
      const near = [...left].filter((d) => d.label === label && Math.abs(d.at - over) < 700);
      for (const found of near) left.delete(found);
      if (over - opened < 2500 || over > now - 1000) continue;
      said++;
      if (near.length === 1) delays.push({ label, delay: near[0].at - over });
      else faults.push(`"${label}" at ${((over - opened) / 1000).toFixed(1)} s: heard ${near.length} times`);
    }
  for (const { label, at } of left)
    faults.push(`"${label}" heard at ${((at - opened) / 1000).toFixed(1)} s, when it was not said`);
  return { said, delays, faults, drift: Math.max(0, ...lateness.map(({ late }) => late)) };
}
