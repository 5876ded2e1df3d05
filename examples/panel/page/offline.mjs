// Keeps the page for use without a network, and says whether it is.

export async function keepOffline(place) {
  if (!navigator.serviceWorker) {
    place.textContent = "This browser keeps no pages offline; the panel needs its server.";
    return;
  }
  try {
    await navigator.serviceWorker.register("/service-worker.js");
    await navigator.serviceWorker.ready;
    place.textContent = "Kept on this device: works without a network.";
  } catch (error) {
    place.textContent = `Not kept for offline use (${error.message}).`;
  }
}
