// As main.js, but fetches the model: a bundler has to see it as an asset. Runs unbundled too, under the package's path.
import { loadModel } from "nibblenet";

const clip = await fetch(new URL("./clip.f32", import.meta.url));
const features = new Float32Array(await clip.arrayBuffer());
const model = await loadModel(new URL("./keyword.nbl", import.meta.url));
const { logits } = model.run({ features });
globalThis.answer(JSON.stringify({ tier: model.tier, logits: Array.from(logits) }));
