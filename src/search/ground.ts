/** What every task of a search stands on: the float graph, what it computes, and samples in memory that threads share. */

import { elementCount, type Graph, type Tensor, type TensorData } from "../graph/graph.ts";
import { pack } from "../pack/pack.ts";
import type { Range } from "../quantize/affine.ts";
import { type CalibrateOptions, calibrate, checkInputs, type Samples } from "../quantize/calibrate.ts";
import { forgetful } from "../quantize/executor.ts";
import { type BuildOptions, checkWeights } from "../quantize/index.ts";
import { equalize } from "../quantize/methods/equalize.ts";
import { NibbleError } from "../runtime/errors.ts";
import { createExecutor } from "../runtime/executor.ts";
import { createModel, type Model } from "../runtime/model.ts";
import type { Sample } from "../samples/sample.ts";
import { wasm } from "../wasm.ts";

/** How the graphs of a search are built, apart from their recipes. */
export type BuildSettings = Pick<
  BuildOptions,
  "exclude" | "perTensor" | "io" | "equalize" | "biasCorrection" | "independent"
> &
  Pick<CalibrateOptions, "method" | "percentile">;

export interface SearchGround {
  /** Equalized already, where that was asked for. */
  graph: Graph;
  ranges: Map<Tensor, Range>;
  calibration: Sample[];
  /** What quality is measured on. */
  judged: Sample[];
  /** What the float graph gives for each of them, its float32 outputs in order. */
  outputs: Float32Array[][];
  /** Whether the first output is a vector of scores; and whether these are probabilities. */
  kind: "values" | "scores" | "probabilities";
  build: Omit<BuildSettings, "equalize">;
  /** What the packed file carries beside the model. */
  metadata?: unknown;
}

/** Samples and outputs kept in memory; of more, evenly spread ones are taken. */
const memoryLimit = 256 * 2 ** 20;

export function layGround(
  source: Graph,
  calibration: Samples,
  judged: Samples | undefined,
  { equalize: isEqualized, ...build }: BuildSettings,
  onProgress?: (label: string, done: number, total?: number) => void,
): SearchGround {
  const graph = isEqualized ? equalize(source).graph : source;
  checkWeights(graph);
  const kept = keep(graph, calibration, (done, total) => onProgress?.("reading    ", done, total));
  const judgedOn = judged
    ? keep(graph, judged, (done, total) => onProgress?.("reading    ", done, total))
    : kept;
  const makeExecutor = build.independent
    ? forgetful((g) => createExecutor(g))
    : (g: Graph) => createExecutor(g);
  const ranges = calibrate(graph, kept, makeExecutor, {
    ...build,
    onProgress: (done, total) => onProgress?.("calibrating", done, total),
  });
  const model = createModel(wasm, pack(graph).bytes, { name: graph.name });
  const floats = graph.outputs.flatMap(({ dtype }, i) =>
    dtype === "float32" ? [model.outputs[i]!.name] : [],
  );
  const outputs = judgedOn.map((sample, i) => {
    const found = runOn(model, sample, build);
    onProgress?.("float model", i + 1, judgedOn.length);
    return floats.map((name) => shared(found[name] as Float32Array));
  });
  model.dispose();
  return {
    graph,
    ranges,
    calibration: kept,
    judged: judgedOn,
    outputs,
    kind: kindOf(graph, judgedOn, outputs),
    build,
  };
}

/** One inference; a view. */
export function runOn(
  model: Model,
  sample: Sample,
  { independent }: Pick<BuildSettings, "independent">,
): Record<string, TensorData> {
  if (independent) model.reset();
  return model.run(Object.fromEntries(model.inputs.map(({ name }, i) => [name, sample.inputs[i]!])));
}

/** The samples in memory that other threads can see. */
function keep(graph: Graph, samples: Samples, onProgress: (done: number, total?: number) => void): Sample[] {
  const outputs = graph.outputs.reduce((sum, { shape }) => sum + 4 * elementCount(shape), 0);
  const inputs = graph.inputs.reduce((sum, { shape }) => sum + 4 * elementCount(shape), 0);
  const most = Math.max(1, Math.floor(memoryLimit / (inputs + outputs)));
  const stride = Math.max(1, Math.ceil((samples.length ?? 0) / most));
  const kept: Sample[] = [];
  let seen = 0;
  for (const sample of samples) {
    if (seen++ % stride === 0 && kept.length < most) {
      checkInputs(graph, sample);
      kept.push({ ...sample, inputs: sample.inputs.map(shared) });
    }
    onProgress(seen, samples.length);
  }
  if (kept.length > 0) return kept;
  throw new NibbleError("bad-input", `graph "${graph.name}": no samples to search with; give at least one`);
}

function shared<T extends TensorData>(data: T): T {
  const made = new SharedArrayBuffer(data.byteLength);
  const copy = new (data.constructor as new (buffer: SharedArrayBuffer) => T)(made);
  copy.set(data as never);
  return copy;
}

/** Labels tell that a vector holds scores, and so do values that are probabilities. */
function kindOf(
  { outputs: [output] }: Graph,
  judged: readonly Sample[],
  outputs: readonly Float32Array[][],
): SearchGround["kind"] {
  const isVector = output?.dtype === "float32" && output.shape.filter((d) => d !== 1).length === 1;
  if (!isVector) return "values";
  const isProbability = outputs.every(
    ([scores]) =>
      scores!.every((p) => p >= -1e-3 && p <= 1 + 1e-3) &&
      Math.abs(scores!.reduce((sum, p) => sum + p, 0) - 1) < 1e-2,
  );
  if (isProbability) return "probabilities";
  return judged.some(({ label }) => label !== undefined) ? "scores" : "values";
}
