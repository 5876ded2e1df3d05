import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Clip, Stage } from "./engine.ts";

/** Posts the clip's features to an example's server. @throws Error unless it hears what the reference hears. */
export async function askServer(url: string, stage: Stage): Promise<string> {
  const post = (body: Uint8Array<ArrayBuffer>): Promise<Response> =>
    fetch(url, { method: "POST", body, signal: AbortSignal.timeout(30_000) });
  const features = new Uint8Array(readFileSync(join(stage.build, "clip.f32")));
  const heard = expectClip(await (await post(features)).json(), stage);
  const refused = await post(features.slice(0, 400));
  const { error } = await refused.json();
  if (refused.status !== 400 || error !== "bad-input")
    throw new Error(`expected 400 bad-input for a short body, found ${refused.status} ${error}`);
  return heard;
}

/** @throws Error unless the label and every logit are the reference's. */
export function expectClip(answer: Clip, { clip }: Stage): string {
  if (answer.heard !== clip.heard || JSON.stringify(answer.logits) !== JSON.stringify(clip.logits))
    throw new Error(`expected ${JSON.stringify(clip)}, found ${JSON.stringify(answer)}`);
  return `hears “${answer.heard}”, every logit as in the reference.`;
}

/** @throws Error unless nine or ten answers came, 12 or 13 blocks apart, each as the model gives for its block. */
export function expectHops({ answers, blocks }: { answers: unknown[]; blocks: unknown[] }): string {
  const known = blocks.map((block) => JSON.stringify(block));
  const found = answers.map((answer) => known.indexOf(JSON.stringify(answer)));
  const even = found.every((at, i) => at >= 0 && (i === 0 || [12, 13].includes(at - found[i - 1])));
  if (found.length < 9 || !even)
    throw new Error(`expected an answer every 12 or 13 blocks of samples, found them at ${found.join(", ")}`);
  return `${answers.length} inferences on the audio thread, each as on the page.`;
}

/** @throws Error unless an error reads as it should. */
export function expectText(text: string, pattern: RegExp): string {
  if (!pattern.test(text)) throw new Error(`expected an error like ${pattern}, found "${text}"`);
  return `ends in “${text.replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, "…")}”`;
}
