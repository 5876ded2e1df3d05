import type { Graph, Node, Tensor } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import type { Range } from "./affine.ts";
import { type CalibrateOptions, calibrate, type Samples } from "./calibrate.ts";
import { amongFloats } from "./defaults.ts";
import { forgetful, type MakeExecutor } from "./executor.ts";
import { asFloatLayers } from "./hybrid.ts";
import { needsRanges, roundWeights } from "./layers/index.ts";
import type { WeightReport } from "./layers/round.ts";
import { unfold, unfoldSparse } from "./layers/unfold.ts";
import { correctBiases } from "./methods/bias-correction.ts";
import { equalize } from "./methods/equalize.ts";
import { pruneChannels } from "./methods/prune-channels.ts";
import { type RecoverOptions, recover } from "./methods/recover.ts";
import { smooth } from "./methods/smooth.ts";
import { keepZeroBlocks } from "./methods/zero-blocks.ts";
import { nearestRecipe } from "./nearest.ts";
import { hasWeights } from "./operators.ts";
import { assignSchemes, type Recipe } from "./recipe.ts";
import { compare, type Report } from "./report.ts";
import { measureShifts } from "./shifts.ts";
import { quantizeStatic, type StaticInt8, type StaticOptions } from "./static-int8.ts";
import { quantizeTables } from "./tables.ts";
import { floats } from "./weights.ts";

export interface BuildOptions
  extends Omit<StaticOptions, "float" | "weights">,
    Omit<CalibrateOptions, "onProgress"> {
  makeExecutor: MakeExecutor;
  /** Samples that don't follow from each other: models forget what they remember between them. */
  independent?: boolean;
  /** Which layer gets which scheme; static int8 throughout by default. */
  recipe?: Recipe;
  /** Even out the weights of neighbouring layers first: cross-layer equalization. */
  equalize?: boolean;
  /** Take the mean error of each layer out of its bias. */
  biasCorrection?: boolean;
  /** Scale channels between layers so that both sides lose little: SmoothQuant and AWQ. */
  smooth?: boolean;
  /** Remove this share of the channels, with the weights that make and read them: structured pruning. */
  pruneChannels?: number;
  /** Prune little by little and train the rest towards the float model's outputs, so many walks over the samples long. */
  recover?: number;
  /** Samples to train on, labelled or not; the calibration samples by default. */
  recoverOn?: Samples;
  /** Of the activations of the graph, where they are known already. */
  ranges?: ReadonlyMap<Tensor, Range>;
  onProgress?: (phase: Phase, done: number, total?: number) => void;
}

export interface QuantizeOptions extends BuildOptions {
  /** Measure noisy, louder and quieter inputs too. */
  shifts?: boolean;
  /** What the report is measured on; the calibration samples by default. */
  compareOn?: Samples;
  /** Samples the report is measured on at most. */
  compareLimit?: number;
  /** A class that accuracy is also given without. */
  withoutLabel?: number;
}

/**
 * Channels, training, ranges, second moments, weights, biases, the report, the same by nearest values, and shifted inputs, in
 * this order; only those that are needed.
 */
export type Phase =
  | "observe"
  | "recover"
  | "calibrate"
  | "measure"
  | "round"
  | "correct"
  | "compare"
  | "nearest"
  | "shift";

/** A quantized graph beside the float one it stands for. */
interface Built {
  /** Equalized, where that was asked for. */
  float: Graph;
  quantized: StaticInt8;
  /** Of layers that were rounded by a scheme's own methods. */
  weights: WeightReport[];
  /** How many there were and are, where channels were removed. */
  channels?: Report["channels"];
}

/**
 * Gives every layer of a float graph its scheme, by default static int8. `samples` is walked more than once; schemes
 * without static activations and second-order methods need none.
 *
 * @throws NibbleError naming the sample, tensor or operator at fault.
 */
export function buildQuantized(given: Graph, samples: Samples | undefined, options: BuildOptions): Built {
  const source = asFloatLayers(given);
  const { recipe: _, onProgress, ...scheme } = options;
  const makeExecutor = executorOf(options);
  const isFloat = (node: Node) => node.op !== "dequantize" && node.outputs.some((t) => t.dtype === "float32");
  if (!source.nodes.some(isFloat))
    throw new NibbleError(
      "unsupported",
      `graph "${source.name}" has no float operators: convert it as it is`,
    );
  checkWeights(source);
  const plan = planned(options.equalize ? equalize(source).graph : source, options);
  const float = plan.graph;
  const needsSamples = (what: string): never => {
    throw new NibbleError(
      "bad-input",
      `graph "${source.name}": ${what} needs calibration samples; give some, or leave it out`,
    );
  };
  const { graph, schemes, channels } = prepared(plan, samples, { ...options, makeExecutor }, needsSamples);
  const known = graph === float ? options.ranges : undefined;
  const isCalibrated = needsRanges(schemes) || scheme.io === "int8";
  if (isCalibrated && !samples && !known)
    throw new NibbleError(
      "bad-input",
      `graph "${graph.name}": int8 activations need calibration samples; give some, or a scheme without them, such as dynamic-int8`,
    );
  if (options.biasCorrection && !samples) needsSamples("bias correction");
  const ranges =
    known ??
    (isCalibrated
      ? calibrate(graph, samples!, makeExecutor, {
          ...scheme,
          onProgress: (done, total) => onProgress?.("calibrate", done, total),
        })
      : new Map());
  const rounded = roundWeights(graph, schemes, samples, makeExecutor, onProgress);
  const quantized = quantizeStatic(rounded.graph, ranges, {
    ...scheme,
    float: rounded.float,
    weights: rounded.weights,
  });
  if (options.biasCorrection && samples)
    correctBiases(graph, quantized, samples, makeExecutor, (done, total) =>
      onProgress?.("correct", done, total),
    );
  const narrow = [...schemes].flatMap(([{ name }, { scheme }]) => (scheme.startsWith("float") ? [] : [name]));
  quantized.graph = unfoldSparse(quantizeTables(quantized.graph, new Set(narrow)));
  return { float, quantized, weights: rounded.report, ...(channels && { channels }) };
}

