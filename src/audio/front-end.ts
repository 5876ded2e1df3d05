/** Audio front ends as operators in front of a model, which then takes samples. */

import { elementCount, type Graph, type Node, noActivation, type Tensor } from "../graph/graph.ts";
import { makeNode } from "../graph/passes/rewrite.ts";
import { NibbleError } from "../runtime/errors.ts";
import { type MelOptions, melFilters } from "./mel.ts";
import { type MicroSettings, microFeatures } from "./micro.ts";

export interface LogMelSettings extends MelOptions {
  kind: "log-mel";
  /** Samples of one frame, and from one frame's start to the next. */
  window: number;
  hop: number;
  /** Added to every energy before the logarithm. */
  floor: number;
  /** Samples of one clip, where it has more than its frames need. */
  samples?: number;
}

/** The first `coefficients` of the orthonormal DCT-II of log-mel energies. */
export interface MfccSettings extends Omit<LogMelSettings, "kind"> {
  kind: "mfcc";
  coefficients: number;
}

/** TFLite Micro's integer front end. int8 models get (256 · v + 333) / 666 − 128, others v · 10 / 256. */
export interface MicroFrontEnd extends MicroSettings {
  kind: "micro";
  samples?: number;
}

export type FrontEnd = LogMelSettings | MfccSettings | MicroFrontEnd;

export interface FrontEndOptions {
  /** float32 from −1 to 1 (the default), or int16. */
  pcm?: "float32" | "int16";
  /**
   * Frames follow each other from one run to the next: a run takes the samples of as many hops as it has frames, and
   * the model keeps what a frame shares with the one before, and the estimate of the noise; it begins after silence.
   * By default so for models with states.
   */
  stream?: boolean;
}

const micro: MicroFrontEnd = {
  kind: "micro",
  sampleRate: 16000,
  window: 480,
  hop: 160,
  channels: 40,
  lowest: 125,
  highest: 7500,
  noise: { even: 0.025, odd: 0.06, leastSignal: 0.05 },
  gain: { strength: 0.95, offset: 80 },
};

/** Front ends of models that are known by name. */
export const frontEnds = {
  /** The keyword example: one second → 49 frames × 40 bands. */
  "log-mel": {
    kind: "log-mel",
    sampleRate: 16000,
    samples: 16000,
    window: 480,
    hop: 320,
    fftSize: 512,
    melCount: 40,
    lowest: 60,
    highest: 7600,
    floor: 1e-6,
  },
  /** TFLite Micro's yes and no: one second → 49 frames × 40 channels. */
  "micro-speech": { ...micro, hop: 320, samples: 16000 },
  /** microWakeWord, version 2: a frame every 10 ms. */
  "micro-wake-word": micro,
  /** microWakeWord, version 1: a frame every 20 ms. */
  "micro-wake-word-v1": { ...micro, hop: 320 },
} as const satisfies Record<string, FrontEnd>;

export type FrontEndName = keyof typeof frontEnds;

const featuresOf = (frontEnd: FrontEnd): number =>
  frontEnd.kind === "micro"
    ? frontEnd.channels
    : frontEnd.kind === "mfcc"
      ? frontEnd.coefficients
      : frontEnd.melCount;

/** The nodes that make features of samples, and what they keep. */
interface Builder {
  nodes: Node[];
  states: NonNullable<Graph["states"]>;
  /** A tensor that no other has the name of. */
  tensor(name: string, dtype: Tensor["dtype"], shape: number[]): Tensor;
}

const constant = (name: string, data: Float32Array | Int8Array | Int32Array, shape: number[]): Tensor => ({
  name,
  dtype: data instanceof Float32Array ? "float32" : data instanceof Int8Array ? "int8" : "int32",
  shape,
  data,
});

/** Appends a node with one output, and returns that. */
function add(
  builder: Builder,
  op: "cast" | "reshape" | "quantize" | "dequantize",
  x: Tensor,
  y: Tensor,
): Tensor {
  builder.nodes.push(makeNode(op, y.name, [x], y, {}));
  return y;
}

