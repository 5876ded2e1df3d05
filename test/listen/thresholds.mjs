// The keyword stream over clips half a second apart, at several thresholds and lengths of the average: words heard once within
// 300 ms of their end, late, not at all or as another word, and what was heard in clips without a keyword.
//   node test/listen/thresholds.mjs <folder of clips in a folder per label>     after `npm run build`
import { readdirSync, readFileSync } from "node:fs";
import { loadModelSync } from "../../build/index.js";
import { createListener } from "../../build/listen.js";
import { packKeyword } from "../../examples/keyword/pack.mjs";

const rate = 16000;
const folder = process.argv[2];
const clips = readdirSync(folder)
  .sort()
  .flatMap((label) =>
    readdirSync(`${folder}/${label}`)
      .filter((name) => name.endsWith(".wav"))
      .sort()
      .map((name) => ({ label, samples: readSamples(`${folder}/${label}/${name}`) })),
  );
const model = loadModelSync(packKeyword());
const { ignore } = model.metadata.listen;

/** Mono 16-bit WAV with a head of 44 bytes. */
function readSamples(path) {
  const bytes = readFileSync(path);
  return Float32Array.from(
    { length: (bytes.length - 44) >> 1 },
    (_, i) => bytes.readInt16LE(44 + 2 * i) / 32768,
  );
}

/** Samples until the level stays 30 dB below the loudest hundredth of a second. */
function loudUntil(samples) {
  const block = rate / 100;
  const powers = Array.from({ length: Math.floor(samples.length / block) }, (_, b) =>
    samples.subarray(b * block, (b + 1) * block).reduce((sum, x) => sum + x * x, 0),
  );
  const least = Math.max(...powers) / 1000;
  return block * (powers.findLastIndex((power) => power > least) + 1);
}

function listen(threshold, smoothing) {
  const found = [];
  model.reset();
  const listener = createListener(model, { threshold, smoothing, onDetect: (it) => found.push({ ...it }) });
  const row = { threshold, smoothing, once: 0, late: 0, twice: 0, other: 0, missed: 0, false: 0 };
  for (const { label, samples } of clips) {
    found.length = 0;
    const start = listener.statistics().seconds;
    listener.push(samples);
    // Steps of the stream don't begin where clips do.
    listener.push(new Float32Array(rate / 2 + 37));
    if (ignore.includes(label)) {
      row.false += found.length;
      continue;
    }
    const right = found.filter((it) => it.label === label);
    if (right.length > 1) row.twice++;
    else if (found.length > right.length) row.other++;
    else if (right.length === 0) row.missed++;
    else if (right[0].time - start > loudUntil(samples) / rate + 0.3) row.late++;
    else row.once++;
  }
  return row;
}

console.log(`${clips.length} clips, ${clips.filter(({ label }) => ignore.includes(label)).length} of them without a keyword`);
console.table([3, 5, 7, 9, 12].flatMap((smoothing) => [0.35, 0.4, 0.45, 0.5, 0.6].map((t) => listen(t, smoothing))));
