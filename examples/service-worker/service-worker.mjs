// A service worker that answers POST recognise by itself, offline too: the model is cached when it is installed.
// Bundle it as a classic script: esbuild service-worker.mjs --bundle --format=iife --outfile=service-worker.js
import { loadModel, NibbleError } from "nibblenet";

const cacheName = "keyword-1";
const file = "keyword.nbl";

/** A service worker may be stopped at any time; the model is loaded again from the cache when it is next needed. */
let loading;
const loaded = () => {
  loading ??= caches
    .open(cacheName)
    .then((cache) => cache.match(file))
    .then((response) => loadModel(response ?? file));
  return loading;
};

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(cacheName).then((cache) => cache.add(file)));
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  if (event.request.url.endsWith("/recognise")) event.respondWith(recognise(event.request));
});

async function recognise(request) {
  const body = await request.arrayBuffer();
  const model = await loaded();
  try {
    const { logits } = model.run({ features: new Float32Array(body, 0, body.byteLength >> 2) });
    const heard = model.metadata.labels[logits.indexOf(Math.max(...logits))];
    return Response.json({ heard, logits: [...logits] });
  } catch (error) {
    if (!(error instanceof NibbleError)) throw error;
    return Response.json({ error: error.code, message: error.message }, { status: 400 });
  }
}
