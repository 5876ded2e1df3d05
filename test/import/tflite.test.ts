import { describe, expect, test } from "vitest";
import { decodeFloat16 } from "../../src/import/tflite/float.ts";
import { importTflite } from "../../src/import/tflite/index.ts";
import { buildTflite } from "../helpers/tflite-builder.ts";
import { load, only, unbounded } from "../helpers/tflite-load.ts";
import {
  convModel,
  depthwiseModel,
  float,
  fullyConnectedModel,
  halfModel,
  hybridModel,
  int8Ramp,
  uint8Model,
} from "../helpers/tflite-models.ts";

describe("convolutions", () => {
  test("int8 per channel, SAME padding in numbers, fused RELU6", () => {
    const graph = load(convModel());
    const node = only(graph, "conv2d");
    expect(graph).toMatchObject({ name: "tiny", rounding: "single" });
    expect(graph.inputs).toEqual([node.inputs[0]]);
    expect(graph.outputs).toEqual(node.outputs);
    expect(node.name).toBe("y");
    expect(node.attributes).toEqual({
      stride: [2, 2],
      dilation: [1, 1],
      // 5 rows: 3 outputs reach 7, one row more on each side; 4 columns: 2 outputs reach 5, the odd one behind.
      padding: { top: 1, left: 0, bottom: 1, right: 1 },
      activation: { min: 0, max: 6 },
      groups: 1,
    });
    const [x, weights, bias] = node.inputs;
    expect(x).toEqual({
      name: "x",
      dtype: "int8",
      shape: [1, 5, 4, 2],
      quantization: { scale: Float32Array.of(0.5), zeroPoint: Int32Array.of(3), axis: 0 },
    });
    expect(weights).toEqual({
      name: "w",
      dtype: "int8",
      shape: [3, 3, 3, 2],
      quantization: { scale: Float32Array.of(0.25, 0.5, 0.125), zeroPoint: new Int32Array(3), axis: 0 },
      data: int8Ramp(54),
    });
    // The bias names dimension 3 in the file, which it does not have.
    expect(bias).toEqual({
      name: "b",
      dtype: "int32",
      shape: [3],
      quantization: { scale: Float32Array.of(0.125, 0.25, 0.0625), zeroPoint: new Int32Array(3), axis: 0 },
      data: Int32Array.of(-100, 0, 100000),
    });
    expect(node.outputs[0].quantization?.scale).toEqual(Float32Array.of(0.0235));
  });

  test("depthwise: multiplier from the shapes, dilation, scales along dimension 3", () => {
    const node = only(load(depthwiseModel()), "depthwiseConv2d");
    expect(node.attributes).toEqual({
      stride: [1, 1],
      dilation: [2, 1],
      padding: { top: 0, left: 0, bottom: 0, right: 0 },
      activation: unbounded,
      multiplier: 2,
    });
    expect(node.inputs[1]?.quantization?.axis).toBe(3);
    expect(node.inputs[2]?.data).toEqual(Int32Array.of(1, 2, 3, 4));
  });

  test("groups are input channels over the weights' own", () => {
    const model = convModel();
    model.tensors[0].shape = [1, 5, 4, 6];
    expect(only(load(model), "conv2d").attributes.groups).toBe(3);
  });

  test("uint8 keeps its type and the weights' zero point", () => {
    const node = only(load(uint8Model()), "conv2d");
    expect(node.inputs[1]).toEqual({
      name: "w",
      dtype: "uint8",
      shape: [2, 1, 1, 1],
      quantization: { scale: Float32Array.of(0.02), zeroPoint: Int32Array.of(131), axis: 0 },
      data: Uint8Array.of(7, 250),
    });
    expect(node.outputs[0].dtype).toBe("uint8");
  });
});

