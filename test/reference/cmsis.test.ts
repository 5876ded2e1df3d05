import { describe, expect, test } from "vitest";
import { divideRoundingAway } from "../../src/numerics/mean.ts";
import { quantizedRange } from "../../src/numerics/range.ts";
import { softmaxParameters, softmaxRow } from "../../src/numerics/softmax.ts";
import {
  type CmsisLayer,
  cmsisCases,
  cmsisGeometry,
  loadCmsisCase,
  loadCmsisNetwork,
} from "../helpers/cmsis.ts";
import { convolveQuantized, depthwiseWeights } from "./conv.ts";

/** CMSIS-NN gives multipliers, not scales, so the layer is run below the graph, in the `double` form. */
function runLayer(layer: CmsisLayer, x: Int8Array): Int8Array {
  const { depthwise, outputs, kernel, perGroup, weights, bias, multipliers, shifts, ...geometry } =
    cmsisGeometry(layer, x.length);
  const y = new Int8Array(geometry.outputShape.reduce((a, b) => a * b));
  convolveQuantized(
    { ...geometry, weightShape: [outputs, ...kernel, perGroup], groups: depthwise ? outputs : 1 },
    x,
    depthwise ? depthwiseWeights(weights, [1, ...kernel, outputs]) : weights,
    bias,
    {
      inputZeroPoint: geometry.inputZeroPoint,
      weightZeroPoints: [0],
      requantizations: multipliers.map((multiplier, i) => ({ form: "fixed", multiplier, shift: shifts[i] })),
      outputZeroPoint: geometry.outputZeroPoint,
      range: geometry.range,
    },
    y,
  );
  return y;
}

describe.skipIf(cmsisCases.length === 0)(
  "CMSIS-NN vectors in `double` rounding (skipped without test data)",
  () => {
    test.each(cmsisCases)("%s", (file) => {
      const layer = loadCmsisCase(file);
      const y = runLayer(layer, Int8Array.from(layer.tensors.input.values));
      expect(Array.from(y)).toEqual(layer.tensors.output.values);
    });

    test("ds_cnn_s, a whole network", () => {
      const { input, layers, output } = loadCmsisNetwork();
      let x: Int8Array = Int8Array.from(input.values);
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
      expect(Array.from(x)).toEqual(output.values);
    });
  },
);
