// A detection error tradeoff as SVG: misses against false accepts per hour, both on scales that people expect.

const [width, height, left, right, top, bottom] = [720, 420, 64, 20, 46, 56];
const colours = ["#1f5fbf", "#c2571a", "#5b2a86", "#2a7d4f"];
const round = (n) => Math.round(n * 10) / 10;

/**
 * @param {{ name: string, points: { x: number, y: number }[] }[]} lines x: accepts an hour, y: misses in %
 * @param {{ floor: number, hours: number, words: number }} about floor: one accept in all the audio, the least that can be told
 */
export function curve(lines, { floor, hours, words }) {
  // Without any accept in so little sound there is nothing to tell; of one rate, the threshold that misses least counts.
  const kept = lines.map(({ name, points }) => {
    const least = new Map();
    for (const { x, y } of points) if (x >= floor * 0.999) least.set(x, Math.min(y, least.get(x) ?? 100));
    return { name, points: [...least].map(([x, y]) => ({ x, y })) };
  });
  const low = 10 ** Math.floor(Math.log10(floor));
  const high = 100;
  const most = Math.min(
    100,
    10 * Math.ceil(Math.max(20, ...kept.flatMap(({ points }) => points.map(({ y }) => y))) / 10),
  );
  const x = (value) => {
    const share = Math.log10(Math.max(low, Math.min(high, value)) / low) / Math.log10(high / low);
    return left + share * (width - left - right);
  };
  const y = (value) => top + (1 - Math.min(most, value) / most) * (height - top - bottom);
  const text = (at, from, words, anchor = "middle", extra = "") =>
    `<text x="${round(at)}" y="${round(from)}" text-anchor="${anchor}"${extra}>${words}</text>`;
  const rule = (x1, y1, x2, y2) =>
    `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="#ddd"/>`;
  const decades = [];
  for (let tick = low; tick <= high * 1.001; tick *= 10) decades.push(Number(tick.toPrecision(3)));
  const steps = Array.from({ length: 6 }, (_, i) => (i * most) / 5);
  const axes = [
    ...decades.map(
      (tick) => rule(x(tick), top, x(tick), height - bottom) + text(x(tick), height - bottom + 18, tick),
    ),
    ...steps.map(
      (tick) => rule(left, y(tick), width - right, y(tick)) + text(left - 8, y(tick) + 4, `${tick} %`, "end"),
    ),
    text(
      (left + width - right) / 2,
      height - 12,
      `false accepts an hour, in ${hours.toFixed(1)} hours of other sound`,
    ),
    text(
      0,
      0,
      `missed of ${words} words`,
      "middle",
      ` transform="translate(14 ${(height - bottom + top) / 2}) rotate(-90)"`,
    ),
  ];
  const drawn = kept.map(({ name, points }, i) => {
    const colour = colours[i % colours.length];
    const path = points.map((p, n) => `${n ? "L" : "M"}${round(x(p.x))} ${round(y(p.y))}`).join("");
    const at = left + 8 + i * 210;
    return (
      `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2" stroke-linejoin="round"/>` +
      `<rect x="${at}" y="16" width="18" height="4" fill="${colour}"/>${text(at + 26, 22, name, "start")}`
    );
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13" role="img">` +
    `<title>Misses against false accepts per hour</title><rect width="100%" height="100%" fill="#fff"/>${axes.join("")}${drawn.join("")}</svg>\n`
  );
}
