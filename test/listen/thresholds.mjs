// The keyword stream over clips in a drawn order, half a second apart, with several settings of the listener: words heard once
// within 300 ms of their end, later, twice, as another word or not at all, and what was heard in clips without a keyword.
//   node test/listen/thresholds.mjs <folder of clips in a folder per label>     after `npm run build`
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { loadModelSync } from "../../build/index.js";
import { createListener } from "../../build/listen.js";
import { packKeyword } from "../../examples/keyword/pack.mjs";
import { bundled } from "./bundled.mjs";

const rate = 16000;
const folder = resolve(process.argv[2]);
const { loudUntil, readClip } = await bundled("test/listen/words.ts");
const clips = readdirSync(folder)
  .sort()
  .flatMap((label) =>
    readdirSync(`${folder}/${label}`)
      .filter((name) => name.endsWith(".wav"))
      .sort()
      .map((name) => ({ label, samples: readClip(`${folder}/${label}/${name}`) })),
  );
let state = 1;
const draw = () => (state = (Math.imul(1664525, state) + 1013904223) >>> 0) / 2 ** 32;
for (let i = clips.length - 1; i > 0; i--) {
  const j = Math.floor(draw() * (i + 1));
  [clips[i], clips[j]] = [clips[j], clips[i]];
}
const model = remembering(loadModelSync(packKeyword()));
const { ignore } = model.metadata.listen;

/** Runs on the same samples again and again; the first time is enough. */
function remembering(model) {
  const output = model.output();
  const known = [];
  let next = 0;
  return {
    ...model,
    output: () => output,
    reset: () => (next = 0),
    invoke() {
      if (next < known.length) output.set(known[next]);
      else {
        model.invoke();
        known.push(output.slice());
      }
      next++;
    },
  };
}

function listen(threshold, smoothing, steady) {
  const found = [];
  const onDetect = ({ label, time }) => found.push({ label, time });
  model.reset();
  const listener = createListener(model, { threshold, smoothing, steady, onDetect });
  const row = { threshold, smoothing, steady, once: 0, late: 0, twice: 0, other: 0, missed: 0, false: 0 };
  for (const { label, samples } of clips) {
    found.length = 0;
    const start = listener.statistics().seconds;
    listener.push(samples);
    // Steps of the stream don't begin where clips do.
    listener.push(new Float32Array(rate / 2 + 37));
    const right = found.filter((it) => it.label === label);
    if (ignore.includes(label)) row.false += found.length;
    else if (found.length > right.length) row.other++;
    else if (right.length !== 1) row[right.length ? "twice" : "missed"]++;
    else row[right[0].time - start > loudUntil(samples) / rate + 0.3 ? "late" : "once"]++;
  }
  return row;
}

console.log(
  `${clips.length} clips, ${clips.filter(({ label }) => ignore.includes(label)).length} of them without a keyword`,
);
const settings = [3, 5, 6, 7, 9].flatMap((smoothing) => [0.5, 0.6, 0.7, 0.8].map((t) => [t, smoothing]));
console.table(settings.flatMap(([t, s]) => [1e9, 6, 7, 8, 9].map((steady) => listen(t, s, steady))));
