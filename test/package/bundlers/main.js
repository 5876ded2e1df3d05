// Bundled by every bundler; runs in Node, workers, pages and Hermes alike.
import { classify, exampleFeatures } from "./classify";

const { logits, ...rest } = classify(exampleFeatures);
const say = globalThis.answer || console.log;
say(JSON.stringify({ ...rest, logits: Array.from(logits) }));
