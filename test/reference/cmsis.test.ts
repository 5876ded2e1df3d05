import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { divideRoundingAway } from "../../src/numerics/mean.ts";
import { quantizedRange } from "../../src/numerics/range.ts";
import { softmaxParameters, softmaxRow } from "../../src/numerics/softmax.ts";
import { dataFolder } from "../helpers/data.ts";
import { convolveQuantized, depthwiseWeights } from "./conv.ts";

interface Values {
  dtype: string;
  values: number[];
}

interface Layer {
  op: string;
  config: Record<string, number>;
  tensors: Record<string, Values>;
}

const folder = dataFolder();
const vectors = folder ? join(folder, "conformance/cmsis_nn") : "";
const cases = folder ? readdirSync(vectors).filter((file) => file !== "ds_cnn_s.json") : [];
const load = (file: string) => JSON.parse(readFileSync(join(vectors, file), "utf8"));

/** int4 weights come as two signed nibbles a byte, the low one first. */
function expand({ dtype, values }: Values, count: number): Int8Array {
  if (dtype !== "int4 packed") return Int8Array.from(values);
  const nibbles = values.flatMap((byte) => [(byte << 28) >> 28, (byte << 24) >> 28]);
  return Int8Array.from(nibbles.slice(0, count));
}

/** CMSIS-NN gives multipliers, not scales, so the layer is run below the graph, in the `double` form. */
function runLayer({ op, config: c, tensors }: Layer, x: Int8Array): Int8Array {
  const dense = op === "fully_connected";
  const depthwise = op === "depthwise_conv_2d";
  const outputs = tensors.bias?.values.length ?? c.OUT_CH;
  const perGroup = dense ? x.length / (c.INPUT_BATCHES ?? 1) : depthwise ? 1 : c.IN_CH;
  const [kernelH, kernelW] = dense ? [1, 1] : [c.FILTER_Y, c.FILTER_X];
  const packed = expand(tensors.weights, outputs * kernelH * kernelW * perGroup);
  const outputShape = dense
    ? [1, 1, c.INPUT_BATCHES, outputs]
    : [c.INPUT_BATCHES, c.OUTPUT_H, c.OUTPUT_W, outputs];
  const y = new Int8Array(outputShape.reduce((a, b) => a * b));
  const multipliers = tensors.output_mult?.values ?? [c.OUTPUT_MULTIPLIER];
  const shifts = tensors.output_shift?.values ?? [c.OUTPUT_SHIFT];
  convolveQuantized(
    {
      inputShape: dense
        ? [1, 1, c.INPUT_BATCHES, perGroup]
        : [c.INPUT_BATCHES, c.INPUT_H, c.INPUT_W, depthwise ? outputs : c.IN_CH],
      weightShape: [outputs, kernelH, kernelW, perGroup],
      outputShape,
      stride: dense ? [1, 1] : [c.STRIDE_Y, c.STRIDE_X],
      dilation: dense ? [1, 1] : [c.DILATION_Y ?? 1, c.DILATION_X ?? 1],
      padding: { top: dense ? 0 : c.PAD_Y, left: dense ? 0 : c.PAD_X, bottom: 0, right: 0 },
      groups: depthwise ? outputs : 1,
    },
    x,
    depthwise ? depthwiseWeights(packed, [1, kernelH, kernelW, outputs]) : packed,
    tensors.bias ? Int32Array.from(tensors.bias.values) : null,
    {
      inputZeroPoint: -c.INPUT_OFFSET,
      weightZeroPoints: [0],
      requantizations: multipliers.map((multiplier, i) => ({ form: "fixed", multiplier, shift: shifts[i] })),
      outputZeroPoint: c.OUTPUT_OFFSET,
      range: { min: c.OUT_ACTIVATION_MIN, max: c.OUT_ACTIVATION_MAX },
    },
    y,
  );
  return y;
}

describe.skipIf(!folder)("CMSIS-NN vectors in `double` rounding (skipped without test data)", () => {
  test.each(cases)("%s", (file) => {
    const layer: Layer = load(file);
    const y = runLayer(layer, Int8Array.from(layer.tensors.input.values));
    expect(Array.from(y)).toEqual(layer.tensors.output.values);
  });

  test("ds_cnn_s, a whole network", () => {
    const { input, layers, output } = load("ds_cnn_s.json");
    let x: Int8Array = Int8Array.from((input as Values).values);
    for (const { op, config, ...tensors } of layers) {
      if (op === "average_pool_2d") {
        const channels = config.IN_CH;
        const taps = x.length / channels;
        x = Int8Array.from({ length: channels }, (_, c) => {
          let sum = 0;
          for (let i = 0; i < taps; i++) sum += x[i * channels + c];
          return divideRoundingAway(sum, taps);
        });
      } else if (op === "softmax") {
        // The network gives the multiplier and shift of scale · 2^26 instead of the scale.
        const scale = (config.MULT / 2 ** 31) * 2 ** (config.SHIFT - 26);
        const range = quantizedRange("int8");
        const how = softmaxParameters("double", scale, 1, { scale: 1 / 256, zeroPoint: -128 }, range);
        x = Int8Array.from(softmaxRow(x, how, -128, range));
      } else x = runLayer({ op, config, tensors }, x);
    }
    expect(Array.from(x)).toEqual((output as Values).values);
  });
});
