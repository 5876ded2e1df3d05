// Every kernel and model beside its peers and beside the limits of the machine's instructions, one thread, interleaved.
// npm run bench [part…]; needs Node 24, `npm run build` in the root, `npm ci` here; for models the test data, for Chromium
// /usr/bin/chromium (or CHROMIUM) and `npm ci` in test/engines, for parts with VNNI a C compiler. BENCH_CORE: the core that
// processes are pinned to (1).
// Writes results.json part by part, beside what the same processor gave before, and from it the tables and the picture of
// docs/performance.md.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { importModel, inspect, optimize, pack } from "../../build/tools.js";
import { decodeStack } from "./decode.mjs";
import { layer, schemes } from "./layers.mjs";
import { limits } from "./limits.mjs";
import { chromium, node, nodeWithVnni } from "./processes.mjs";
import { writeReport } from "./report.mjs";
import { toOnnx } from "./to-onnx.mjs";

const rounds = 15;
const shapes = [
  [1, 256, 256],
  [1, 2048, 2048],
  [16, 384, 384],
  [64, 256, 256],
  [128, 384, 1536],
  [256, 256, 256],
  [512, 512, 512],
  [1024, 1024, 1024],
];
const models = [
  "kws_ref_model",
  "vww_96_int8",
  "resnet8_int8",
  "ad01_int8",
  "micro_speech_quantized",
  "person_detect",
  "mobilenet_v2_int8_224",
  "hello_world_int8",
];
const ours = ["nibblenet relaxed", "nibblenet simd"];
const layerPeers = ["LiteRT.js relaxed", "LiteRT.js compat", "onnxruntime-web"];
const peers = [...layerPeers, "tfjs-tflite"];
const resultsFile = fileURLToPath(new URL("results.json", import.meta.url));
const data = process.env.NIBBLENET_DATA ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "nibblenet-bench-"));

/** A workload as subjects get it: its files written, named by kind. */
function written(name, { files, ...rest }) {
  const workload = { name, ...rest };
  for (const [kind, bytes] of Object.entries(files)) {
    workload[kind] = join(folder, `${name.replaceAll(/[^\w]+/g, "-")}.${kind}`);
    writeFileSync(workload[kind], bytes);
  }
  return workload;
}

const layersOf = (scheme) => () =>
  shapes.map((shape) => written(`${scheme}/${shape.join("×")}`, { scheme, shape, ...layer(scheme, shape) }));

function modelFiles() {
  if (!existsSync(data)) throw new Error(`${data}: no test data; name its folder in NIBBLENET_DATA`);
  return models.map((name) => {
    const tflite = readFileSync(`${data}/models/tflite/${name}.tflite`);
    const imported = importModel(tflite, { file: name });
    const onnx = toOnnx(imported);
    const graph = optimize(imported);
    const input = { dtype: "int8", shape: graph.inputs[0].shape };
    const nbl = pack(graph).bytes;
    const { macs } = inspect(pack(graph, { narrow: false }).bytes);
    return written(name, { macs, input, onnxInput: onnx.input, files: { nbl, tflite, onnx: onnx.bytes } });
  });
}

const withZeros = (scheme) => (scheme.endsWith("zeros") ? ["nibblenet simd, no zeros"] : []);
const perChannel = (scheme) =>
  scheme.startsWith("int4")
    ? ["nibblenet relaxed, a scale per channel", "LiteRT.js relaxed, a scale per channel"]
    : [];
const decodeFiles = () => [written("decode", decodeStack())];
/** Whose speed is that of the relaxed dot product, and the processor's own. */
const dotSystems = ["nibblenet relaxed", "LiteRT.js relaxed", "onnxruntime-node"];

