/**
 * The models that the quantizer is measured on, by name: graph, calibration samples, and other samples to measure on.
 * Labels are classes where the data has them. `folder` is the folder of the test data.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  asFloatLayers,
  createFeatures,
  createReader,
  frontEnds,
  importModel,
  openSamples,
  optimize,
  readWav,
} from "../../build/tools.js";
import { variations } from "./variations.mjs";

const keywordFolder = new URL("../../examples/keyword/", import.meta.url).pathname;

export function load(file, options = {}) {
  return optimize(importModel(new Uint8Array(readFileSync(file)), { file, ...options }));
}

/** `count` of a list, spread evenly. */
const spread = (list, count) =>
  list.length <= count
    ? list
    : Array.from({ length: count }, (_, i) => list[Math.floor((i * list.length) / count)]);

function speech(folder, graph, labels, audio) {
  return (split, count = Infinity) => {
    const options = { labels, ...(audio && { audio }) };
    return spread(
      [...openSamples(join(folder, "audio/speech_commands", split), graph.inputs, options)],
      count,
    );
  };
}

const lines = (file) => readFileSync(file, "utf8").trim().split(/\s+/);

/** Pixel (x, y), channel c, of an uncompressed bitmap. */
function bitmap(file) {
  const bytes = readFileSync(file);
  const [start, width, rows, bits] = [
    bytes.readUInt32LE(10),
    bytes.readInt32LE(18),
    bytes.readInt32LE(22),
    bytes.readUInt16LE(28),
  ];
  const height = Math.abs(rows);
  const stride = Math.ceil((width * bits) / 32) * 4;
  const channel = (c) => (bits === 8 ? 0 : 2 - c);
  const at = (x, y, c) =>
    bytes[start + (rows > 0 ? height - 1 - y : y) * stride + (x * bits) / 8 + channel(c)];
  return { width, height, at };
}

