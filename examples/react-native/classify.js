// What the screen shows, without the screen: no React here, and nothing that Hermes lacks.
import { loadModelSync } from "nibblenet";
import { clip, model as packed } from "./embedded";

const model = loadModelSync(bytesOf(packed), { name: "keyword.nbl" });
const { labels } = model.metadata;

/** Features of one second of audio (49 × 40 log mel energies) → the word, its softmax share, the engine's tier. */
export function classify(features) {
  const { logits } = model.run({ features });
  const best = logits.indexOf(Math.max(...logits));
  const share = 1 / logits.reduce((sum, logit) => sum + Math.exp(logit - logits[best]), 0);
  return { label: labels[best], share, tier: model.tier, logits };
}

export const exampleFeatures = new Float32Array(bytesOf(clip).buffer);

/** atob came to Hermes late. */
function bytesOf(base64) {
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const bytes = new Uint8Array(Math.floor((base64.replace(/=+$/, "").length * 3) / 4));
  for (let i = 0, at = 0, bits = 0; i < base64.length && at < bytes.length; i++) {
    bits = (bits << 6) | digits.indexOf(base64[i]);
    if (i % 4 > 0) bytes[at++] = bits >> (6 - 2 * (i % 4));
  }
  return bytes;
}
