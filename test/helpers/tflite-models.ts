/** Small TFLite models that several tests share. */
import {
  buildTflite,
  conv2dOptions,
  depthwiseOptions,
  fused,
  type OperatorSpec,
  padding,
  plainOptions,
  type SubgraphSpec,
  type TensorSpec,
} from "./tflite-builder.ts";

const ramp = (n: number, step = 1, start = 0) => Array.from({ length: n }, (_, i) => start + step * i);

export const int8Ramp = (n: number) => Int8Array.from(ramp(n, 7, -50));

/** One operator, its tensors in the order given: what has no data is an input, except the last, the output. */
export function single(
  operator: Omit<OperatorSpec, "inputs" | "outputs">,
  ...tensors: TensorSpec[]
): SubgraphSpec {
  const names = tensors.map((tensor) => tensor.name);
  const output = names.pop()!;
  return {
    tensors,
    operators: [{ ...operator, inputs: names, outputs: [output] }],
    inputs: tensors.slice(0, -1).flatMap((tensor) => (tensor.data ? [] : [tensor.name])),
    outputs: [output],
  };
}

export const activation8 = (name: string, shape: number[], scale = 0.5, zeroPoint = 3): TensorSpec => ({
  name,
  type: "int8",
  shape,
  scale: [scale],
  zeroPoint: [zeroPoint],
});

export const float = (name: string, shape: number[], data?: Float32Array): TensorSpec => ({
  name,
  type: "float32",
  shape,
  ...(data && { data }),
});

export const ints = (name: string, values: number[], shape = [values.length]): TensorSpec => ({
  name,
  type: "int32",
  shape,
  data: Int32Array.from(values),
});

/** int8, per channel, SAME padding, stride 2, RELU6: [1,5,4,2] → [1,3,2,3]. */
export const convModel = (): SubgraphSpec =>
  single(
    {
      op: "CONV_2D",
      options: conv2dOptions({ padding: padding.same, stride: [2, 2], activation: fused.relu6 }),
    },
    { ...activation8("x", [1, 5, 4, 2]), shapeSignature: [-1, 5, 4, 2] },
    {
      name: "w",
      type: "int8",
      shape: [3, 3, 3, 2],
      data: int8Ramp(54),
      scale: [0.25, 0.5, 0.125],
      zeroPoint: [0, 0, 0],
      axis: 0,
    },
    {
      name: "b",
      type: "int32",
      shape: [3],
      data: Int32Array.of(-100, 0, 100000),
      scale: [0.125, 0.25, 0.0625],
      zeroPoint: [0, 0, 0],
      axis: 3,
    },
    activation8("y", [1, 3, 2, 3], 0.0235, -128),
  );

/** int8, per channel along dimension 3, VALID padding, dilation 2×1, two outputs per channel. */
export const depthwiseModel = (): SubgraphSpec =>
  single(
    {
      op: "DEPTHWISE_CONV_2D",
      options: depthwiseOptions({ padding: padding.valid, stride: [1, 1], dilation: [2, 1] }),
    },
    activation8("x", [1, 6, 4, 2]),
    {
      name: "w",
      type: "int8",
      shape: [1, 3, 2, 4],
      data: int8Ramp(24),
      scale: [0.1, 0.2, 0.3, 0.4],
      zeroPoint: [0, 0, 0, 0],
      axis: 3,
    },
    ints("b", [1, 2, 3, 4]),
    activation8("y", [1, 2, 3, 4]),
  );

/** int8, per channel, no bias, RELU: [2,1,3] → [2,4] through a flattening reshape where `k` is not 3. */
export const fullyConnectedModel = (k = 3): SubgraphSpec =>
  single(
    { op: "FULLY_CONNECTED", options: plainOptions(8, { int8: fused.relu }) },
    activation8("x", [2, 1, 3]),
    {
      name: "w",
      type: "int8",
      shape: [4, k],
      data: int8Ramp(4 * k),
      scale: [0.1, 0.2, 0.3, 0.4],
      zeroPoint: [0, 0, 0, 0],
      axis: 0,
    },
    activation8("y", [6 / k, 4]),
  );