/** Numbers in 0…1, the same on every run. */
function random(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** `count` square crops, some mirrored, of `size` pixels a side, the photographs by turns. */
function crops(photographs, size, scale, count, seed) {
  const next = random(seed);
  return Array.from({ length: count }, (_, i) => {
    const { width, height, at } = photographs[i % photographs.length];
    const side = Math.min(width, height) * (0.3 + 0.7 * next());
    const [left, top] = [next() * (width - side), next() * (height - side)];
    const isMirrored = next() < 0.5;
    const pixels = new Float32Array(size * size * 3);
    for (let j = 0; j < pixels.length; j++) {
      const [x, y, c] = [Math.floor(j / 3) % size, Math.floor(j / 3 / size), j % 3];
      const across = isMirrored ? size - 1 - x : x;
      const place = (from, step, most) => Math.min(most - 1, Math.floor(from + (step * side) / size));
      pixels[j] = at(place(left, across, width), place(top, y, height), c) * scale;
    }
    return { name: `crop ${i}`, inputs: [pixels] };
  });
}

function image(folder, name, size, scale) {
  const photographs = ["cat", "person", "no_person"].map((n) => bitmap(join(folder, `images/${n}.bmp`)));
  return {
    graph: load(join(folder, `models/tflite/${name}.tflite`)),
    samples: crops(photographs, size, scale, 100, 7),
    compareOn: crops(photographs, size, scale, 300, 8),
  };
}

/** What magika sees of a file: the first and the last 1024 bytes without white space around. */
function fileFeatures(bytes) {
  const isBlank = (byte) => byte === 32 || (byte >= 9 && byte <= 13);
  let from = 0;
  const head = bytes.subarray(0, 4096);
  while (from < head.length && isBlank(head[from])) from++;
  const tail = bytes.subarray(Math.max(0, bytes.length - 4096));
  let to = tail.length;
  while (to > 0 && isBlank(tail[to - 1])) to--;
  const features = new Int32Array(2048).fill(256);
  features.set(head.subarray(from, from + 1024));
  const end = tail.subarray(Math.max(0, to - 1024), to);
  features.set(end, 2048 - end.length);
  return features;
}

const repository = new URL("../../", import.meta.url);
const ownFiles = ["LICENSE", "README.md", "build.mjs", "package.json", "biome.json", "src/graph/graph.ts"];

export const models = {
  /** The keyword model of the examples; float: 400 of 432 right. */
  keyword(folder, calibration = 500) {
    const graph = load(join(keywordFolder, "model.onnx"));
    const labels = lines(join(keywordFolder, "labels.txt"));
    const read = speech(folder, graph, labels, "log-mel");
    /** The training clips of both collections, and `count` variations of each. */
    const varied = (count) => {
      const sounds = { inputs: [{ name: "sound", dtype: "float32", shape: [1, 16000] }] };
      const clips = ["train", "train_v001"].flatMap((split) => speech(folder, sounds, labels)(split));
      const sound = ({ inputs }) => inputs[0];
      const quiet = clips.filter(({ label }) => labels[label] === "_silence_").map(sound);
      const features = createFeatures(frontEnds["log-mel"], [1, 49, 40]);
      const samples = clips.map((clip) => ({ name: clip.name, inputs: [features(sound(clip))] }));
      // Sounds of a second each are not kept.
      for (const clip of variations(clips.map(sound), quiet, count, 1))
        samples.push({ name: "variation", inputs: [features(clip)] });
      return samples;
    };
    return { graph, samples: read("train", calibration), compareOn: read("dev"), varied };
  },
  /** A keyword transformer behind its own spectrogram. */
  kwt1(folder, calibration = 60) {
    const graph = load(join(folder, "models/tflite/kwt1_float.tflite"));
    const read = speech(folder, graph, lines(join(folder, "models/tflite/kwt1_labels.txt")));
    return { graph, samples: read("train", calibration), compareOn: read("dev") };
  },
  /** File types; calibrated on files of this repository, measured on the published examples. */
  magika(folder) {
    const graph = load(join(folder, "models/onnx/magika_v3_3.onnx"));
    const config = JSON.parse(readFileSync(join(folder, "models/onnx/magika_v3_3.config.json"), "utf8"));
    const { examples } = JSON.parse(readFileSync(join(folder, "magika/examples.json"), "utf8"));
    const known = new Map(
      examples
        .filter(({ prediction }) => prediction.dl !== "undefined")
        .map((example) => [
          example.content_base64,
          config.target_labels_space.indexOf(example.prediction.dl),
        ]),
    );
    return {
      graph,
      samples: ownFiles.map((name) => ({
        name,
        inputs: [fileFeatures(readFileSync(new URL(name, repository)))],
      })),
      compareOn: [...known].map(([content, label], i) => ({
        name: `example ${i}`,
        inputs: [fileFeatures(Buffer.from(content, "base64"))],
        label,
      })),
    };
  },
  /** Voice activity, a stream of chunks; calibrated on the first third. */
  silero(folder, version = "v5") {
    const file = join(folder, `models/onnx/silero_vad_${version}.onnx`);
    const graph = load(file, {
      inputShapes: { input: [1, 576], state: [2, 1, 128] },
      inputValues: { sr: 16000 },
      states: { state: "stateN" },
    });
    const clip = join(folder, "audio/silero_test.wav");
    const { samples: sound } = readWav(readFileSync(clip), clip, 16000);
    const chunks = Array.from({ length: Math.floor(sound.length / 512) }, (_, i) => {
      const chunk = new Float32Array(576);
      chunk.set(sound.subarray(Math.max(0, i * 512 - 64), (i + 1) * 512), i === 0 ? 64 : 0);
      return { name: `chunk ${i}`, inputs: [chunk] };
    });
    return { graph, samples: chunks.slice(0, 625), compareOn: chunks };
  },
  vww: (folder) => image(folder, "vww_96_float", 96, 1 / 255),
  resnet8: (folder) => image(folder, "resnet8_float", 32, 1),
  /** Five neighbouring frames of a spectrum, on the scale of the sounds of machines that the model was made for. */
  autoencoder(folder) {
    const graph = load(join(folder, "models/tflite/ad01_fp32.tflite"));
    const mel = logMels(folder);
    /** 40 bands stretched over 128, in decibels. */
    const frames = (clips) =>
      clips.flatMap(({ name, inputs: [bands] }) =>
        [5, 20, 35].map((first) => ({
          name: `${name}, frame ${first}`,
          inputs: [
            Float32Array.from({ length: 640 }, (_, i) => {
              const [frame, band] = [Math.floor(i / 128), Math.floor(((i % 128) * 40) / 128)];
              return (bands[(first + frame) * 40 + band] * 10) / Math.LN10 - 25;
            }),
          ],
        })),
      );
    return { graph, samples: frames(mel("train", 60)), compareOn: frames(mel("dev", 100)) };
  },
  /** The keyword model of MLPerf Tiny, of 10 cepstral coefficients a frame; its published float form has int8 weights. */
  dsCnn(folder) {
    const graph = asFloatLayers(load(join(folder, "models/tflite/kws_hybrid.tflite")));
    const labels = "down go left no off on right stop up yes _silence_ _unknown_".split(" ");
    const sounds = { inputs: [{ name: "sound", dtype: "float32", shape: [1, 16000] }] };
    const read = speech(folder, sounds, labels);
    const bands = { lowest: 20, highest: 4000, floor: 1e-12 };
    const mel = createFeatures({ ...frontEnds["log-mel"], ...bands }, [1, 49, 40]);
    /** Of the loudest-normalized clip; half the logarithm of a power is that of a magnitude. */
    const cepstra = (clips) =>
      clips.map(({ name, label, inputs: [sound] }) => {
        const loudest = sound.reduce((most, v) => Math.max(most, v), 1e-4);
        const logs = mel(sound.map((v) => v / loudest)).map((v) => v / 2);
        const cepstrum = (frame, c) => {
          let sum = 0;
          for (let b = 0; b < 40; b++) sum += logs[frame * 40 + b] * Math.cos((Math.PI * c * (b + 0.5)) / 40);
          return sum * Math.sqrt(2 / 40);
        };
        const features = Float32Array.from({ length: 490 }, (_, i) => cepstrum(Math.floor(i / 10), i % 10));
        return { name, label, inputs: [features] };
      });
    return { graph, samples: cepstra(read("train", 300)), compareOn: cepstra(read("dev")) };
  },
  mnistCnn(folder) {
    const { samples, compareOn } = digits(folder);
    return { graph: load(join(folder, "models/tflite/aeq_conv_fc_mnist.tflite")), samples, compareOn };
  },
  /** One period of a sine. */
  sine(folder) {
    const graph = load(join(folder, "models/tflite/hello_world_float.tflite"));
    const points = (count, shift) =>
      Array.from({ length: count }, (_, i) => ({
        name: `point ${i}`,
        inputs: [Float32Array.of(((i + shift) / count) * 2 * Math.PI)],
      }));
    return { graph, samples: points(200, 0), compareOn: points(300, 0.5) };
  },
  /** Handwritten digits row by row, from no memory. */
  mnistLstm(folder) {
    const graph = load(join(folder, "models/tflite/trained_lstm_float.tflite"));
    return { graph, ...digits(folder), independent: true };
  },
};

/** Log-mel features of the speech clips. */
function logMels(folder) {
  const graph = { inputs: [{ name: "mel", dtype: "float32", shape: [1, 49, 40] }] };
  return speech(folder, graph, lines(join(keywordFolder, "labels.txt")), "log-mel");
}

/** Ten labelled digits: two places of each to calibrate on, nine to measure on. */
function digits(folder) {
  const digit = { name: "digit", dtype: "float32", shape: [28, 28] };
  const read = createReader([digit], { image: { range: 255 } });
  const images = Array.from({ length: 10 }, (_, label) => read(join(folder, `images/mnist/${label}.png`))[0]);
  const shifted = (values, dx, dy) =>
    Float32Array.from({ length: 784 }, (_, i) => {
      const [y, x] = [Math.floor(i / 28) - dy, (i % 28) - dx];
      return x >= 0 && x < 28 && y >= 0 && y < 28 ? values[y * 28 + x] / 255 : 0;
    });
  const made = (moves) =>
    images.flatMap((values, label) =>
      moves.map(([dx, dy]) => ({ name: `digit ${label}`, inputs: [shifted(values, dx, dy)], label })),
    );
  const around = [-1, 0, 1].flatMap((dx) => [-1, 0, 1].map((dy) => [dx, dy]));
  const corners = [
    [0, 0],
    [1, 1],
  ];
  return { samples: made(corners), compareOn: made(around) };
}
