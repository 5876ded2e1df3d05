// Misses and false accepts per hour of the wake word, at every threshold: figures, and a curve in det.svg.
//
//   node examples/wake-word/measure.mjs [DATA] [--benchmark FOLDER] [--text FILE] [--hours 1] [--float]
//
// DATA: the folder of the test data (default: ../shared/data beside the repository). FOLDER: a clone of
// github.com/Picovoice/wake-word-benchmark, for more people and more speech. FILE: a text to read aloud.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadModelSync } from "nibblenet";
import { createListener } from "nibblenet/listen";
import { defaultData, pinkNoise, readAloud, recordings, sentencesOf, words } from "./audio.mjs";
import { curve } from "./curve.mjs";
import { packWakeWord } from "./pack.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    benchmark: { type: "string" },
    text: { type: "string" },
    hours: { type: "string", default: "1" },
    float: { type: "boolean", default: false },
    svg: { type: "string", default: fileURLToPath(new URL("det.svg", import.meta.url)) },
  },
});
const data = positionals[0] ?? defaultData();
const rate = 16000;
const absent = [];

const bytes = packWakeWord({ isFloat: options.float });
const model = loadModelSync(bytes, { name: "wake-word.nbl" });
const { cooldown } = model.metadata.listen;
let scores = [];
const listener = createListener(model, { onScore: ({ averages }) => scores.push(averages[0]) });

/** The averaged score of every inference. */
function listenTo(pieces) {
  listener.reset();
  scores = [];
  for (const samples of pieces) listener.push(samples);
  return { scores, ...listener.statistics() };
}

/** Detections that the listener would report at this threshold. */
function detections(heard, threshold) {
  const pause = (cooldown / 1000) * (rate / model.metadata.listen.hop);
  let count = 0;
  let quietUntil = 0;
  let armed = true;
  for (const [i, score] of heard.entries()) {
    if (score < threshold) armed = true;
    else if (armed && i >= quietUntil) {
      count++;
      armed = false;
      quietUntil = i + pause;
    }
  }
  return count;
}

const rms = (x) => Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / x.length);

/** The best score that each word gets, in a room with noise so many decibels below it. */
function bestScores(clips, decibels) {
  return clips.map(({ samples }, i) => {
    const [before, after] = [1.5 * rate, 0.7 * rate];
    const level = Number.isFinite(decibels) ? loudest(samples) * 10 ** (-decibels / 20) : 3e-4;
    const room = pinkNoise(before + samples.length + after, i + 1).map((x) => x * level);
    for (const [n, x] of samples.entries()) room[before + n] += x;
    return listenTo([room]).scores.reduce((a, b) => Math.max(a, b), 0);
  });
}

/** Level of the loudest fifth of a second: a clip is mostly silence. */
function loudest(samples) {
  let most = 1e-4;
  for (let at = 0; at < samples.length; at += rate / 10)
    most = Math.max(most, rms(samples.subarray(at, at + rate / 5)));
  return most;
}

// The words.
const clips = words(data, options.benchmark);
if (!options.benchmark) absent.push("--benchmark: 220 more words of held-out people, two hours of speech");
if (clips.length === 0) {
  console.error(`${data}: holds no audio/wakewords/computer; without words nothing can be measured`);
  process.exit(1);
}
const conditions = [
  { name: "as recorded", best: bestScores(clips, Number.POSITIVE_INFINITY) },
  { name: "in noise, 10 dB below", best: bestScores(clips, 10) },
];

// Hours of anything else.
const others = [];
for (const { name, count, clips: pieces } of recordings(data, options.benchmark)) {
  const heard = count > 0 ? listenTo(pieces()) : undefined;
  if (heard?.seconds > 0) others.push({ name, isSynthetic: name.includes("synthetic"), ...heard });
  else absent.push(`${name}: ${count > 0 ? "sox is not installed" : "no files"}`);
}
const text = options.text && existsSync(options.text) ? readFileSync(options.text, "utf8") : undefined;
if (text) {
  const heard = listenTo(readAloud(sentencesOf(text), Number(options.hours) * 3600));
  if (heard.seconds > 0) others.push({ name: "a text read aloud (synthetic)", isSynthetic: true, ...heard });
  else absent.push("a text read aloud: espeak-ng or flite is not installed");
} else absent.push("--text: nothing is read aloud");

