// What measure.mjs listens to: words to be heard, and hours of other sound. Nothing here was trained on.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createResampler, readWav } from "nibblenet/tools";

const rate = 16000;

/** Numbers of 0…1 that are the same on every machine. */
export function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
}

/** Noise of root mean square 1 that loses 3 dB an octave, as rooms' does: a sum of slower and slower steps. */
export function pinkNoise(length, seed) {
  const random = randomFrom(seed);
  const rows = new Float64Array(12);
  const scale = 1 / Math.sqrt((rows.length + 1) / 12);
  let sum = 0;
  return Float32Array.from({ length }, (_, i) => {
    const row = Math.min(rows.length - 1, 31 - Math.clz32((i + 1) & -(i + 1)));
    const next = random() - 0.5;
    sum += next - rows[row];
    rows[row] = next;
    return (sum + random() - 0.5) * scale;
  });
}

const filesIn = (folder, ending) =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true })
        .map(String)
        .filter((name) => name.endsWith(ending))
        .sort()
        .map((name) => join(folder, name))
    : [];

/** The samples of a WAV file, at 16 kHz; of a FLAC file by way of sox. Undefined where that is not installed. */
function readClip(file) {
  if (file.endsWith(".flac")) {
    const { status, stdout } = spawnSync(
      "sox",
      [file, "-t", "raw", "-e", "signed", "-b", "16", "-r", `${rate}`, "-"],
      {
        maxBuffer: 2 ** 28,
      },
    );
    if (status !== 0) return undefined;
    return Float32Array.from(
      new Int16Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + stdout.length)),
      (v) => v / 32768,
    );
  }
  const { samples, sampleRate } = readWav(readFileSync(file), file);
  return sampleRate === rate ? samples : createResampler(sampleRate, rate)(samples);
}

/** Words by people who were held out: from the benchmark's folder where there is one, else those of the data. */
export function words(data, benchmark) {
  const held = readFileSync(new URL("held-out.txt", import.meta.url), "utf8").split("\n");
  const names = new Set(held.filter((line) => !line.endsWith("unused")));
  const folder = benchmark ? join(benchmark, "audio/computer") : join(data, "audio/wakewords/computer");
  return filesIn(folder, ".wav")
    .filter((file) => names.has(basename(file).slice(0, 8)))
    .map((file) => ({ file, samples: readClip(file) }));
}

function* clips(files, seconds = Number.POSITIVE_INFINITY) {
  let left = seconds * rate;
  for (const file of files) {
    const samples = readClip(file);
    if (!samples) continue;
    yield samples;
    left -= samples.length;
    if (left <= 0) return;
  }
}

/** What was said aloud: recordings by people, in sets that are heard one clip after the other. */
export function recordings(data, benchmark) {
  const from = (folder) => join(data, "audio", folder);
  const bench = (word) => (benchmark ? join(benchmark, "audio", word) : from(`wakewords/${word}`));
  const sets = [
    ["Speech Commands, dev: eleven words, noise", filesIn(from("speech_commands/dev"), ".wav")],
    ["Speech Commands, dev_extra: eleven words", filesIn(from("speech_commands/dev_extra"), ".wav")],
    ["Silero's minute of speech", filesIn(from("."), "silero_test.wav")],
    ["spoken digits (8 kHz)", filesIn(from("fsdd"), ".wav")],
    ["“athena” and other words", filesIn(from("precise"), ".wav")],
    ["“okay nabu” (synthetic)", filesIn(from("wakewords"), "okay_nabu_stream.wav")],
    ["“alexa”", filesIn(bench("alexa"), ".flac")],
    ...["jarvis", "snowboy", "smart mirror", "view glass"].map((word) => [
      `“${word}”`,
      filesIn(bench(word), ".wav"),
    ]),
  ];
  return sets.map(([name, files]) => ({ name, count: files.length, clips: () => clips(files) }));
}

const voices = [
  "en-us+Marco",
  "en-gb+Nguyen",
  "en-us+steph3",
  "en-gb-x-rp+iven3",
  "en-gb-scotland+Marco",
  "en-us+Nguyen",
];
const flite = ["slt", "rms", "awb", "kal16"];

/** Sentences of a text without the word itself. */
export const sentencesOf = (text) =>
  text
    .replace(/^\W*[A-Z][a-z0-9]*\d*:\d+ /gm, "")
    .replace(/\s+/g, " ")
    .split(/(?<=[.!?;:]) /)
    .filter((sentence) => /[a-z]{3}/i.test(sentence) && !/computer/i.test(sentence));

/** The text read aloud by espeak-ng (voices kept out of the training) and flite, in a quiet room. */
export function* readAloud(sentences, seconds) {
  const folder = mkdtempSync(join(tmpdir(), "wake-word-"));
  const random = randomFrom(11);
  const file = join(folder, "spoken.wav");
  let left = seconds * rate;
  try {
    for (let i = 0; left > 0; i++) {
      const from = (i * 4) % sentences.length;
      const text = sentences.slice(from, from + 4).join(" ");
      const speed = Math.round(130 + 70 * random());
      const pitch = Math.round(25 + 50 * random());
      const { status } =
        i % 4 === 3
          ? spawnSync("flite", ["-voice", flite[(i >> 2) % flite.length], "-t", text, "-o", file])
          : spawnSync("espeak-ng", [
              "-v",
              voices[i % voices.length],
              "-s",
              `${speed}`,
              "-p",
              `${pitch}`,
              "-w",
              file,
              text,
            ]);
      if (status !== 0) return;
      const spoken = readClip(file);
      const noise = pinkNoise(spoken.length, i + 1);
      const gain = 0.1 + 0.7 * random();
      yield spoken.map((x, n) => gain * x + 0.002 * noise[n]);
      left -= spoken.length;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const defaultData = () =>
  process.env.NIBBLENET_DATA ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));
