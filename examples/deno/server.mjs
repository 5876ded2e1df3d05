// A Deno server that names the word in one second of audio: POST its features (float32, 49 × 40 log mel energies).
//   deno run --allow-read --allow-net server.mjs keyword.nbl [port]
import { loadModel, NibbleError } from "nibblenet";

const [file, port = "8000"] = Deno.args;
const model = await loadModel(await Deno.readFile(file), { name: file });
const { labels } = model.metadata;

Deno.serve({ hostname: "127.0.0.1", port: Number(port) }, async (request) => {
  if (request.method !== "POST") return new Response("POST the features as float32\n", { status: 405 });
  const body = await request.arrayBuffer();
  try {
    const { logits } = model.run({ features: new Float32Array(body, 0, body.byteLength >> 2) });
    return Response.json({ heard: labels[logits.indexOf(Math.max(...logits))], logits: [...logits] });
  } catch (error) {
    if (!(error instanceof NibbleError)) throw error;
    return Response.json({ error: error.code, message: error.message }, { status: 400 });
  }
});