const hoursOf = (of) => of.reduce((sum, { seconds }) => sum + seconds, 0) / 3600;
const hours = hoursOf(others);
const acceptsOf = (of, threshold) => of.reduce((sum, { scores: s }) => sum + detections(s, threshold), 0);
const missesOf = (best, threshold) => best.filter((score) => score < threshold).length;

// The thresholds that matter: those at which one more word is missed, and an even grid of logits.
const thresholds = [
  ...new Set([
    ...Array.from({ length: 121 }, (_, i) => 1 / (1 + Math.exp(3 - i / 8))),
    ...conditions.flatMap(({ best }) => best),
  ]),
].sort((a, b) => a - b);
const points = thresholds.map((threshold) => ({
  threshold,
  accepts: acceptsOf(others, threshold),
  misses: conditions.map(({ best }) => missesOf(best, threshold)),
}));

// What the listener itself does at the file's threshold has to be what was counted here.
const counted = acceptsOf(others, model.metadata.listen.threshold);
const reported = others.reduce((sum, { detections: n }) => sum + n, 0);
if (counted !== reported) throw new Error(`counted ${counted} detections, the listener reported ${reported}`);

const percent = (count) => `${((100 * count) / clips.length).toFixed(1)} %`;
const show = (rows) => {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => String(row[i]).length)));
  for (const row of rows)
    console.log(
      row
        .map((cell, i) => (i ? String(cell).padStart(widths[i]) : String(cell).padEnd(widths[0])))
        .join("  "),
    );
};
console.log(`wake-word.nbl${options.float ? " (float32)" : ""}: ${bytes.length} bytes, tier ${model.tier}`);
console.log(`${clips.length} words by held-out people; ${hours.toFixed(2)} hours of other sound\n`);
const chosen = model.metadata.listen.threshold;
show([
  ["other sound", "minutes", `accepts at ${chosen}`, "best score"],
  ...others.map(({ name, seconds, scores: s }) => [
    name,
    (seconds / 60).toFixed(1),
    detections(s, chosen),
    s.reduce((a, b) => Math.max(a, b), 0).toFixed(4),
  ]),
]);
console.log();
const marks = [0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995];
show([
  ["threshold", "accepts an hour", "of people", ...conditions.map(({ name }) => `missed ${name}`)],
  ...marks.map((threshold) => {
    const people = others.filter(({ isSynthetic }) => !isSynthetic);
    return [
      threshold,
      (acceptsOf(others, threshold) / hours).toFixed(2),
      (acceptsOf(people, threshold) / hoursOf(people)).toFixed(2),
      ...conditions.map(({ best }) => percent(missesOf(best, threshold))),
    ];
  }),
]);
console.log();
for (const wanted of [10, 5, 2, 1, 0.5]) {
  const point = points.find(({ accepts }) => accepts / hours <= wanted);
  if (point)
    console.log(
      `at most ${wanted} false accepts an hour: threshold ${point.threshold.toFixed(4)}, ` +
        point.misses.map((n, i) => `${percent(n)} missed ${conditions[i].name}`).join(", "),
    );
}
for (const what of absent) console.log(`absent: ${what}`);
writeFileSync(
  options.svg,
  curve(
    conditions.map(({ name }, i) => ({
      name,
      points: points.map(({ accepts, misses }) => ({
        x: accepts / hours,
        y: (100 * misses[i]) / clips.length,
      })),
    })),
    { floor: 1 / hours, hours, words: clips.length },
  ),
);
console.log(`curve: ${options.svg}`);
