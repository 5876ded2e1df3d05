import { noActivation, type Tensor } from "../../../graph/graph.ts";
import { type Constant, isFloatConstant, permuteConstant } from "../../../graph/passes/constant.ts";
import type { Scope } from "../scope.ts";
import { sharedConstant } from "./operand.ts";
import { fromNhwc, kernelShape, slidingWindow, spatialOf, toNhwc } from "./window.ts";

/** One constant value a channel, or none. */
export function channelVector(scope: Scope, index: number, channels: number, role: string): Tensor | null {
  if (!scope.has(index)) return null;
  const { tensor, use } = sharedConstant(scope, index, role);
  if (tensor.data.length !== channels) {
    throw scope.bad(`expected ${channels} values of ${role}, found ${tensor.data.length}`);
  }
  return use({ ...tensor, shape: [channels] });
}

/** Conv over one or two dimensions; depthwise when every group has one input channel. */
export function conv(scope: Scope): Tensor {
  const x = scope.float(0);
  const spatial = spatialOf(scope, x);
  const { tensor: weights, use } = sharedConstant(scope, 1, "weights");
  const [batch, channels] = x.shape;
  const groups = scope.intAttribute("group", 1);
  const [filters, perGroup] = weights.shape;
  if (
    weights.shape.length !== x.shape.length ||
    !(groups >= 1) ||
    perGroup * groups !== channels ||
    filters % groups !== 0 ||
    weights.data.length === 0
  ) {
    throw scope.bad(
      `expected weights [O, ${channels} / ${groups}, …] for the operand [${x.shape.join(", ")}], ` +
        `found [${weights.shape.join(", ")}]`,
    );
  }
  const kernel = weights.shape.slice(2);
  const declared = scope.intsAttribute("kernel_shape");
  if (declared && declared.length > 0 && declared.join() !== kernel.join()) {
    throw scope.bad(
      `expected kernel_shape [${kernel.join(", ")}] as the weights have it, found [${declared.join(", ")}]`,
    );
  }
  const window = slidingWindow(scope, spatial, kernel, false);
  const bias = channelVector(scope, 2, filters, "bias");
  const flat = asOihw(weights, window.kernel);
  const isDepthwise = groups > 1 && perGroup === 1;
  const name = scope.nameFor("weights");
  const constant = use(permuteConstant(flat, isDepthwise ? [1, 2, 3, 0] : [0, 2, 3, 1], name));
  const shared = {
    stride: window.stride,
    padding: window.padding,
    dilation: window.dilation,
    activation: noActivation,
  };
  const shape = [batch, ...window.size, filters];
  const inputs = [toNhwc(scope, x), constant, bias];
  const y = isDepthwise
    ? scope.emit("depthwiseConv2d", inputs, { ...shared, multiplier: filters / groups }, shape)
    : scope.emit("conv2d", inputs, { ...shared, groups }, shape);
  return fromNhwc(scope, y, x.shape.length);
}

/** Weights with both kernel dimensions; a per-channel quantization runs along O, which stays first. */
const asOihw = (weights: Constant, kernel: [number, number]): Constant => ({
  ...weights,
  shape: [weights.shape[0], weights.shape[1], ...kernel],
});

function pool(scope: Scope, kind: "averagePool2d" | "maxPool2d", wholeImage: boolean): Tensor {
  const x = scope.float(0);
  const spatial = spatialOf(scope, x);
  const window = wholeImage
    ? wholeWindow(spatial)
    : slidingWindow(scope, spatial, kernelShape(scope, spatial.length), true);
  if (window.dilation.some((d) => d !== 1)) throw scope.unsupported("dilations in a pool");
  const shared = {
    kernel: window.kernel,
    stride: window.stride,
    padding: window.padding,
    activation: noActivation,
  };
  const shape = [x.shape[0], ...window.size, x.shape[1]];
  if (kind === "maxPool2d") {
    return fromNhwc(scope, scope.emit(kind, [toNhwc(scope, x)], shared, shape), x.shape.length);
  }
  const countIncludePad = scope.intAttribute("count_include_pad", 0) !== 0;
  if (countIncludePad && window.overhangs)
    throw scope.unsupported("ceil_mode together with count_include_pad");
  const y = scope.emit(kind, [toNhwc(scope, x)], { ...shared, countIncludePad }, shape);
  return fromNhwc(scope, y, x.shape.length);
}

