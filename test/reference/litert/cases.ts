/**
 * Single-operator TFLite models with drawn scales and zero points, many of the scales in ratios of small
 * integers, where results fall on halves. `vectors.json` holds a digest of what LiteRT.js computes for each.
 */
import {
  conv2dOptions,
  depthwiseOptions,
  type OperatorSpec,
  type OptionsSpec,
  padding,
  plainOptions,
  poolOptions,
  type TensorSpec,
} from "../../helpers/tflite-builder.ts";
import { at, type Draw, drawing, type LitertCase, type Quantized, scales, single } from "./case.ts";
import { int16Cases } from "./int16.ts";
import { matrixCases } from "./matrix.ts";

/** Every value of the type, in order of its bytes. */
const allValues = (type: Quantized) => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  return type === "int8" ? new Int8Array(bytes.buffer) : bytes;
};

/** Every pair of values. */
const allPairs = (type: Quantized) => {
  const [a, b] = [new Uint8Array(65536), new Uint8Array(65536)];
  for (let i = 0; i < 65536; i++) {
    a[i] = i & 255;
    b[i] = i >> 8;
  }
  return type === "int8" ? [new Int8Array(a.buffer), new Int8Array(b.buffer)] : [a, b];
};

function binary(draw: Draw, name: string, op: "ADD" | "SUB" | "MUL", type: Quantized, ratio = 1): LitertCase {
  const [a, b, y] = scales(draw, 3);
  const output = op === "MUL" ? Math.fround(a * b * draw.between(10, 200)) : y * 2;
  const shape = [1, 65536];
  const tensors = [
    at("a", type, shape, a * ratio, draw.value(type)),
    at("b", type, shape, b, draw.value(type)),
    at("y", type, shape, output, draw.value(type)),
  ];
  return single(
    name,
    op,
    plainOptions({ ADD: 11, SUB: 28, MUL: 21 }[op], { int8: 0 }),
    tensors,
    allPairs(type),
  );
}

interface Layer {
  op: "CONV_2D" | "DEPTHWISE_CONV_2D" | "FULLY_CONNECTED";
  type: Quantized;
  perChannel: boolean;
  activation: number;
}

function layer(draw: Draw, name: string, { op, type, perChannel, activation }: Layer): LitertCase {
  const outputs = 16;
  const [x] = scales(draw, 1);
  const weightScales = Array.from({ length: perChannel ? outputs : 1 }, () =>
    Math.fround((x * draw.between(1, 40)) / 7),
  );
  const y = Math.fround(x * x * draw.between(20, 900) * (op === "CONV_2D" ? 2 : 1));
  const dense = op === "FULLY_CONNECTED";
  const depthwise = op === "DEPTHWISE_CONV_2D";
  const channels = depthwise ? outputs : 3;
  const weightShape = dense
    ? [outputs, channels]
    : depthwise
      ? [1, 2, 3, outputs]
      : [outputs, 2, 3, channels];
  const inputShape = dense ? [400, channels] : [1, 21, 20, channels];
  const size = (shape: number[]) => shape.reduce((p, d) => p * d, 1);
  const weights: TensorSpec = {
    name: "w",
    type,
    shape: weightShape,
    scale: weightScales,
    zeroPoint: weightScales.map(() => (type === "uint8" ? draw.value(type) : 0)),
    axis: depthwise && perChannel ? 3 : 0,
    data: draw.values(type, size(weightShape)).map((w) => (w === -128 ? -127 : w)),
  };
  const bias: TensorSpec = {
    name: "b",
    type: "int32",
    shape: [outputs],
    scale: weightScales.map((w) => Math.fround(w * Math.fround(x))),
    data: Int32Array.from({ length: outputs }, () => draw.between(-9000, 9000)),
  };
  const window = { padding: padding.same, stride: [2, 1] as [number, number], activation };
  const options = dense
    ? plainOptions(8, { int8: activation })
    : depthwise
      ? depthwiseOptions({ ...window, stride: [2, 2] })
      : conv2dOptions(window);
  const outputShape = dense ? [400, outputs] : [1, 11, depthwise ? 10 : 20, outputs];
  const tensors = [
    at("x", type, inputShape, x, draw.value(type)),
    weights,
    bias,
    at("y", type, outputShape, y, draw.value(type)),
  ];
  return single(name, op, options, tensors, [draw.values(type, size(inputShape))]);
}

function pool(draw: Draw, name: string, op: "AVERAGE_POOL_2D" | "MAX_POOL_2D", type: Quantized): LitertCase {
  const [scale] = scales(draw, 1);
  const zeroPoint = draw.value(type);
  const options = poolOptions({
    padding: padding.same,
    stride: [2, 1],
    kernel: [3, 2],
    activation: draw.between(0, 3),
  });
  const tensors = [
    at("x", type, [1, 9, 8, 50], scale, zeroPoint),
    at("y", type, [1, 5, 8, 50], scale, zeroPoint),
  ];
  return single(name, op, options, tensors, [draw.values(type, 9 * 8 * 50)]);
}

function mean(draw: Draw, name: string, type: Quantized): LitertCase {
  const [x, y] = scales(draw, 2);
  const [h, w] = [draw.between(2, 8), draw.between(2, 8)];
  const axes: TensorSpec = { name: "axes", type: "int32", shape: [2], data: Int32Array.of(1, 2) };
  const tensors = [
    at("x", type, [1, h, w, 2000], x, draw.value(type)),
    axes,
    at("y", type, [1, 1, 1, 2000], y, draw.value(type)),
  ];
  return single(name, "MEAN", plainOptions(27, { int8: 1 }), tensors, [draw.values(type, h * w * 2000)]);
}

