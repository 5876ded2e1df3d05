/** Operators whose tensors or options do not go together: what the error says. */
import { describe, expect, test } from "vitest";
import {
  conv2dOptions,
  fused,
  padding,
  plainOptions,
  poolOptions,
  type TensorSpec,
} from "../helpers/tflite-builder.ts";
import { patched, type RefusalCase, refusal, rewired } from "../helpers/tflite-load.ts";
import {
  addModel,
  convModel,
  depthwiseModel,
  float,
  fullyConnectedModel,
  hybridModel,
  int8Ramp,
  ints,
  single,
} from "../helpers/tflite-models.ts";

const conv = convModel();
const depthwise = depthwiseModel();
const dense = fullyConnectedModel();
const add = addModel();

const computed = (name: string, shape: number[]): TensorSpec => ({ name, type: "int32", shape });
const perTensor = { scale: [1], zeroPoint: [0] };

const quantization: RefusalCase[] = [
  [
    "too few scales",
    patched(conv, { w: { scale: [1, 2], zeroPoint: [0, 0] } }),
    "bad-file",
    /tensor "w": 2 scales along dimension 0 do not match the shape \[3,3,3,2\]/,
  ],
  [
    "scales along a missing dimension",
    patched(conv, { w: { axis: 4 } }),
    "bad-file",
    /tensor "w": 3 scales along dimension 4/,
  ],
  [
    "scales along the wrong dimension",
    patched(conv, { w: { axis: 1 } }),
    "unsupported",
    /weights "w" .*scales along dimension 1, expected along 0/,
  ],
  [
    "zero points of another number",
    patched(conv, { w: { zeroPoint: [0, 0] } }),
    "bad-file",
    /tensor "w": 3 scales, but 2 zero points/,
  ],
  [
    "per-channel zero points",
    patched(conv, { w: { zeroPoint: [0, 1, 0] } }),
    "unsupported",
    /weights "w" .*zero points have to be 0/,
  ],
  [
    "a zero scale",
    patched(conv, { x: { scale: [0] } }),
    "bad-file",
    /tensor "x": scale expected finite and above 0, found 0/,
  ],
  [
    "a scale that is no number",
    patched(conv, { w: { scale: [1, NaN, 1] } }),
    "bad-file",
    /tensor "w": scale .* found NaN/,
  ],
  [
    "an infinite scale",
    patched(conv, { y: { scale: [Infinity] } }),
    "bad-file",
    /tensor "y": scale .* found Infinity/,
  ],
  [
    "a zero point outside the type",
    patched(conv, { x: { zeroPoint: [128] } }),
    "bad-file",
    /tensor "x": zero point expected within -128 to 127 \(int8\), found 128/,
  ],
  [
    "activations with a scale per channel",
    patched(conv, { x: { scale: [1, 2], zeroPoint: [0, 0], axis: 3 } }),
    "unsupported",
    /tensor "x": an activation with one scale per channel/,
  ],
  [
    "activations without a scale",
    patched(conv, { x: { scale: undefined } }),
    "bad-file",
    /CONV_2D "y": tensor "x" int8\[1,5,4,2\] has no scale/,
  ],
  [
    "weights without a scale",
    patched(conv, { w: { scale: undefined } }),
    "bad-file",
    /weights "w" .* have no scale/,
  ],
];

