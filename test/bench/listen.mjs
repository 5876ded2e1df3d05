// What listening costs. Two parts, after `npm run build` in the root:
//   node listen.mjs                  a wake word (front end and model) as a share of one core, and the same model in LiteRT.js,
//                                    interleaved in one run; needs the test data and `npm ci` here
//   node listen.mjs --hours 24       so much audio through the keyword listener, twice, as fast as it runs: memory flat, state
//                                    finite, detections alike
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadModelSync } from "../../build/index.js";
import { createListener } from "../../build/listen.js";
import { frontEnds, importTflite, optimize, pack, withFrontEnd } from "../../build/tools.js";
import { packKeyword } from "../../examples/keyword/pack.mjs";

const rate = 16000;
const root = fileURLToPath(new URL("../..", import.meta.url));
const data = process.env.NIBBLENET_DATA ?? `${root}../shared/data`;
const hours = process.argv.includes("--hours")
  ? Number(process.argv[process.argv.indexOf("--hours") + 1])
  : undefined;
if (hours !== undefined && !(hours > 0)) throw new Error("--hours expected a number above 0");

/** Mono 16-bit WAV with a head of 44 bytes. */
function readSamples(path) {
  const bytes = readFileSync(path);
  return Float32Array.from(
    { length: (bytes.length - 44) >> 1 },
    (_, i) => bytes.readInt16LE(44 + 2 * i) / 32768,
  );
}

await (hours === undefined ? compareWithLitert() : listenForHours(hours));
// LiteRT keeps the process alive.
process.exit(process.exitCode ?? 0);

/** Words at random places, levels and orders in a noise that comes and goes: the same for one seed. */
function createDay(seed) {
  const folder = `${root}examples/keyword/clips/`;
  const clips = readdirSync(folder)
    .sort()
    .map((name) => readSamples(folder + name));
  let state = seed;
  const next = () => (state = (Math.imul(1664525, state) + 1013904223) >>> 0) / 2 ** 32;
  const second = new Float32Array(rate);
  return () => {
    const kind = next();
    const level = kind < 0.4 ? 0 : 0.01 * next();
    for (let i = 0; i < rate; i++) second[i] = level * (next() - 0.5);
    if (kind > 0.8) {
      const clip = clips[Math.floor(next() * clips.length)];
      const gain = 0.3 + 0.9 * next();
      for (let i = 0; i < rate; i++) second[i] += gain * clip[i];
    }
    return second;
  };
}

async function listenForHours(count) {
  const file = packKeyword();
  const digests = [];
  for (const run of [1, 2]) {
    const model = loadModelSync(file);
    const digest = createHash("sha256");
    let detections = 0;
    const listener = createListener(model, {
      onDetect({ label, score, time }) {
        detections++;
        digest.update(`${label} ${score} ${time}\n`);
      },
    });
    const listen = createDay(7);
    const linear = model.memory.total;
    const heaps = [];
    const start = performance.now();
    for (let second = 0; second < count * 3600; second++) {
      listener.push(listen());
      if (second % 600 !== 599) continue;
      // A timer's turn, so that what is garbage can go.
      await new Promise((resolve) => setTimeout(resolve));
      globalThis.gc?.();
      heaps.push(process.memoryUsage().heapUsed);
    }
    const took = (performance.now() - start) / 1000;
    const { inferences, dropped } = listener.statistics();
    const state = model.saveState();
    // It begins with the samples that frames share; the other states are int8.
    const shared = new Float32Array(state.buffer.slice(8, 8 + 4 * 160));
    const isSound = [...model.output(), ...shared].every(Number.isFinite);
    digests.push(digest.digest("hex"));
    const [first, last] = [heaps[Math.min(2, heaps.length - 1)], heaps.at(-1)];
    console.log(
      `run ${run}: ${count} h of audio in ${took.toFixed(0)} s (tier ${model.tier}), ${inferences} inferences, ` +
        `${dropped} samples dropped, ${detections} detections, digest ${digests.at(-1).slice(0, 16)}\n` +
        `  JavaScript heap ${first} bytes after ${Math.min(30, heaps.length * 10)} min, ${last} at the end; ` +
        `linear memory ${linear} → ${model.output().buffer.byteLength}; output and audio state ${isSound ? "finite" : "NOT FINITE"}`,
    );
    if (!isSound || dropped > 0 || model.output().buffer.byteLength !== linear) process.exitCode = 1;
    if (globalThis.gc && last > first * 1.05) process.exitCode = 1;
  }
  console.log(digests[0] === digests[1] ? "detections alike in both runs" : "DETECTIONS DIFFER");
  if (digests[0] !== digests[1]) process.exitCode = 1;
}

