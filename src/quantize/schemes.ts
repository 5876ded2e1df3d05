/** How a layer's weights and activations are kept. */

export const schemes = [
  "int8",
  "int4",
  "int2",
  "codebook",
  "dynamic-int8",
  "weight-int4",
  "weight-int2",
  "weight-codebook",
  "float16",
  "float32",
] as const;
export type Scheme = (typeof schemes)[number];

/** Nearest value; the nearest within the best clipped range, or within HQQ's; GPTQ and AdaRound, which need samples. */
export const methods = ["rtn", "mse", "hqq", "gptq", "adaround"] as const;
export type Method = (typeof methods)[number];

/** Whether a method weighs errors by the second moments of what a layer reads. */
export const isSecondOrder = (method: Method): boolean => method === "gptq" || method === "adaround";

/** What one layer becomes. */
export interface LayerScheme {
  scheme: Scheme;
  method: Method;
  /** Weights that share a scale, for weight-int4, weight-int2 and weight-codebook: a multiple of 8. */
  blockSize: number;
  /** Zero points for the blocks of weight-int4 and weight-int2. */
  asymmetric: boolean;
  /** Share of the weights that goes. */
  prune: number;
  /** What goes together: output channels × consecutive weights of each. */
  pruneBlock: [number, number];
  /** Why the default scheme is not for this operator. */
  reason?: string;
}

export const defaultScheme: LayerScheme = {
  scheme: "int8",
  method: "rtn",
  blockSize: 32,
  asymmetric: false,
  prune: 0,
  pruneBlock: [8, 4],
};

/** Whether activations are int8 with calibrated ranges. */
export const isStatic = (scheme: Scheme): boolean =>
  scheme === "int8" || scheme === "int4" || scheme === "int2" || scheme === "codebook";

/** Whether the layer becomes a dynamicFullyConnected. */
export const isDynamic = (scheme: Scheme): boolean => !isStatic(scheme) && !scheme.startsWith("float");

/** Bits of the stored values; undefined for floats. */
export function bitsOf(scheme: Scheme): 8 | 4 | 2 | undefined {
  if (scheme.startsWith("float")) return undefined;
  if (scheme.endsWith("int8")) return 8;
  return scheme.endsWith("int2") ? 2 : 4;
}

/** Whether rounding needs more than `quantizeWeights` does. */
export const isPlain = ({ scheme, method, prune }: LayerScheme): boolean =>
  prune === 0 && (scheme === "float32" || (scheme === "int8" && method === "rtn"));