const wholeWindow = (spatial: number[]) => {
  const kernel: [number, number] = spatial.length === 1 ? [1, spatial[0]] : [spatial[0], spatial[1]];
  return {
    kernel,
    stride: [1, 1] as [number, number],
    dilation: [1, 1],
    padding: { top: 0, left: 0, bottom: 0, right: 0 },
    size: [1, 1],
    overhangs: false,
  };
};

export const averagePool = (scope: Scope): Tensor => pool(scope, "averagePool2d", false);
export const maxPool = (scope: Scope): Tensor => pool(scope, "maxPool2d", false);
export const globalMaxPool = (scope: Scope): Tensor => pool(scope, "maxPool2d", true);

/** (Σ |x|ᵖ)^(1/p) over each window, padding counting nothing: an average pool times the window's size. */
export function lpPool(scope: Scope): Tensor {
  const x = scope.float(0);
  const p = scope.intAttribute("p", 2);
  if (p !== 1 && p !== 2) throw scope.unsupported(`p ${p} (1 and 2 work)`);
  const spatial = spatialOf(scope, x);
  const window = slidingWindow(scope, spatial, kernelShape(scope, spatial.length), true);
  if (window.dilation.some((d) => d !== 1)) throw scope.unsupported("dilations in a pool");
  if (window.overhangs) throw scope.unsupported("ceil_mode with windows that reach past the padding");
  const { kernel, stride, padding, size } = window;
  const powers = scope.emit("unary", [toNhwc(scope, x)], { kind: p === 1 ? "abs" : "square" }, [
    x.shape[0],
    ...(spatial.length === 1 ? [1, ...spatial] : spatial),
    x.shape[1],
  ]);
  const shape = [x.shape[0], ...size, x.shape[1]];
  const attributes = { kernel, stride, padding, activation: noActivation, countIncludePad: true };
  const mean = scope.emit("averagePool2d", [powers], attributes, shape);
  const count: Tensor = {
    name: scope.nameFor("count"),
    dtype: "float32",
    shape: [1],
    data: Float32Array.of(kernel[0] * kernel[1]),
  };
  const sum = scope.emit("mul", [mean, count], { activation: noActivation }, shape);
  return fromNhwc(scope, p === 1 ? sum : scope.emit("unary", [sum], { kind: "sqrt" }, shape), x.shape.length);
}

/** Mean over everything after the channels, which keeps its layout. */
export function globalAveragePool(scope: Scope): Tensor {
  const x = scope.float(0);
  if (x.shape.length < 3) throw scope.bad(`expected at least 3 dimensions, found ${x.shape.length}`);
  const axes = x.shape.map((_, i) => i).slice(2);
  return scope.emit("mean", [x], { axes, keepDims: true }, [x.shape[0], x.shape[1], ...axes.map(() => 1)]);
}

/**
 * BatchNormalization as a multiplication and an addition per channel; both constants are computed in double
 * precision and rounded once.
 */
export function batchNormalization(scope: Scope): Tensor {
  const x = scope.float(0);
  if (scope.intAttribute("training_mode", 0) !== 0) throw scope.unsupported("training_mode 1");
  if (scope.opset < 9 && scope.intAttribute("spatial", 1) === 0) throw scope.unsupported("spatial 0");
  if (x.shape.length < 2) throw scope.bad(`expected at least 2 dimensions, found ${x.shape.length}`);
  const channels = x.shape[1];
  const [gamma, beta, mean, variance] = ["scale", "B", "mean", "var"].map((role, i) => {
    const tensor = scope.constant(i + 1, role);
    if (!isFloatConstant(tensor)) throw scope.unsupported(`${tensor.dtype} ${role}`);
    if (tensor.data.length !== channels) {
      throw scope.bad(`expected ${channels} values of ${role}, found ${tensor.data.length}`);
    }
    return tensor.data;
  });
  const epsilon = scope.floatAttribute("epsilon", 1e-5);
  const scales = Array.from(gamma, (g, c) => g / Math.sqrt(variance[c] + epsilon));
  const shape = [channels, ...x.shape.slice(2).map(() => 1)];
  const constantOf = (part: string, values: number[]): Tensor => ({
    name: scope.nameFor(part),
    dtype: "float32",
    shape,
    data: Float32Array.from(values),
  });
  const scale = constantOf("scale", scales);
  const shift = constantOf(
    "shift",
    scales.map((s, c) => beta[c] - mean[c] * s),
  );
  const scaled = scope.emit("mul", [x, scale], { activation: noActivation }, x.shape);
  return scope.emit("add", [scaled, shift], { activation: noActivation }, x.shape);
}