const executorOf = ({ makeExecutor, independent }: BuildOptions): MakeExecutor =>
  independent ? forgetful(makeExecutor) : makeExecutor;

/**
 * As `buildQuantized`, and measures what it costs. Without anything to measure on, the report only tells of the weights.
 *
 * @throws NibbleError naming the sample, tensor or operator at fault.
 */
export function quantize(
  source: Graph,
  samples: Samples | undefined,
  options: QuantizeOptions,
): { graph: Graph; report: Report } {
  const { compareOn = samples, compareLimit, withoutLabel, onProgress, recipe = {} } = options;
  const makeExecutor = executorOf(options);
  const { float, quantized, weights: rounded, channels } = buildQuantized(source, samples, options);
  const weights = { ...(rounded.length > 0 && { weights: rounded }), ...(channels && { channels }) };
  if (!compareOn) {
    const report = { graph: float.name, samples: 0, layers: [], outputs: [], float: quantized.float };
    return { graph: quantized.graph, report: { ...report, ...weights } };
  }
  const limits = {
    ...(compareLimit !== undefined && { limit: compareLimit }),
    ...(withoutLabel !== undefined && { withoutLabel }),
  };
  const report = compare(float, quantized, compareOn, makeExecutor, {
    ...limits,
    onProgress: (done, total) => onProgress?.("compare", done, total),
  });
  const plain = options.recover ? undefined : nearestRecipe(recipe);
  if (plain) {
    const advance = (done: number, total?: number) => onProgress?.("nearest", done, total);
    const built = buildQuantized(source, samples, {
      ...options,
      recipe: plain,
      onProgress: (_, done, total) => advance(done, total),
    });
    const found = compare(built.float, built.quantized, compareOn, makeExecutor, {
      ...limits,
      onProgress: advance,
    });
    const { outputs, agreement, accuracy } = found;
    report.nearest = { outputs, ...(agreement && { agreement }), ...(accuracy && { accuracy }) };
  }
  if (options.shifts)
    report.shifts = measureShifts(float, quantized.graph, compareOn, makeExecutor, (done, total) =>
      onProgress?.("shift", done, total),
    );
  return { graph: quantized.graph, report: { ...report, ...weights } };
}

type Plan = ReturnType<typeof planned>;

/** The float graph made easier to quantize, or smaller. */
function prepared(
  plan: Plan,
  samples: Samples | undefined,
  options: BuildOptions,
  needsSamples: (what: string) => never,
): Plan & Pick<Built, "channels"> {
  const { makeExecutor, onProgress } = options;
  const observed = (done: number, total?: number) => onProgress?.("observe", done, total);
  let { graph, schemes } = plan;
  /** Operators stay in their places, with their schemes. */
  const replace = (next: Graph): void => {
    schemes = new Map(next.nodes.map((node, i) => [node, schemes.get(graph.nodes[i])!]));
    graph = next;
  };
  /** The float model, where channels have gone. */
  let teacher: RecoverOptions["teacher"];
  let channels: Report["channels"];
  if (options.pruneChannels) {
    const given = samples ?? needsSamples("pruning of channels");
    const made = pruneChannels(graph, schemes, options.pruneChannels, given, makeExecutor, observed);
    teacher = { graph, kept: made.kept };
    ({ graph, schemes, channels } = made);
  }
  if (options.smooth)
    replace(smooth(graph, schemes, samples ?? needsSamples("smoothing"), makeExecutor, observed).graph);
  const removed = channels && { channels };
  if (!options.recover) return { graph, schemes, ...removed };
  const trainedOn = options.recoverOn ?? samples ?? needsSamples("recovery");
  const trained = recover(graph, schemes, trainedOn, makeExecutor, {
    epochs: options.recover,
    ...(teacher && { teacher }),
    onProgress: (done, total) => onProgress?.("recover", done, total),
  });
  return { ...trained, ...removed };
}

/** The graph that is quantized, and the scheme of each of its operators. */
function planned(graph: Graph, { recipe = {}, exclude }: BuildOptions) {
  const schemes = assignSchemes(graph, recipe);
  for (const [node, scheme] of schemes)
    if (exclude?.includes(node.name))
      schemes.set(node, { ...scheme, scheme: "float32", prune: 0, reason: "" });
  keepZeroBlocks(schemes);
  return unfold(graph, schemes, (node) => schemes.get(node)!.reason === amongFloats);
}

/** `graph` with the convolutions unfolded that plain quantization makes dynamic. */
export function withRows(graph: Graph): Graph {
  const schemes = assignSchemes(graph, {});
  return unfold(graph, schemes, (node) => schemes.get(node)!.reason === amongFloats).graph;
}

/** Constants that are not finite are at fault themselves, not the sample that first meets them. */
export function checkWeights({ nodes }: Graph): void {
  for (const node of nodes.filter(hasWeights))
    for (const tensor of node.inputs) if (tensor?.data instanceof Float32Array) floats(tensor);
}
