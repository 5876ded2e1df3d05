import {
  elementCount,
  type NormalizeAttributes,
  noActivation,
  type Tensor,
  type UnaryKind,
} from "../../../graph/graph.ts";
import {
  broadcastSteps,
  floatConstant,
  gather,
  isFloatConstant,
  walk,
} from "../../../graph/passes/constant.ts";
import { inversePerm, sameShape } from "../../../graph/passes/rewrite.ts";
import { reshape, type Scope, transpose } from "../scope.ts";
import { normalAxes, normalAxis } from "../shape.ts";

const layerForm = (centered: boolean, epsilon: number): NormalizeAttributes => ({
  centered,
  isSum: false,
  floor: false,
  epsilon,
});

const reshaped = (scope: Scope, x: Tensor, shape: number[]): Tensor =>
  sameShape(x.shape, shape) ? x : reshape(scope, x, shape);

/** The scale or bias at `index` as one value for each element of a row. */
function rowVector(scope: Scope, index: number, row: number[], role: string): Tensor | null {
  if (!scope.has(index)) return null;
  const given = scope.float(index);
  const depth = elementCount(row);
  if (isFloatConstant(given)) {
    if (
      given.shape.length > row.length ||
      given.shape.some((d, i) => d !== 1 && d !== row.at(i - given.shape.length))
    )
      throw scope.bad(
        `expected ${role} that broadcasts to [${row.join(", ")}], found [${given.shape.join(", ")}]`,
      );
    const values = gather(given.data, depth, walk(row, broadcastSteps(given.shape, row))) as Float32Array;
    return floatConstant(scope.nameFor(role), [depth], values);
  }
  if (elementCount(given.shape) !== depth)
    throw scope.unsupported(`${role} "${given.name}" [${given.shape.join(", ")}] computed at run time`);
  return reshaped(scope, given, [depth]);
}

const unary = (scope: Scope, x: Tensor, kind: UnaryKind): Tensor =>
  scope.emit("unary", [x], { kind }, x.shape);

/** The second and third result of LayerNormalization: every row's mean and 1 / deviation. */
function rowStatistics(scope: Scope, x: Tensor, axis: number, epsilon: number): Tensor[] {
  const axes = [...x.shape.keys()].slice(axis);
  const shape = x.shape.map((d, i) => (i < axis ? d : 1));
  const meanOf = (t: Tensor) => scope.emit("mean", [t], { axes, keepDims: true }, shape);
  const mean = meanOf(x);
  const difference = scope.emit("sub", [x, mean], { activation: noActivation }, x.shape);
  const variance = meanOf(unary(scope, difference, "square"));
  const addend = floatConstant(scope.nameFor("epsilon"), [1], Float32Array.of(epsilon));
  const sum = scope.emit("add", [variance, addend], { activation: noActivation }, shape);
  return [mean, unary(scope, sum, "rsqrt")];
}

/** LayerNormalization and RMSNormalization over all dimensions from `axis` on. */
const layerNormalization =
  (centered: boolean) =>
  (scope: Scope): Tensor[] => {
    const x = scope.float(0);
    if (scope.intAttribute("stash_type", 1) !== 1) throw scope.unsupported("stash_type other than float");
    const axis = normalAxis(scope.intAttribute("axis", -1), x.shape.length, scope.where);
    const row = x.shape.slice(axis);
    const epsilon = scope.floatAttribute("epsilon", 1e-5);
    const flat = reshaped(scope, x, [...x.shape.slice(0, axis), elementCount(row)]);
    const inputs = [flat, rowVector(scope, 1, row, "scale"), rowVector(scope, 2, row, "bias")];
    const y = scope.emit("normalize", inputs, layerForm(centered, epsilon), flat.shape);
    const hasStatistics = centered && scope.node.outputs.slice(1).some((name) => name !== "");
    return [reshaped(scope, y, x.shape), ...(hasStatistics ? rowStatistics(scope, x, axis, epsilon) : [])];
  };

/** One value a channel, of the shape that broadcasts over [N, C, …]. */
function channelOperand(scope: Scope, index: number, x: Tensor, groups: number, role: string): Tensor {
  const given = scope.float(index);
  const channels = x.shape[1];
  const shape = [channels, ...x.shape.slice(2).map(() => 1)];
  const count = elementCount(given.shape);
  if (count === channels) {
    return isFloatConstant(given)
      ? floatConstant(scope.nameFor(role), shape, given.data)
      : reshaped(scope, given, shape);
  }
  if (count !== groups || !isFloatConstant(given))
    throw scope.bad(`expected ${channels} values of ${role}, found ${count}`);
  const perChannel = new Float32Array(channels).map(
    (_, c) => given.data[Math.floor((c * groups) / channels)],
  );
  return floatConstant(scope.nameFor(role), shape, perChannel);
}