/** What `npm run bench` runs, part by part: the workloads, the systems, and where. */
const parts = {
  limits: { make: limits, systems: ["limits"] },
  ...Object.fromEntries(
    schemes.map((scheme) => [
      scheme,
      {
        make: layersOf(scheme),
        systems: [...ours, ...layerPeers, ...withZeros(scheme), ...perChannel(scheme), "onnxruntime-node"],
      },
    ]),
  ),
  models: { make: modelFiles, systems: [...ours, ...peers, "onnxruntime-node"] },
  decode: { make: decodeFiles, systems: ours },
  "limits with VNNI": { make: limits, systems: ["limits"], place: "vnni" },
  ...Object.fromEntries(
    schemes
      .filter((scheme) => !scheme.endsWith("zeros"))
      .map((scheme) => [
        `${scheme} with VNNI`,
        { make: layersOf(scheme), systems: [...dotSystems, ...perChannel(scheme)], place: "vnni" },
      ]),
  ),
  "models with VNNI": { make: modelFiles, systems: dotSystems, place: "vnni" },
  "decode with VNNI": { make: decodeFiles, systems: ["nibblenet relaxed"], place: "vnni" },
  "decode in Chromium": { make: decodeFiles, systems: [...ours, "wllama"], place: "chromium" },
  "models in Chromium": { make: modelFiles, systems: [...ours, ...peers], place: "chromium" },
};

const quantile = (sorted, share) => sorted[Math.round(share * (sorted.length - 1))];

/** µs: median, quartiles, best. */
function summary(times) {
  const sorted = times.toSorted((a, b) => a - b);
  return [0.5, 0.25, 0.75, 0].map((share) => Number(quantile(sorted, share).toPrecision(4)));
}

/** All systems of a part by turns on each workload; `yardstick` shows how steady the machine was meanwhile. */
async function runPart({ make, systems }, place) {
  const subjects = new Map();
  const refused = new Map();
  const yardstick = await node.start("limits");
  await yardstick.prepare((await limits()).find(({ name }) => name === "dot_i16x8, L1 4×2"));
  const rows = [];
  for (const workload of await make()) {
    const taking = new Map();
    for (const system of systems) {
      try {
        if (!subjects.has(system)) subjects.set(system, await place.start(system));
        await subjects.get(system).prepare(workload);
        taking.set(system, []);
      } catch (error) {
        const what = `${system}: ${error.message.split("\n")[0]}`;
        refused.set(what, [...(refused.get(what) ?? []), workload.name]);
      }
    }
    const steadiness = [];
    for (let round = 0; round < rounds; round++) {
      for (const [system, times] of taking) times.push(await subjects.get(system).block());
      steadiness.push(await yardstick.block());
    }
    const { name, scheme, shape, macs, weightBits, unit, work, bytes } = workload;
    const [middle, low, high] = summary(steadiness);
    const noise = Number(((high - low) / middle).toPrecision(2));
    const times = Object.fromEntries([...taking].map(([system, list]) => [system, summary(list)]));
    rows.push({ name, scheme, shape, macs, weightBits, unit, work, bytes, noise, times });
    const cells = Object.entries(times).map(
      ([system, [median, , , best]]) => `${system} ${median} (${best})`,
    );
    console.log(`${name}: ${cells.join(", ")}; noise ${(noise * 100).toFixed(0)} %`);
  }
  for (const subject of subjects.values()) await subject.close();
  yardstick.close();
  for (const [what, names] of refused) console.log(`not run: ${what}; ${names.join(", ")}`);
  return rows;
}

const wanted = process.argv.slice(2);
for (const name of wanted)
  if (!parts[name]) throw new Error(`expected parts of ${Object.keys(parts).join("; ")}, got ${name}`);
const processor = cpus()[0].model;
const kept = existsSync(resultsFile) ? JSON.parse(readFileSync(resultsFile, "utf8")) : {};
const results = kept.processor === processor ? kept : { processor, parts: {} };
const places = { node, vnni: nodeWithVnni(folder), chromium: await chromium(folder) };
for (const [name, part] of Object.entries(parts)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const place = places[part.place ?? "node"];
  if (place.missing) {
    console.log(`${name}: not run; ${place.missing}`);
    continue;
  }
  console.log(`\n${name}, ${place.name}; µs, median (best)`);
  results.parts[name] = { place: place.name, rows: await runPart(part, place) };
  writeFileSync(resultsFile, `${JSON.stringify(results, null, 1)}\n`);
  writeReport(results);
}
await places.chromium.close?.();
rmSync(folder, { recursive: true });
process.exit(0);
