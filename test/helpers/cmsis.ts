import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dataFolder } from "./data.ts";

interface Values {
  dtype: string;
  values: number[];
}

/** One operator of the CMSIS-NN test data, or one layer of its network. */
export interface CmsisLayer {
  op: string;
  config: Record<string, number>;
  tensors: Record<string, Values>;
}

export interface CmsisNetwork {
  input: Values;
  layers: ({ op: string; config: Record<string, number> } & Record<string, Values>)[];
  output: Values;
}

const folder = dataFolder();
const vectors = folder ? join(folder, "conformance/cmsis_nn") : "";
const network = "ds_cnn_s.json";

/** Files of the single-operator cases; none without the test data. */
export const cmsisCases: string[] = folder ? readdirSync(vectors).filter((file) => file !== network) : [];

const load = (file: string) => JSON.parse(readFileSync(join(vectors, file), "utf8"));

export const loadCmsisCase = (file: string): CmsisLayer => load(file);

export const loadCmsisNetwork = (): CmsisNetwork => load(network);

/** int4 weights come as two signed nibbles a byte, the low one first. */
function expand({ dtype, values }: Values, count: number): Int8Array {
  if (dtype !== "int4 packed") return Int8Array.from(values);
  const nibbles = values.flatMap((byte) => [(byte << 28) >> 28, (byte << 24) >> 28]);
  return Int8Array.from(nibbles.slice(0, count));
}

/** The layer in the graph's terms; depthwise weights are [1, KH, KW, O], others [O, KH, KW, I]. */
export function cmsisGeometry({ op, config: c, tensors }: CmsisLayer, inputLength: number) {
  const dense = op === "fully_connected";
  const depthwise = op === "depthwise_conv_2d";
  const outputs = tensors.bias?.values.length ?? c.OUT_CH;
  const perGroup = dense ? inputLength / (c.INPUT_BATCHES ?? 1) : depthwise ? 1 : c.IN_CH;
  const [kernelH, kernelW] = dense ? [1, 1] : [c.FILTER_Y, c.FILTER_X];
  const pair = (a: number, b: number): [number, number] => [a, b];
  return {
    dense,
    depthwise,
    inputShape: dense
      ? [1, 1, c.INPUT_BATCHES, perGroup]
      : [c.INPUT_BATCHES, c.INPUT_H, c.INPUT_W, depthwise ? outputs : c.IN_CH],
    outputShape: dense
      ? [1, 1, c.INPUT_BATCHES, outputs]
      : [c.INPUT_BATCHES, c.OUTPUT_H, c.OUTPUT_W, outputs],
    weights: expand(tensors.weights, outputs * kernelH * kernelW * perGroup),
    outputs,
    perGroup,
    kernel: pair(kernelH, kernelW),
    stride: dense ? pair(1, 1) : pair(c.STRIDE_Y, c.STRIDE_X),
    dilation: dense ? pair(1, 1) : pair(c.DILATION_Y ?? 1, c.DILATION_X ?? 1),
    padding: { top: dense ? 0 : c.PAD_Y, left: dense ? 0 : c.PAD_X, bottom: 0, right: 0 },
    bias: tensors.bias ? Int32Array.from(tensors.bias.values) : null,
    multipliers: tensors.output_mult?.values ?? [c.OUTPUT_MULTIPLIER],
    shifts: tensors.output_shift?.values ?? [c.OUTPUT_SHIFT],
    inputZeroPoint: -c.INPUT_OFFSET,
    outputZeroPoint: c.OUTPUT_OFFSET,
    range: { min: c.OUT_ACTIVATION_MIN, max: c.OUT_ACTIVATION_MAX },
  };
}