const weights: RefusalCase[] = [
  [
    "a bias of the wrong length",
    patched(conv, { b: { shape: [2], data: Int32Array.of(1, 2), scale: undefined } }),
    "bad-file",
    /CONV_2D "y": bias "b" int32\[2\]: expected 3 values/,
  ],
  [
    "a bias of the wrong type",
    patched(conv, { b: { type: "float32", data: new Float32Array(3) } }),
    "unsupported",
    /bias "b" float32\[3\]: expected type int32/,
  ],
  [
    "a bias computed at run time",
    { ...patched(conv, { b: { data: undefined } }), inputs: ["x", "b"] },
    "unsupported",
    /bias "b" .* has to be a constant/,
  ],
  [
    "weights computed at run time",
    { ...patched(conv, { w: { data: undefined, ...perTensor } }), inputs: ["x", "w"] },
    "unsupported",
    /weights "w" .* have to be a constant/,
  ],
  [
    "weights of another type",
    patched(conv, { w: { type: "uint8", ...perTensor } }),
    "unsupported",
    /weights "w" uint8.* input of type int8/,
  ],
  [
    "a hybrid of uint8",
    patched(hybridModel(), { w: { type: "uint8", zeroPoint: [3] } }),
    "unsupported",
    /weights "w" uint8\[2,2\] do not go with an input of type float32/,
  ],
  [
    "contents of the wrong size",
    patched(conv, { w: { data: int8Ramp(53) } }),
    "bad-file",
    /tensor "w": expected 54 bytes \(int8\[3,3,3,2\]\), found 53/,
  ],
  [
    "channels that form no groups",
    patched(conv, { x: { shape: [1, 5, 4, 3] } }),
    "bad-file",
    /weights "w" .* do not divide the 3 channels of "x"/,
  ],
  [
    "groups that do not divide the output",
    patched(conv, { x: { shape: [1, 5, 4, 4] } }),
    "bad-file",
    /weights "w" .* do not divide the 4 channels/,
  ],
  [
    "depthwise channels that are no multiple",
    patched(depthwise, { x: { shape: [1, 6, 4, 3] } }),
    "bad-file",
    /a multiple of the 3 channels of "x"/,
  ],
  [
    "rows that do not divide",
    patched(dense, { x: { shape: [2, 1, 2] } }),
    "bad-file",
    /FULLY_CONNECTED "y": weights "w" .*"x" .* does not split into rows of 3/,
  ],
  [
    "dense outputs of another number",
    patched(dense, { y: { shape: [1, 4] } }),
    "bad-file",
    /FULLY_CONNECTED "y": tensor "y" .*expected 2 rows of 4/,
  ],
  [
    "weights of too few dimensions",
    patched(conv, { w: { shape: [3, 18] } }),
    "bad-file",
    /weights "w" int8\[3,18\]: expected 4 dimensions/,
  ],
  [
    "shuffled weights",
    rewired(dense, { options: plainOptions(8, { int8: 0 }, { int8: 1 }) }),
    "unsupported",
    /shuffled order/,
  ],
];

const windows: RefusalCase[] = [
  [
    "an image without its batch dimension",
    patched(conv, { x: { shape: [5, 4, 2] } }),
    "unsupported",
    /tensor "x" int8\[5,4,2\]: expected 4 dimensions/,
  ],
  [
    "an output shape that does not follow",
    patched(conv, { y: { shape: [1, 2, 2, 3] } }),
    "bad-file",
    /CONV_2D "y": tensor "y" .*shape expected \[1,3,2,3\]/,
  ],
  [
    "a stride of 0",
    rewired(conv, { options: conv2dOptions({ padding: 0, stride: [0, 1] }) }),
    "bad-file",
    /CONV_2D "y": stride 0×1, expected at least 1×1/,
  ],
  [
    "a stride beyond reason",
    rewired(conv, { options: conv2dOptions({ padding: 0, stride: [1 << 20, 1] }) }),
    "unsupported",
    /stride 1048576×1 above/,
  ],
  [
    "a padding scheme that does not exist",
    rewired(conv, { options: conv2dOptions({ padding: 7, stride: [1, 1] }) }),
    "bad-file",
    /CONV_2D "y": padding code 7/,
  ],
  [
    "a window larger than its input",
    patched(depthwise, { x: { shape: [1, 3, 4, 2] } }),
    "bad-file",
    /a window of 5 does not fit an input of 3/,
  ],
  [
    "fused TANH",
    rewired(conv, { options: conv2dOptions({ padding: 0, stride: [2, 2], activation: fused.tanh }) }),
    "unsupported",
    /CONV_2D "y": fused activation TANH/,
  ],
  ["missing options", rewired(conv, { options: undefined }), "bad-file", /CONV_2D "y": has no options/],
  [
    "options of another operator",
    rewired(conv, { options: plainOptions(8) }),
    "bad-file",
    /options of type 8 where type 1 was expected/,
  ],
  [
    "a pool over integers",
    single(
      { op: "MAX_POOL_2D", options: poolOptions({ padding: padding.valid, stride: [1, 1], kernel: [1, 1] }) },
      computed("x", [1, 1, 1, 1]),
      computed("y", [1, 1, 1, 1]),
    ),
    "unsupported",
    /MAX_POOL_2D "y": tensor "x" int32/,
  ],
];