function softmax(draw: Draw, name: string, type: Quantized): LitertCase {
  const low = type === "int8" ? -128 : 0;
  const k = [2, 12, 101, 512][draw.between(0, 3)];
  const shape = [40, k];
  const tensors = [
    at("x", type, shape, draw.between(5, 300) / 1000, draw.value(type)),
    at("y", type, shape, 1 / 256, low),
  ];
  const x = draw.values(type, 40 * k);
  // The first row is flat, so that its outputs may fall on a half.
  x.fill(low + 77, 0, k);
  return single(name, "SOFTMAX", plainOptions(9, { float32: 1 }), tensors, [x]);
}

const unaryOutputs: Record<string, [scale: number, fromLowest: number]> = {
  LOGISTIC: [1 / 256, 0],
  TANH: [1 / 128, 128],
};

function unary(
  draw: Draw,
  name: string,
  op: OperatorSpec["op"],
  type: Quantized,
  options?: OptionsSpec,
): LitertCase {
  const [x, y] = scales(draw, 2);
  const fixed = unaryOutputs[op as string];
  const low = type === "int8" ? -128 : 0;
  const tensors = [
    at("x", type, [1, 256], x / 3, draw.value(type)),
    fixed
      ? at("y", type, [1, 256], fixed[0], low + fixed[1])
      : at("y", type, [1, 256], y / 3, draw.value(type)),
  ];
  return single(name, op, options, tensors, [allValues(type)]);
}

function conversions(draw: Draw, name: string, type: Quantized): LitertCase[] {
  const [scale] = scales(draw, 1);
  const zeroPoint = draw.value(type);
  const shape = [1, 4000];
  const floats = Float32Array.from(
    { length: 4000 },
    () => Math.fround(scale) * (draw.between(-700, 700) / 2),
  );
  floats.set([Number.NaN, Infinity, -Infinity, 1e30, -1e30, -0, 1e-45]);
  const real = (tensor: string): TensorSpec => ({ name: tensor, type: "float32", shape });
  return [
    single(
      `QUANTIZE float32 ${name}`,
      "QUANTIZE",
      undefined,
      [real("x"), at("y", type, shape, scale, zeroPoint)],
      [floats],
    ),
    single(
      `DEQUANTIZE ${name}`,
      "DEQUANTIZE",
      undefined,
      [at("x", type, shape, scale, zeroPoint), real("y")],
      [draw.values(type, 4000)],
    ),
  ];
}

function concat(draw: Draw, name: string): LitertCase {
  const [a, b, y] = scales(draw, 3);
  const tensors = [
    at("a", "uint8", [1, 256], a, draw.value("uint8")),
    at("b", "uint8", [1, 256], b, draw.value("uint8")),
    at("y", "uint8", [1, 512], y, draw.value("uint8")),
  ];
  const inputs = [allValues("uint8"), allValues("uint8")];
  return single(name, "CONCATENATION", plainOptions(10, { int32: 1 }, { int8: 0 }), tensors, inputs);
}

const either = ["LOGISTIC", "TANH", "RELU", "RELU6", "HARD_SWISH", "QUANTIZE"] as const;
const int8Only = ["ELU", "EXP", "ABS", "GELU", "LOG"] as const;

/** `draws` cases of every kind, the same on every call. */
export function litertCases(draws = 3): LitertCase[] {
  const cases: LitertCase[] = [];
  let seed = 1;
  const add = (name: string, make: (draw: Draw, name: string) => LitertCase | LitertCase[]) => {
    for (let i = 0; i < draws; i++) cases.push(...[make(drawing(seed++ * 7919), `${name} ${i}`)].flat());
  };
  for (const type of ["int8", "uint8"] as const) {
    for (const op of ["ADD", "SUB"] as const) {
      add(`${op} ${type}`, (draw, name) => binary(draw, name, op, type));
      add(`${op} ${type} far scales`, (draw, name) => binary(draw, name, op, type, 1 / 20000));
    }
    add(`MUL ${type}`, (draw, name) => binary(draw, name, "MUL", type));
    for (const op of ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"] as const) {
      for (const perChannel of type === "int8" ? [false, true] : [false]) {
        const kind = `${op} ${type} per ${perChannel ? "channel" : "tensor"}`;
        add(kind, (draw, name) =>
          layer(draw, name, { op, type, perChannel, activation: draw.between(0, 3) }),
        );
      }
    }
    for (const op of ["AVERAGE_POOL_2D", "MAX_POOL_2D"] as const)
      add(`${op} ${type}`, (draw, name) => pool(draw, name, op, type));
    add(`MEAN ${type}`, (draw, name) => mean(draw, name, type));
    add(`SOFTMAX ${type}`, (draw, name) => softmax(draw, name, type));
    for (const op of either) add(`${op} ${type}`, (draw, name) => unary(draw, name, op, type));
    for (const alpha of [0.1, -0.3, 0])
      add(`LEAKY_RELU ${alpha} ${type}`, (draw, name) =>
        unary(draw, name, "LEAKY_RELU", type, plainOptions(75, { float32: alpha })),
      );
    add(type, (draw, name) => conversions(draw, name, type));
  }
  for (const op of int8Only) add(`${op} int8`, (draw, name) => unary(draw, name, op, "int8"));
  add("CONCATENATION uint8", (draw, name) => concat(draw, name));
  int16Cases(add);
  matrixCases(add);
  return cases;
}