/** The samples of all frames of a run: what the run before left, where they overlap, then those that come in. */
function joined(builder: Builder, pcm: Tensor, overlap: number): Tensor {
  if (overlap <= 0) return pcm;
  const { name, dtype } = pcm;
  const count = elementCount(pcm.shape);
  const kept = builder.tensor(`${name}/kept`, dtype, [1, overlap]);
  const whole = builder.tensor(`${name}/joined`, dtype, [1, overlap + count]);
  const next = builder.tensor(`${name}/next`, dtype, [1, overlap]);
  builder.nodes.push(
    makeNode("concat", whole.name, [kept, pcm], whole, { axis: 1, activation: noActivation }),
    makeNode("slice", next.name, [whole], next, { begin: [0, count], stride: [1, 1] }),
  );
  builder.states.push({ name: kept.name, value: kept, next });
  return whole;
}

function toInt16(builder: Builder, x: Tensor): Tensor {
  if (x.dtype === "int16") return x;
  const { name, shape } = x;
  const scaled = builder.tensor(`${name}/scaled`, "float32", shape);
  const rounded = builder.tensor(`${name}/rounded`, "float32", shape);
  const factor = constant(`${name}/32768`, Float32Array.of(32768), []);
  builder.nodes.push(
    makeNode("mul", scaled.name, [x, factor], scaled, { activation: noActivation }),
    makeNode("unary", rounded.name, [scaled], rounded, { kind: "round" }),
  );
  return add(builder, "cast", rounded, builder.tensor(`${name}/int16`, "int16", shape));
}

function hann(length: number): Float32Array {
  return Float32Array.from({ length }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / length));
}

/** Row k: the share of cos(π · k · (2m + 1) / 2M) in M energies. */
function dct(coefficients: number, count: number): Float32Array {
  return Float32Array.from({ length: coefficients * count }, (_, i) => {
    const [k, m] = [Math.floor(i / count), i % count];
    return Math.cos((Math.PI * k * (2 * m + 1)) / (2 * count)) * Math.sqrt((k === 0 ? 1 : 2) / count);
  });
}

function melNodes(
  builder: Builder,
  pcm: Tensor,
  settings: LogMelSettings | MfccSettings,
  frames: number,
): Tensor {
  const { name } = pcm;
  const { window, hop, fftSize, melCount, floor } = settings;
  const bins = fftSize / 2 + 1;
  const power = builder.tensor(`${name}/power`, "float32", [1, frames, bins]);
  const energies = builder.tensor(`${name}/mel`, "float32", [1, frames, melCount]);
  const logs = builder.tensor(`${name}/log-mel`, "float32", [1, frames, melCount]);
  const weights = new Float32Array(melCount * bins);
  for (const [m, filter] of melFilters(settings).entries())
    weights.set(filter.weights, m * bins + filter.first);
  const activation = noActivation;
  builder.nodes.push(
    makeNode("spectrum", power.name, [pcm, constant(`${name}/window`, hann(window), [window])], power, {
      ...{ kind: "power", size: fftSize, hop },
    }),
    makeNode(
      "fullyConnected",
      energies.name,
      [
        power,
        constant(`${name}/filters`, weights, [melCount, bins]),
        constant(`${name}/floor`, new Float32Array(melCount).fill(floor), [melCount]),
      ],
      energies,
      { activation },
    ),
    makeNode("unary", logs.name, [energies], logs, { kind: "log" }),
  );
  if (settings.kind === "log-mel") return logs;
  const { coefficients } = settings;
  const y = builder.tensor(`${name}/mfcc`, "float32", [1, frames, coefficients]);
  const rows = constant(`${name}/dct`, dct(coefficients, melCount), [coefficients, melCount]);
  builder.nodes.push(makeNode("fullyConnected", y.name, [logs, rows, null], y, { activation }));
  return y;
}

/** v → (256 · v + 333) / 666 − 128 within int8, as the microWakeWord and micro_speech examples scale. */
const int8Features = Int8Array.from({ length: 700 }, (_, v) =>
  Math.min(127, Math.floor((256 * v + 333) / 666) - 128),
);

