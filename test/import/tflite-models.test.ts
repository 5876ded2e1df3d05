/** Every TFLite model of the test data: imported and right, or refused by name. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Graph, TensorData } from "../../src/graph/graph.ts";
import { importTflite } from "../../src/import/tflite/index.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import { dataFolder } from "../helpers/data.ts";
import { evaluate } from "../helpers/evaluate.ts";
import { listGoldens, loadGolden } from "../helpers/golden.ts";
import { graphProblems } from "../helpers/tflite-invariants.ts";
import { runReference } from "../reference/run.ts";

const folder = join(dataFolder() ?? "", "models/tflite");
const read = (name: string) => new Uint8Array(readFileSync(join(folder, `${name}.tflite`)));

/** Number of nodes. One more than the file's operators: micro_speech, whose dense layer flattens its input. */
const imported: Record<string, number> = {
  ad01_fp32: 10,
  ad01_int8: 10,
  aeq_blockwise_i4rangedvalues_fc: 1,
  aeq_bmm: 2,
  aeq_bmm_constant_input: 2,
  aeq_branching_conv_fc: 11,
  aeq_channel_i4rangedvalues_fc: 1,
  aeq_constant_tensor_and_buffer_only_sharing_weight_fcs: 2,
  aeq_conv_fc_mnist: 6,
  aeq_conv_fc_mnist_srq_a8w8: 6,
  aeq_duplicated_tensor_names: 6,
  aeq_dynamic_update_slice: 1,
  aeq_embedding_lookup: 1,
  aeq_insert_dequant_test: 5,
  aeq_mnist_quantized: 6,
  aeq_padv2_inf_max_pool_2d: 2,
  aeq_partly_quantized_mnist: 8,
  aeq_reshape_with_empty_shape: 1,
  aeq_sdpa_composite: 19,
  aeq_simple_composite: 1,
  aeq_single_add: 1,
  aeq_single_add1_constant_input: 1,
  aeq_single_broadcast_to: 1,
  aeq_single_conv2d_transpose_bias: 1,
  aeq_single_depthwise_conv2d_bias: 1,
  aeq_single_div: 1,
  aeq_single_equal: 1,
  aeq_single_fc: 1,
  aeq_single_fc_bias: 1,
  aeq_single_fc_bias_logistic: 2,
  aeq_single_fc_bias_relu: 1,
  aeq_single_fc_bias_relu6: 1,
  aeq_single_fc_bias_sub_channel_weight_only_sym_weight: 6,
  aeq_single_fc_no_bias: 1,
  aeq_single_gather: 1,
  aeq_single_gather_nd_with_const_indices: 1,
  aeq_single_gather_nd_with_const_params: 1,
  aeq_single_gelu: 1,
  aeq_single_hard_swish: 1,
  aeq_single_max_pool_2d: 1,
  aeq_single_maximum: 1,
  aeq_single_mean: 1,
  aeq_single_mul: 1,
  aeq_single_mul2_constant_input: 1,
  aeq_single_not_equal: 1,
  aeq_single_pack: 3,
  aeq_single_pad: 1,
  aeq_single_padv2: 1,
  aeq_single_reduce_min: 1,
  aeq_single_relu: 1,
  aeq_single_resize_bilinear: 1,
  aeq_single_resize_nearest_neighbor: 1,
  aeq_single_rsqrt: 1,
  aeq_single_select: 1,
  aeq_single_select_v2: 1,
  aeq_single_space_to_depth: 3,
  aeq_single_split: 2,
  aeq_single_sqrt: 1,
  aeq_single_squared_difference: 1,
  aeq_single_strided_slice: 1,
  aeq_single_sub: 1,
  aeq_single_sub1_constant_input: 1,
  aeq_single_sum: 1,
  aeq_single_symmetric_pad: 6,
  aeq_single_tanh: 1,
  aeq_single_transpose: 1,
  aeq_single_transpose_int32: 1,
  aeq_single_unpack: 4,
  aeq_tensor_i4rangedvalues_fc: 1,
  aeq_toy_model_with_kv_cache_multi_signature: 97,
  aeq_two_inputs_concatenation: 1,
  aeq_two_signatures: 1,
  aeq_two_signatures_a8w8: 1,
  aeq_weight_sharing_fcs: 1,
  audio_preprocessor_float: 4,
  audio_preprocessor_int8: 10,
  dtln_hybrid_1: 59,
  dtln_hybrid_2: 76,
  dtln_noise_suppression: 8,
  hello_world_float: 3,
  hello_world_int8: 3,
  kws_hybrid: 13,
  kws_ref_model: 13,
  kwt1_float: 625,
  micro_speech_quantized: 5,
  mobilenet_v1_025_128_uint8: 31,
  mobilenet_v2_int8_224: 84,
  movie_review: 5,
  mww_okay_nabu_v1: 56,
  mww_okay_nabu_v2: 38,
  mww_vad_v2: 19,
  oww_embedding: 64,
  person_detect: 31,
  resnet8_float: 16,
  resnet8_int8: 16,
  trained_lstm_float: 6,
  trained_lstm_int8: 6,
  vww_96_float: 31,
  vww_96_int8: 31,
};

