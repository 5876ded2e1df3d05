// A Cloudflare Worker that names the word in one second of audio: POST its features (float32, 49 × 40 log mel energies).
// The model is a data module (wrangler.toml says so); the package's entry for Workers brings the engine as modules,
// since compiling WebAssembly from bytes is refused there.
import { loadModelSync, NibbleError } from "nibblenet";
import bytes from "./keyword.nbl";

const model = loadModelSync(bytes, { name: "keyword.nbl" });
const { labels } = model.metadata;

export default {
  async fetch(request) {
    if (request.method !== "POST") return new Response("POST the features as float32\n", { status: 405 });
    const body = await request.arrayBuffer();
    try {
      const { logits } = model.run({ features: new Float32Array(body, 0, body.byteLength >> 2) });
      return Response.json({ heard: labels[logits.indexOf(Math.max(...logits))], logits: [...logits] });
    } catch (error) {
      if (!(error instanceof NibbleError)) throw error;
      return Response.json({ error: error.code, message: error.message }, { status: 400 });
    }
  },
};
