// What listening costs, in numbers of at most four digits.

const kib = (bytes) =>
  bytes < 1e6 ? `${Math.round(bytes / 1024)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function duration(seconds) {
  const [h, m, s] = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map(Math.floor);
  return h > 0 ? `${h} h ${m} min` : m > 0 ? `${m} min ${s} s` : `${s} s`;
}

export function showFigures($, statistics, tier) {
  const { seconds, inferences, spared, dropped, missed, inferenceTime, load, bytes } = statistics;
  // Browsers with a coarse clock, and the first seconds of others.
  const known = Number.isFinite(load);
  $("latency").textContent = known ? `${inferenceTime.toFixed(inferenceTime < 1 ? 2 : 1)} ms` : "–";
  $("load").textContent = known ? `${(100 * load).toFixed(load < 0.1 ? 2 : 1)} %` : "–";
  $("memory").textContent = kib(bytes);
  $("heap").textContent = performance.memory ? kib(performance.memory.usedJSHeapSize) : "not told";
  $("heard-seconds").textContent = duration(seconds);
  $("lost").textContent = String(dropped + missed);
  $("inferences").textContent = `${inferences} / ${spared}`;
  $("tier").textContent = tier ?? "–";
}