/** What the refusal names. */
const refused: Record<string, string[]> = {
  aeq_single_slice: ['SLICE "PartitionedCall:0": starts "slice_begin:0"'],
  oww_melspectrogram: ['input "serving_default_input:0" (shape [-1,-1])'],
};

/**
 * Steps of the output's scale that rounding elsewhere in the model may cost, where it is more than one: these
 * end in a softmax that is steep for one of the inputs, so that a logit one step off moves it by more.
 */
const allowedSteps: Record<string, number> = { resnet8_int8: 12, aeq_conv_fc_mnist_srq_a8w8: 2 };

/** Their goldens are played in test/conformance, where states live. */
const hasMemory = new Set([
  "dtln_noise_suppression",
  "mww_okay_nabu_v1",
  "mww_okay_nabu_v2",
  "mww_vad_v2",
  "trained_lstm_float",
  "trained_lstm_int8",
]);

const goldens = listGoldens("tflite").filter(
  (name) => name in imported && !hasMemory.has(name) && !loadGolden("tflite", name).isReserve,
);

const skipped = dataFolder() === undefined;

/** In real numbers; where an operator has no rule there, by the rules of docs/numerics.md. */
function valuesOf(graph: Graph, inputs: TensorData[]): ArrayLike<number>[] {
  try {
    return evaluate(graph, inputs);
  } catch {
    const values = runReference(graph, inputs);
    return graph.outputs.map((tensor) => Float64Array.from(values.get(tensor)!, Number));
  }
}

describe.skipIf(skipped)(`TFLite models${skipped ? " (skipped: no test data)" : ""}`, () => {
  test("the tables name every model", () => {
    const found = readdirSync(folder).flatMap((file) => /^(.*)\.tflite$/.exec(file)?.[1] ?? []);
    expect([...Object.keys(imported), ...Object.keys(refused)].sort()).toEqual(found.sort());
  });

  test.each(Object.entries(imported))("%s: a sound graph of %i nodes", (name, nodes) => {
    const graph = importTflite(read(name), { file: `${name}.tflite` });
    expect(graph.nodes).toHaveLength(nodes);
    expect(graphProblems(graph)).toEqual([]);
  });

  test.each(Object.entries(refused))("%s: refused by name", (name, expected) => {
    let error: unknown;
    try {
      importTflite(read(name), { file: `${name}.tflite` });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(NibbleError);
    expect(error).toMatchObject({ code: "unsupported" });
    const { message } = error as NibbleError;
    for (const item of expected) expect(message).toContain(/: | \(/.test(item) ? item : ` ${item} ×`);
  });

  test.each(goldens)("%s means what its golden says", { timeout: 60_000 }, (name) => {
    const golden = loadGolden("tflite", name);
    const graph = importTflite(read(name), { file: name, subgraph: golden.subgraph });
    for (const step of golden.steps.slice(0, 3)) {
      expect(graph.inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape }))).toEqual(
        step.inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
      );
      const outputs = valuesOf(
        graph,
        step.inputs.map((tensor) => tensor.data),
      );
      step.outputs.forEach((expected, k) => {
        const { compare } = golden;
        const far = Array.from(outputs[k]).findIndex((value, i) => {
          const target = Number(expected.data[i]);
          const allowed =
            compare.mode === "bit-exact"
              ? (allowedSteps[name] ?? 1)
              : compare.atol + compare.rtol * Math.abs(target);
          return !(Math.abs(value - target) <= allowed || Object.is(value, target));
        });
        expect(far, `${expected.name}[${far}]: ${outputs[k][far]} for ${expected.data[far]}`).toBe(-1);
      });
    }
  });

  test("both subgraphs of a two-signature model", () => {
    const file = read("aeq_two_signatures_a8w8");
    const [add, other] = [0, 1].map((subgraph) => importTflite(file, { file: "two", subgraph }));
    expect(add.inputs[0].name).not.toBe(other.inputs[0].name);
  });

  test("fully connected layers that share weights share one tensor", () => {
    const { nodes } = importTflite(read("aeq_constant_tensor_and_buffer_only_sharing_weight_fcs"), {
      file: "fcs",
    });
    expect(nodes[0].inputs[1]).toBe(nodes[1].inputs[1]);
  });

  test("person_detect: biases of one dimension, scales along it", () => {
    const { nodes } = importTflite(read("person_detect"), { file: "person" });
    const { quantization, shape } = nodes[0].inputs[2]!;
    expect(quantization).toMatchObject({ axis: 0 });
    expect(quantization?.scale).toHaveLength(shape[0]);
  });

  test.each(["kws_ref_model", "mobilenet_v1_025_128_uint8"])("%s cut at 200 places", (name) => {
    const file = read(name);
    for (let i = 0; i < 200; i++) {
      const cut = file.slice(0, Math.floor((i * file.length) / 200));
      try {
        // Succeeds where a file ends in what an import does not read.
        expect(importTflite(cut, { file: name }).nodes).toHaveLength(imported[name]);
      } catch (error) {
        expect(error).toBeInstanceOf(NibbleError);
        expect(error).toMatchObject({ code: "bad-file" });
      }
    }
  });
});
