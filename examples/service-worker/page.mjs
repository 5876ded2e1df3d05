// The page's side: registers the service worker, waits until it is in charge, and asks it.
await navigator.serviceWorker.register("service-worker.js");
if (!navigator.serviceWorker.controller)
  await new Promise((resolve) =>
    navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }),
  );

/** Features of one second (float32, 49 × 40 log mel energies) → { heard, logits }. */
export async function recognise(features) {
  const response = await fetch("recognise", { method: "POST", body: features });
  return response.json();
}