/** Groups of channels brought to mean 0 and variance 1 together, then a scale and a bias for each channel. */
function groupNormalization(scope: Scope, groups: number): Tensor {
  const x = scope.float(0);
  if (x.shape.length < 3) throw scope.unsupported(`${x.shape.length}-dimensional operand (3 and more work)`);
  const [batch, channels] = x.shape;
  if (!(groups >= 1) || channels % groups !== 0)
    throw scope.bad(`expected num_groups that divides ${channels}, found ${groups}`);
  const scale = channelOperand(scope, 1, x, groups, "scale");
  const bias = channelOperand(scope, 2, x, groups, "bias");
  const rows = reshape(scope, x, [batch * groups, elementCount(x.shape) / (batch * groups)]);
  const epsilon = scope.floatAttribute("epsilon", 1e-5);
  const y = scope.emit("normalize", [rows, null, null], layerForm(true, epsilon), rows.shape);
  const scaled = scope.emit(
    "mul",
    [reshape(scope, y, x.shape), scale],
    { activation: noActivation },
    x.shape,
  );
  return scope.emit("add", [scaled, bias], { activation: noActivation }, x.shape);
}

/** Normalizes over `axes`, which a transpose brings to the end. */
function normalizeOver(scope: Scope, x: Tensor, axes: number[], form: NormalizeAttributes): Tensor {
  const kept = [...x.shape.keys()].filter((axis) => !axes.includes(axis));
  const perm = [...kept, ...axes];
  const isMoved = perm.some((p, i) => p !== i);
  const moved = isMoved ? transpose(scope, x, perm) : x;
  const depth = elementCount(axes.map((axis) => x.shape[axis]));
  const rows = reshaped(scope, moved, [elementCount(x.shape) / depth, depth]);
  const y = reshaped(scope, scope.emit("normalize", [rows, null, null], form, rows.shape), moved.shape);
  return isMoved ? transpose(scope, y, inversePerm(perm)) : y;
}

/** ε is 10⁻⁹ beside the deviation, here its square beside the variance. */
function meanVarianceNormalization(scope: Scope): Tensor {
  const x = scope.float(0);
  const axes = normalAxes(scope.intsAttribute("axes") ?? [0, 2, 3], x.shape.length, scope.where);
  return normalizeOver(scope, x, axes, layerForm(true, 1e-18));
}

/** Division by the sum of magnitudes or by the Euclidean length; of a zero vector, the latter gives zero. */
function lpNormalization(scope: Scope): Tensor {
  const x = scope.float(0);
  const p = scope.intAttribute("p", 2);
  if (p !== 1 && p !== 2) throw scope.unsupported(`p ${p} (1 and 2 work)`);
  const axis = normalAxis(scope.intAttribute("axis", -1), x.shape.length, scope.where);
  if (p === 1) {
    const shape = x.shape.map((d, i) => (i === axis ? 1 : d));
    const magnitudes = unary(scope, x, "abs");
    const sum = scope.emit("reduce", [magnitudes], { kind: "sum", axes: [axis], keepDims: true }, shape);
    return scope.emit("binary", [x, sum], { kind: "div", activation: noActivation }, x.shape);
  }
  return normalizeOver(scope, x, [axis], { centered: false, isSum: true, floor: true, epsilon: 1e-36 });
}

/**
 * LRN: x · (bias + alpha / size · Σ x²)^−beta, the sum over `size` neighbouring channels. The sum is an average pool
 * over channels, the power exp(−beta · log).
 */
function localResponseNormalization(scope: Scope): Tensor {
  const x = scope.float(0);
  const size = scope.intAttribute("size", 0);
  const bias = scope.floatAttribute("bias", 1);
  if (!(size >= 1) || size > 2 ** 16 || x.shape.length < 2 || !(bias > 0))
    throw scope.unsupported(`size ${size} or bias ${bias} on ${x.shape.length} dimensions`);
  const [batch, channels] = x.shape;
  const image = [batch, channels, 1, elementCount(x.shape) / (batch * channels)];
  const square = scope.emit("unary", [x], { kind: "square" }, x.shape);
  const before = Math.floor((size - 1) / 2);
  const mean = scope.emit(
    "averagePool2d",
    [reshape(scope, square, image)],
    {
      kernel: [size, 1],
      stride: [1, 1],
      padding: { top: before, left: 0, bottom: size - 1 - before, right: 0 },
      activation: noActivation,
      countIncludePad: true,
    },
    image,
  );
  const times = (t: Tensor, role: string, value: number) =>
    scope.emit(
      "mul",
      [t, floatConstant(scope.nameFor(role), [1], Float32Array.of(value))],
      { activation: noActivation },
      t.shape,
    );
  const weighted = times(reshape(scope, mean, x.shape), "alpha", scope.floatAttribute("alpha", 1e-4));
  const base = scope.emit(
    "add",
    [weighted, floatConstant(scope.nameFor("bias"), [1], Float32Array.of(bias))],
    { activation: noActivation },
    x.shape,
  );
  const log = scope.emit("unary", [base], { kind: "log" }, x.shape);
  const power = times(log, "beta", -scope.floatAttribute("beta", 0.75));
  const factor = scope.emit("unary", [power], { kind: "exp" }, x.shape);
  return scope.emit("mul", [x, factor], { activation: noActivation }, x.shape);
}

export const normalizations: Record<string, (scope: Scope) => Tensor | Tensor[]> = {
  GroupNormalization: (scope) => groupNormalization(scope, scope.intAttribute("num_groups", 0)),
  InstanceNormalization: (scope) => groupNormalization(scope, scope.float(0).shape[1] ?? 0),
  LRN: localResponseNormalization,
  LayerNormalization: layerNormalization(true),
  LpNormalization: lpNormalization,
  MeanVarianceNormalization: meanVarianceNormalization,
  RMSNormalization: layerNormalization(false),
  SimplifiedLayerNormalization: layerNormalization(false),
};
