/** Cases of int16 activations, symmetric, and int8 weights. */
import {
  conv2dOptions,
  depthwiseOptions,
  type OperatorSpec,
  type OptionsSpec,
  padding,
  plainOptions,
  type TensorSpec,
} from "../../helpers/tflite-builder.ts";
import { type Add, at, type Draw, type LitertCase, scales, single } from "./case.ts";

type Bias = "int64" | "int32" | "none";

const size = (shape: number[]): number => shape.reduce((p, d) => p * d, 1);

function layer(
  draw: Draw,
  name: string,
  op: "CONV_2D" | "DEPTHWISE_CONV_2D" | "FULLY_CONNECTED",
  perChannel: boolean,
  biasType: Bias,
): LitertCase {
  const outputs = 16;
  const [isDense, isDepthwise] = [op === "FULLY_CONNECTED", op === "DEPTHWISE_CONV_2D"];
  const channels = isDepthwise ? outputs : 3;
  const x = draw.between(10, 99) / 100000;
  const weightScales = Array.from({ length: perChannel ? outputs : 1 }, () =>
    Math.fround(draw.between(10, 400) / 70000),
  );
  const weightShape = isDense
    ? [outputs, channels]
    : isDepthwise
      ? [1, 2, 3, outputs]
      : [outputs, 2, 3, channels];
  const inputShape = isDense ? [400, channels] : [1, 21, 20, channels];
  const outputShape = isDense ? [400, outputs] : [1, 11, isDepthwise ? 10 : 20, outputs];
  const activation = draw.between(0, 3);
  const window = { padding: padding.same, stride: [2, 1] as [number, number], activation };
  // The number of the type that LiteRT sums in.
  const biasCode = { int8: biasType === "int64" ? 4 : 2 };
  const convolution = conv2dOptions(window);
  const options: OptionsSpec = isDense
    ? { type: 8, fields: { 0: { int8: activation }, 4: biasCode } }
    : isDepthwise
      ? depthwiseOptions({ ...window, stride: [2, 2] })
      : { ...convolution, fields: { ...convolution.fields, 6: biasCode } };
  const weights: TensorSpec = {
    name: "w",
    type: "int8",
    shape: weightShape,
    scale: weightScales,
    zeroPoint: weightScales.map(() => 0),
    axis: isDepthwise && perChannel ? 3 : 0,
    data: draw.values("int8", size(weightShape)),
  };
  const values = Array.from({ length: outputs }, () => draw.between(-900000, 900000));
  const bias: TensorSpec = {
    name: "b",
    type: biasType === "int32" ? "int32" : "int64",
    shape: [outputs],
    scale: weightScales.map((w) => Math.fround(w * Math.fround(x))),
    data: biasType === "int32" ? Int32Array.from(values) : BigInt64Array.from(values, BigInt),
  };
  const tensors = [
    at("x", "int16", inputShape, x, 0),
    weights,
    ...(biasType === "none" ? [] : [bias]),
    at("y", "int16", outputShape, (x * draw.between(10, 90)) / 20, 0),
  ];
  return single(name, op, options, tensors, [draw.words(size(inputShape))]);
}

const count = 20000;

function elementwise(
  draw: Draw,
  name: string,
  op: OperatorSpec["op"],
  types: TensorSpec["type"][],
  steps: number[],
  options?: OptionsSpec,
): LitertCase {
  const names = types.length === 3 ? ["a", "b", "y"] : ["x", "y"];
  const tensors = names.map((tensor, i) => at(tensor, types[i]!, [1, count], steps[i]!, 0));
  const inputs = types
    .slice(0, -1)
    .map((type) => (type === "int8" ? draw.values("int8", count) : draw.words(count)));
  return single(name, op, options, tensors, inputs);
}

export function int16Cases(add: Add): void {
  for (const op of ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"] as const)
    for (const perChannel of [false, true])
      for (const bias of ["int64", "int32", "none"] as const) {
        // LiteRT reads a missing bias of a convolution.
        if (bias === "int64" || op === "FULLY_CONNECTED" || (op === "CONV_2D" && bias === "int32"))
          add(`${op} int16 per ${perChannel ? "channel" : "tensor"}, bias ${bias}`, (draw, name) =>
            layer(draw, name, op, perChannel, bias),
          );
      }
  for (const [op, type] of [
    ["ADD", 11],
    ["SUB", 28],
    ["MUL", 21],
  ] as const)
    add(`${op} int16`, (draw, name) => {
      const [a, b, y] = scales(draw, 3).map((s) => s / 77);
      const output = op === "MUL" ? a * b * draw.between(10000, 30000) : y * 2;
      return elementwise(
        draw,
        name,
        op,
        ["int16", "int16", "int16"],
        [a, b, output],
        plainOptions(type, { int8: draw.between(0, 3) }),
      );
    });
  for (const op of ["RELU", "RELU6", "LEAKY_RELU", "QUANTIZE"] as const)
    add(`${op} int16`, (draw, name) => {
      const [x, y] = scales(draw, 2).map((s) => s / 90);
      const options =
        op === "LEAKY_RELU" ? plainOptions(75, { float32: draw.between(-40, 40) / 64 }) : undefined;
      return elementwise(draw, name, op, ["int16", "int16"], [x, y], options);
    });
  for (const [from, to] of [
    ["int16", "int8"],
    ["int8", "int16"],
  ] as const)
    add(`QUANTIZE ${from} to ${to}`, (draw, name) => {
      const [wide, narrow] = [draw.between(10, 99) / 200000, draw.between(10, 99) / 900];
      const steps = from === "int8" ? [narrow, wide] : [wide, narrow];
      return elementwise(draw, name, "QUANTIZE", [from, to], steps);
    });
  for (const op of ["LOGISTIC", "TANH"] as const)
    add(`${op} int16`, (draw, name) =>
      elementwise(draw, name, op, ["int16", "int16"], [draw.between(1, 99) / 60000, 2 ** -15]),
    );
  add("QUANTIZE float32 to int16", (draw, name) => {
    const scale = Math.fround(draw.between(10, 99) / 10000);
    const x = Float32Array.from({ length: count }, () => scale * (draw.between(-70000, 70000) / 2));
    x.set([Number.NaN, Infinity, -Infinity, 1e30, -1e30, -0, 1e-45]);
    const real: TensorSpec = { name: "x", type: "float32", shape: [1, count] };
    return single(name, "QUANTIZE", undefined, [real, at("y", "int16", [1, count], scale, 0)], [x]);
  });
  add("DEQUANTIZE int16", (draw, name) => {
    const real: TensorSpec = { name: "y", type: "float32", shape: [1, count] };
    const x = at("x", "int16", [1, count], draw.between(10, 99) / 10000, 0);
    return single(name, "DEQUANTIZE", undefined, [x, real], [draw.words(count)]);
  });
}