async function compareWithLitert() {
  const path = `${data}/models/tflite/mww_okay_nabu_v2.tflite`;
  if (!existsSync(path)) throw new Error(`${data}: no test data; name its folder in NIBBLENET_DATA`);
  const bytes = readFileSync(path);
  const graph = optimize(importTflite(bytes, { file: path }));
  const alone = pack(graph).bytes;
  const whole = pack(withFrontEnd(graph, frontEnds["micro-wake-word"]), {
    metadata: { listen: { hop: 480, threshold: 0.97, smoothing: 5 } },
  }).bytes;
  const speech = readSamples(`${data}/audio/wakewords/okay_nabu_stream.wav`);
  const stepsPerSecond = rate / 480;
  const contenders = [];
  for (const tier of ["relaxed", "simd"]) {
    let model;
    try {
      model = loadModelSync(whole, { tier });
    } catch (error) {
      if (error.code !== "unsupported-engine") throw error;
      continue;
    }
    let heard = 0;
    const listener = createListener(model, { onDetect: () => heard++ });
    listener.push(speech);
    if (heard !== 4) throw new Error(`tier ${tier}: heard the wake word ${heard} times of 4`);
    let at = 0;
    const push = (count) => {
      for (let i = 0; i < count; i++, at = (at + 480) % (speech.length - 480))
        listener.push(speech.subarray(at, at + 480));
    };
    contenders.push({ label: `nibblenet ${tier}, samples → wake word (listener)`, run: push });
    const bare = loadModelSync(alone, { tier });
    const invoke = (count) => {
      for (let i = 0; i < count; i++) bare.invoke();
    };
    contenders.push({ label: `nibblenet ${tier}, features → score (model alone)`, run: invoke });
  }
  const peer = await litertContender(bytes);
  if (peer) contenders.push(peer);
  await measure(contenders);
  const last = contenders.at(-1);
  for (const { label, median, best } of contenders) {
    const share = (100 * median * stepsPerSecond) / 1000;
    const ratio =
      peer && label !== last.label
        ? `   ${(last.median / median).toFixed(1)}× as fast as LiteRT.js' model alone`
        : "";
    console.log(
      `${label.padEnd(52)}${(1000 * median).toFixed(1).padStart(7)} µs (${(1000 * best).toFixed(1)}) per 30 ms = ${share.toFixed(3)} % of a core${ratio}`,
    );
  }
}

/** Blocks of 4 ms in turns, half a second of warming up before. */
async function measure(contenders) {
  for (const contender of contenders) {
    for (const start = performance.now(); performance.now() - start < 500; ) await contender.run(20);
    const start = performance.now();
    await contender.run(20);
    contender.count = Math.max(1, Math.round((4 * 20) / (performance.now() - start)));
    contender.times = [];
  }
  for (let round = 0; round < 60; round++)
    for (const { run, count, times } of contenders) {
      const start = performance.now();
      await run(count);
      times.push((performance.now() - start) / count);
    }
  for (const contender of contenders) {
    const sorted = contender.times.sort((a, b) => a - b);
    contender.median = sorted[sorted.length >> 1];
    contender.best = sorted[0];
  }
}

async function litertContender(bytes) {
  const modules = fileURLToPath(new URL("node_modules", import.meta.url));
  if (!existsSync(`${modules}/@litertjs/core`)) {
    console.log("LiteRT.js: not measured, `npm ci` in test/bench");
    return undefined;
  }
  const { loadLitert } = await import("./litert.mjs");
  const build = process.argv.includes("compat") ? "compat" : "relaxed";
  const litert = await loadLitert(modules, build);
  const model = await litert.loadAndCompile(new Uint8Array(bytes), { accelerator: "wasm" });
  const values = new Int8Array(120).map((_, i) => (i * 37) % 256);
  const tensor = new litert.Tensor(values, [1, 3, 40]);
  const run = async (count) => {
    for (let i = 0; i < count; i++) for (const output of await model.run([tensor])) output.delete();
  };
  return { label: `LiteRT.js ${build}, features → score (model alone)`, run };
}