const others: RefusalCase[] = [
  [
    "shapes that do not broadcast",
    patched(add, { b: { shape: [3, 2] } }),
    "bad-file",
    /ADD "y": shapes of "a" .* and "b" .* do not broadcast/,
  ],
  [
    "operands of two types",
    patched(add, { b: { type: "uint8", zeroPoint: [4] } }),
    "unsupported",
    /types of "b" uint8\[2,1\] and "y" int8/,
  ],
  [
    "a logarithm of integers",
    single({ op: "LOG" }, computed("x", [3]), computed("y", [3])),
    "unsupported",
    /LOG "y": tensor "x" int32\[3\]: float32, int8, uint8, int16/,
  ],
  [
    "axes computed at run time",
    single({ op: "MEAN" }, float("x", [2, 3]), computed("axes", [1]), float("y", [2])),
    "unsupported",
    /MEAN "y": operand "axes" has to be a constant/,
  ],
  [
    "an axis out of range",
    single({ op: "MEAN" }, float("x", [2, 3]), ints("axes", [2]), float("y", [2])),
    "bad-file",
    /MEAN "y": axis 2 for a tensor of 2 dimensions/,
  ],
  [
    "no permutation",
    single({ op: "TRANSPOSE" }, float("x", [2, 2]), ints("p", [0, 0]), float("y", [2, 2])),
    "bad-file",
    /TRANSPOSE "y": \[0,0\] is no permutation/,
  ],
  [
    "negative padding",
    single({ op: "PAD" }, float("x", [4]), ints("p", [-1, 0], [1, 2]), float("y", [3])),
    "bad-file",
    /PAD "y": padding \[-1,0\]/,
  ],
  [
    "a pad value computed at run time",
    single({ op: "PADV2" }, float("x", [4]), ints("p", [1, 0], [1, 2]), float("v", []), float("y", [5])),
    "unsupported",
    /PADV2 "y": pad value "v" .* has to be one constant/,
  ],
  [
    "a reshape that loses elements",
    single({ op: "RESHAPE" }, float("x", [4]), float("y", [3])),
    "bad-file",
    /RESHAPE "y": "x" .* and "y" .* differ in their number of elements/,
  ],
  [
    "a new shape computed at run time",
    single({ op: "RESHAPE" }, float("x", [4]), computed("s", [1]), float("y", [4])),
    "unsupported",
    /RESHAPE "y": the new shape is computed at run time/,
  ],
  [
    "parts that do not add up",
    single({ op: "CONCATENATION" }, float("a", [1]), float("b", [1]), float("y", [3])),
    "bad-file",
    /operands add up to 2 along axis 0/,
  ],
  [
    "QUANTIZE to float",
    single({ op: "QUANTIZE" }, float("x", [1]), float("y", [1])),
    "unsupported",
    /QUANTIZE "y": output "y" .*expected int8, uint8 or int16/,
  ],
  [
    "DEQUANTIZE of float",
    single({ op: "DEQUANTIZE" }, float("x", [1]), float("y", [1])),
    "unsupported",
    /DEQUANTIZE "y": input "x" .*expected int8, uint8 or int16/,
  ],
  [
    "SOFTMAX of a scalar",
    single({ op: "SOFTMAX" }, float("x", []), float("y", [])),
    "unsupported",
    /SOFTMAX "y": tensor "x" float32\[\] is a scalar/,
  ],
];

describe.each([
  ["quantization", quantization],
  ["weights", weights],
  ["windows", windows],
  ["other operators", others],
] as const)("%s", (_, cases) => {
  test.each(cases)("%s", (_, model, code, message) => {
    const error = refusal(model);
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^bad\.tflite: /);
    expect(error.code).toBe(code);
  });
});