/** Legacy uint8 with a weight zero point: [1,2,2,1] → [1,2,2,2]. */
export const uint8Model = (): SubgraphSpec =>
  single(
    { op: "CONV_2D", options: conv2dOptions({ padding: padding.valid, stride: [1, 1] }) },
    { name: "x", type: "uint8", shape: [1, 2, 2, 1], scale: [0.0078125], zeroPoint: [128] },
    {
      name: "w",
      type: "uint8",
      shape: [2, 1, 1, 1],
      data: Uint8Array.of(7, 250),
      scale: [0.02],
      zeroPoint: [131],
    },
    ints("b", [5, -6]),
    { name: "y", type: "uint8", shape: [1, 2, 2, 2], scale: [0.0235], zeroPoint: [0] },
  );

export const addModel = (): SubgraphSpec =>
  single(
    { op: "ADD", options: plainOptions(11, { int8: fused.reluN1To1 }) },
    activation8("a", [1, 2, 3], 0.5, 3),
    activation8("b", [2, 1], 0.25, -4),
    activation8("y", [1, 2, 3], 0.75, 5),
  );

/** float32 input, int8 weights with a zero point. */
export const hybridModel = (): SubgraphSpec =>
  single(
    { op: "FULLY_CONNECTED", options: plainOptions(8, { int8: fused.none }) },
    float("x", [1, 2]),
    {
      name: "w",
      type: "int8",
      shape: [2, 2],
      data: Int8Array.of(-3, 0, 5, 127),
      scale: [0.1],
      zeroPoint: [-3],
    },
    float("b", [2], Float32Array.of(1, -1)),
    float("y", [1, 2]),
  );

/** float16 weights behind DEQUANTIZE. */
export const halfModel = (): SubgraphSpec => ({
  tensors: [
    float("x", [1, 2]),
    { name: "w16", type: "float16", shape: [1, 2], data: Uint16Array.of(0x3c00, 0xc100) },
    float("w", [1, 2]),
    float("y", [1, 1]),
  ],
  operators: [
    { op: "DEQUANTIZE", inputs: ["w16"], outputs: ["w"] },
    { op: "FULLY_CONNECTED", inputs: ["x", "w", null], outputs: ["y"], options: plainOptions(8) },
  ],
  inputs: ["x"],
  outputs: ["y"],
});

/** Operators that can't be imported, twice a custom one, and a supported one on a uint16 tensor. */
export const unsupportedModel = (): SubgraphSpec => ({
  tensors: [
    { name: "x", type: "uint16", shape: [4] },
    { name: "h", type: "uint16", shape: [2, 2] },
    { name: "i", type: "uint16", shape: [2, 2] },
    { name: "j", type: "uint16", shape: [2, 2] },
    { name: "v", type: "int32", shape: [1] },
  ],
  operators: [
    { op: "VAR_HANDLE", inputs: [], outputs: ["v"] },
    { op: "RESHAPE", inputs: ["x"], outputs: ["h"] },
    { op: { custom: "ADD" }, inputs: ["h"], outputs: ["i"] },
    { op: { custom: "ADD" }, inputs: ["i"], outputs: ["j"] },
  ],
  inputs: ["x"],
  outputs: ["j"],
});

/** All of the above as files. */
export const sampleFiles: Record<string, () => Uint8Array> = {
  conv: () => buildTflite(convModel()),
  depthwise: () => buildTflite(depthwiseModel()),
  fullyConnected: () => buildTflite(fullyConnectedModel()),
  flattened: () => buildTflite(fullyConnectedModel(6)),
  uint8: () => buildTflite(uint8Model()),
  add: () => buildTflite(addModel()),
  hybrid: () => buildTflite(hybridModel()),
  half: () => buildTflite(halfModel()),
  unsupported: () => buildTflite(unsupportedModel()),
};