function microNodes(
  builder: Builder,
  pcm: Tensor,
  settings: MicroFrontEnd,
  { frames, stream, target }: { frames: number; stream: boolean; target: Tensor },
): Tensor {
  const { name } = pcm;
  const { channels } = settings;
  const samples = toInt16(builder, pcm);
  const y = builder.tensor(`${name}/features`, "int32", [1, frames, channels]);
  const noise = builder.tensor(`${name}/noise`, "int32", [channels]);
  const next = builder.tensor(`${name}/noise/next`, "int32", [channels]);
  if (stream) builder.states.push({ name: noise.name, value: noise, next });
  else noise.data = new Int32Array(channels);
  builder.nodes.push(makeNode("microFeatures", y.name, [samples, noise], [y, next], microFeatures(settings)));
  if (target.dtype === "int8") {
    const table = constant(`${name}/int8`, int8Features, [int8Features.length]);
    const q = target.quantization;
    if (q) table.quantization = q;
    const z: Tensor = {
      ...builder.tensor(`${name}/quantized`, "int8", y.shape),
      ...(q && { quantization: q }),
    };
    builder.nodes.push(makeNode("gather", z.name, [table, y], z, { axis: 0, batchDims: 0, fromEnd: false }));
    return z;
  }
  const real = add(builder, "cast", y, builder.tensor(`${name}/float32`, "float32", y.shape));
  const z = builder.tensor(`${name}/real`, "float32", y.shape);
  const factor = constant(`${name}/scale`, Float32Array.of(10 / 256), []);
  builder.nodes.push(makeNode("mul", z.name, [real, factor], z, { activation: noActivation }));
  return z;
}

/**
 * The graph with `frontEnd` before its one input, which it then has samples in the place of: `audio`, [1, samples].
 *
 * @throws NibbleError "bad-input" where the input does not hold whole frames of what the front end makes
 */
export function withFrontEnd(graph: Graph, frontEnd: FrontEnd, options: FrontEndOptions = {}): Graph {
  const { pcm: dtype = "float32", stream = (graph.states ?? []).length > 0 } = options;
  const [target] = graph.inputs;
  const features = featuresOf(frontEnd);
  const frames = elementCount(target?.shape ?? []) / features;
  if (
    !target ||
    graph.inputs.length !== 1 ||
    !Number.isInteger(frames) ||
    !["float32", "int8"].includes(target.dtype)
  )
    throw new NibbleError(
      "bad-input",
      `graph "${graph.name}": front end "${frontEnd.kind}" expected one input of float32 or int8, frames of ${features} values; ` +
        `found ${graph.inputs.map((t) => `"${t.name}" ${t.dtype}[${t.shape}]`).join(", ")}`,
    );
  const names = new Set(
    graph.nodes.flatMap((node) => [...node.inputs, ...node.outputs].map((t) => t?.name)).concat(target.name),
  );
  const unique = (name: string): string => (names.has(name) ? unique(`${name}_`) : name);
  const builder: Builder = {
    nodes: [],
    states: [],
    tensor(name, type, shape) {
      const own = unique(name);
      names.add(own);
      return { name: own, dtype: type, shape };
    },
  };
  const { window, hop } = frontEnd;
  const needed = (frames - 1) * hop + window;
  const count = stream ? frames * hop : Math.max(frontEnd.samples ?? needed, needed);
  const pcm = builder.tensor("audio", dtype, [1, count]);
  const whole = stream ? joined(builder, pcm, window - hop) : pcm;
  let made =
    frontEnd.kind === "micro"
      ? microNodes(builder, whole, frontEnd, { frames, stream, target })
      : melNodes(builder, whole, frontEnd, frames);
  if (made.dtype !== target.dtype) {
    const { quantization } = target;
    const y = builder.tensor(`${made.name}/${target.dtype}`, target.dtype, made.shape);
    made = add(builder, "quantize", made, { ...y, ...(quantization && { quantization }) });
  }
  add(builder, "reshape", made, target);
  const states = [...builder.states, ...(graph.states ?? [])];
  return {
    ...graph,
    nodes: [...builder.nodes, ...graph.nodes],
    inputs: [pcm],
    ...(states.length > 0 && { states }),
  };
}
