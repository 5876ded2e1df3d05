import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { importTflite } from "../../src/import/tflite/index.ts";
import { dataFolder } from "../helpers/data.ts";
import { loadGolden } from "../helpers/golden.ts";
import { runReference } from "./run.ts";

const folder = dataFolder();

const exact = [
  "ad01_int8",
  "aeq_conv_fc_mnist_srq_a8w8",
  "aeq_reshape_with_empty_shape",
  "aeq_single_transpose_int32",
  "aeq_two_signatures_a8w8",
  "hello_world_int8",
  "kws_ref_model",
  "micro_speech_quantized",
  "mobilenet_v1_025_128_uint8",
  "mobilenet_v2_int8_224",
  "person_detect",
  "resnet8_int8",
  "vww_96_int8",
];

/** Tolerances are the goldens' own. */
const close = [
  "ad01_fp32",
  "aeq_blockwise_i4rangedvalues_fc",
  "aeq_channel_i4rangedvalues_fc",
  "aeq_conv_fc_mnist",
  "aeq_duplicated_tensor_names",
  "aeq_mnist_quantized",
  "aeq_padv2_inf_max_pool_2d",
  "aeq_single_add",
  "aeq_single_depthwise_conv2d_bias",
  "aeq_single_fc_bias_logistic",
  "aeq_single_fc_bias_relu6",
  "aeq_single_gelu",
  "aeq_single_hard_swish",
  "aeq_single_max_pool_2d",
  "aeq_single_mean",
  "aeq_single_mul2_constant_input",
  "aeq_single_pad",
  "aeq_single_relu",
  "aeq_single_rsqrt",
  "aeq_single_sqrt",
  "aeq_single_sub1_constant_input",
  "aeq_single_tanh",
  "aeq_single_transpose",
  "aeq_tensor_i4rangedvalues_fc",
  "aeq_two_inputs_concatenation",
  "hello_world_float",
  "kws_hybrid",
  "resnet8_float",
  "vww_96_float",
];

const importModel = (file: string) => importTflite(new Uint8Array(readFileSync(file)), { file });

function outputsOf(name: string) {
  const golden = loadGolden("tflite", name);
  const graph = importModel(golden.model);
  return {
    compare: golden.compare,
    steps: golden.steps.map((step) => {
      const values = runReference(
        graph,
        step.inputs.map((tensor) => tensor.data),
      );
      return graph.outputs.map((tensor, i) => ({
        got: Array.from<number | bigint>(values.get(tensor)!),
        want: Array.from<number | bigint>(step.outputs[i].data),
      }));
    }),
  };
}

describe.skipIf(!folder)("LiteRT goldens in `single` rounding (skipped without test data)", () => {
  test.each(exact)("%s, bit for bit", (name) => {
    const { compare, steps } = outputsOf(name);
    expect(compare.mode).toBe("bit-exact");
    expect(steps.length).toBeGreaterThan(0);
    for (const { got, want } of steps.flat()) expect(got).toEqual(want);
  });

  test.each(close)("%s, within its tolerance", (name) => {
    const { compare, steps } = outputsOf(name);
    if (compare.mode !== "tolerance") throw new Error("expected a tolerance");
    for (const { got, want } of steps.flat()) {
      expect(got.length).toBe(want.length);
      const far = want.findIndex((b, i) => {
        const difference = Math.abs(Number(got[i]) - Number(b));
        return !(difference <= compare.atol + compare.rtol * Math.abs(Number(b))) && !Object.is(got[i], b);
      });
      expect(far, `element ${far}: ${got[far]} for ${want[far]}`).toBe(-1);
    }
  });

  test("person_detect on its two images", () => {
    const images = join(folder!, "images");
    const expected = JSON.parse(readFileSync(join(images, "person_expected.json"), "utf8"));
    const graph = importModel(join(folder!, expected.model));
    for (const image of ["person.bmp", "no_person.bmp"]) {
      const rows = readFileSync(join(images, image)).subarray(1078);
      const pixels = new Int8Array(96 * 96);
      for (let y = 0; y < 96; y++) for (let x = 0; x < 96; x++) pixels[y * 96 + x] = rows[(95 - y) * 96 + x];
      const values = runReference(graph, [pixels]);
      expect(Array.from(values.get(graph.outputs[0]) as Int8Array)).toEqual(expected[image]);
    }
  });
});