describe("fully connected", () => {
  test("int8 per channel without bias", () => {
    const node = only(load(fullyConnectedModel()), "fullyConnected");
    expect(node.inputs.map((tensor) => tensor?.shape)).toEqual([[2, 1, 3], [4, 3], undefined]);
    expect(node.inputs[2]).toBeNull();
    expect(node.outputs[0].shape).toEqual([2, 4]);
    expect(node.attributes).toEqual({ activation: { min: 0, max: Infinity } });
  });

  test("an input whose last dimension is not K is reshaped to rows first", () => {
    const { nodes } = load(fullyConnectedModel(6));
    expect(nodes.map((node) => node.op)).toEqual(["reshape", "fullyConnected"]);
    expect(nodes[0].outputs[0]).toMatchObject({ name: "y/rows", dtype: "int8", shape: [1, 6] });
    expect(nodes[0].outputs[0].quantization).toEqual(nodes[0].inputs[0]?.quantization);
    expect(nodes[1].inputs[0]).toBe(nodes[0].outputs[0]);
  });

  test("a bias of another rank becomes a vector", () => {
    const model = hybridModel();
    model.tensors[2].shape = [1, 1, 2];
    expect(only(load(model), "dynamicFullyConnected").inputs[2]?.shape).toEqual([2]);
  });

  test("hybrid: int8 weights under a float input stay int8, with a scale per row", () => {
    const node = only(load(hybridModel()), "dynamicFullyConnected");
    expect(node.attributes).toMatchObject({ bits: 8, blockSize: 8 });
    expect(node.inputs[1]).toEqual({
      name: "w",
      dtype: "int8",
      shape: [2, 2],
      data: Int8Array.of(-3, 0, 5, 127),
      quantization: { scale: Float32Array.of(0.1, 0.1), zeroPoint: Int32Array.of(-3, -3), axis: 0 },
    });
  });

  test("hybrid: rows of weights too long for one block become float32", () => {
    const long = hybridModel();
    const k = 2 ** 15 + 1;
    long.tensors[0].shape = [1, k];
    Object.assign(long.tensors[1], { shape: [2, k], data: new Int8Array(2 * k), zeroPoint: [0] });
    expect(only(load(long), "fullyConnected").inputs[1]).toMatchObject({ dtype: "float32", shape: [2, k] });
  });
});

describe("constants", () => {
  test("DEQUANTIZE of float16 weights folds", () => {
    const graph = load(halfModel());
    const node = only(graph, "fullyConnected");
    expect(node.inputs[1]).toEqual({
      name: "w",
      dtype: "float32",
      shape: [1, 2],
      data: Float32Array.of(1, -2.5),
    });
  });

  test("DEQUANTIZE of per-channel int8 weights folds along their dimension", () => {
    const model = halfModel();
    model.tensors[1] = {
      name: "w16",
      type: "int8",
      shape: [1, 2],
      data: Int8Array.of(10, 10),
      scale: [0.5, 2],
      zeroPoint: [1, -1],
      axis: 1,
    };
    expect(only(load(model), "fullyConnected").inputs[1]?.data).toEqual(Float32Array.of(4.5, 22));
  });

  test("every class of float16", () => {
    const halves = Uint16Array.of(
      0x0000,
      0x8000,
      0x0001,
      0x03ff,
      0x0400,
      0x3555,
      0x7bff,
      0xfbff,
      0x7c00,
      0xfc00,
      0x7e00,
    );
    const expected = [
      0,
      -0,
      2 ** -24,
      1023 * 2 ** -24,
      2 ** -14,
      1365 / 4096,
      65504,
      -65504,
      Infinity,
      -Infinity,
      NaN,
    ];
    expect([...decodeFloat16(new Uint8Array(halves.buffer))]).toEqual(expected);
  });

  test("tensors that share a buffer share their contents, and the file is not aliased", () => {
    const data = Float32Array.of(1, 2, 3);
    const file = buildTflite({
      tensors: [
        float("x", [3]),
        float("a", [3], data),
        float("b", [3], data),
        float("h", [3]),
        float("y", [3]),
      ],
      operators: [
        { op: "ADD", inputs: ["x", "a"], outputs: ["h"] },
        { op: "MUL", inputs: ["h", "b"], outputs: ["y"] },
      ],
      inputs: ["x"],
      outputs: ["y"],
    });
    const { nodes } = importTflite(file, { file: "shared" });
    expect(nodes[0].inputs[1]?.data).toEqual(data);
    expect(nodes[0].inputs[1]?.data).toBe(nodes[1].inputs[1]?.data);
    expect(nodes[0].inputs[1]?.data?.buffer).not.toBe(file.buffer);
  });
});
