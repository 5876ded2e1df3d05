import type { ResizeTable, Tensor } from "../../../graph/graph.ts";
import { cubicKernel, filterTable, identityTable, linearKernel, pickTable } from "../../resample.ts";
import { reshape, type Scope } from "../scope.ts";
import { checkedCount, normalAxis } from "../shape.ts";

/** One dimension that changes. */
interface Axis {
  axis: number;
  from: number;
  to: number;
  scale: number;
  /** Part of the input that is resized, as fractions of it; for tf_crop_and_resize. */
  crop: [number, number];
}

/** Where output position i lies in the input. */
function coordinateOf(scope: Scope, mode: string, { from, to, scale, crop }: Axis): (i: number) => number {
  const half = (i: number) => (i + 0.5) / scale - 0.5;
  // A scale need not give a whole number of positions; where corners are aligned, ONNX counts the fraction.
  const exact = scale * from;
  const length = Math.abs(exact - to) < 1e-5 ? to : exact;
  switch (mode) {
    case "half_pixel":
      return half;
    case "half_pixel_symmetric":
      return (i) => (from / 2) * (1 - to / length) + half(i);
    case "pytorch_half_pixel":
      return to > 1 ? half : () => 0;
    case "align_corners":
      return (i) => (length <= 1 ? 0 : (i * (from - 1)) / (length - 1));
    case "asymmetric":
      return (i) => i / scale;
    case "tf_crop_and_resize": {
      const [start, end] = crop.map((part) => part * (from - 1));
      const at = (i: number) => (to > 1 ? start + (i * (end - start)) / (to - 1) : (start + end) / 2);
      if ([at(0), at(to - 1)].some((c) => c < 0 || c > from - 1))
        throw scope.unsupported("tf_crop_and_resize of a region that reaches outside");
      return at;
    }
    default:
      throw scope.unsupported(`coordinate_transformation_mode ${mode}`);
  }
}

const roundings: Record<string, (c: number) => number> = {
  round_prefer_floor: (c) => Math.ceil(c - 0.5),
  round_prefer_ceil: (c) => Math.floor(c + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

interface Method {
  mode: string;
  coordinates: string;
  nearest: string;
  isOld: boolean;
}

function tableOf(scope: Scope, axis: Axis, { mode, coordinates, nearest }: Method): ResizeTable {
  const coordinate = coordinateOf(scope, coordinates, axis);
  if (mode === "nearest") {
    const round = Object.hasOwn(roundings, nearest) ? roundings[nearest] : undefined;
    if (!round) throw scope.unsupported(`nearest_mode ${nearest}`);
    return pickTable(axis.from, axis.to, (i) => round(coordinate(i)));
  }
  if (mode !== "linear" && mode !== "cubic") throw scope.unsupported(`mode ${mode}`);
  const antialias = scope.intAttribute("antialias", 0) !== 0;
  const scale = antialias ? Math.min(1, axis.scale) : 1;
  // Products of taps and positions stay in proportion to what is read.
  checkedCount([axis.to, Math.ceil(2 / scale)], scope.where);
  return filterTable(axis.from, axis.to, coordinate, {
    kernel: mode === "linear" ? linearKernel : cubicKernel(scope.floatAttribute("cubic_coeff_a", -0.75)),
    scale,
    excludeOutside: mode === "cubic" && scope.intAttribute("exclude_outside", 0) !== 0,
  });
}

const floats = (scope: Scope, index: number, role: string): number[] => {
  const { data, dtype } = scope.constant(index, role);
  if (dtype !== "float32" || data.length > 64)
    throw scope.bad(`expected ${role} to be a short list of floats, found ${data.length} × ${dtype}`);
  return Array.from(data as Float32Array);
};

/** The axes a Resize names, in its order. */
const namedAxes = (scope: Scope, rank: number): number[] =>
  (scope.intsAttribute("axes") ?? [...Array(rank).keys()]).map((axis) => normalAxis(axis, rank, scope.where));

/** A constant that may be given as a list of no values, which means that it is not. */
const isGiven = (scope: Scope, index: number, role: string): boolean =>
  scope.has(index) && scope.constant(index, role).data.length > 0;

function axesBySizes(scope: Scope, shape: number[], axes: number[], sizes: number[]): Omit<Axis, "crop">[] {
  const policy = scope.stringAttribute("keep_aspect_ratio_policy", "stretch");
  const ratios = axes.map((axis, i) => sizes[i] / shape[axis]);
  if (policy === "stretch")
    return axes.map((axis, i) => ({ axis, from: shape[axis], to: sizes[i], scale: ratios[i] }));
  if (policy !== "not_larger" && policy !== "not_smaller")
    throw scope.unsupported(`keep_aspect_ratio_policy ${policy}`);
  const scale = Math[policy === "not_larger" ? "min" : "max"](...ratios);
  return axes.map((axis) => ({
    axis,
    from: shape[axis],
    to: Math.floor(scale * shape[axis] + 0.5),
    scale,
  }));
}

const byScales = (shape: number[], axes: number[], scales: number[]): Omit<Axis, "crop">[] =>
  axes.map((axis, i) => ({
    axis,
    from: shape[axis],
    to: Math.floor(shape[axis] * scales[i]),
    scale: scales[i],
  }));

/** Resamples the dimensions that change, two neighbours at a time. */
function resample(scope: Scope, given: Tensor, axes: Axis[], method: Method): Tensor {
  let x = given.shape.length < 2 ? reshape(scope, given, [1, ...given.shape]) : given;
  const lead = x.shape.length - given.shape.length;
  const tables = new Map<number, ResizeTable>();
  for (const axis of axes) {
    if (!Number.isFinite(axis.scale) || !(axis.scale > 0) || !(axis.to >= 1))
      throw scope.bad(
        `expected a scale above 0 and a size of at least 1, found ${axis.scale} and ${axis.to}`,
      );
    const isSame = axis.from === axis.to && (axis.scale === 1 || method.isOld) && axis.crop.join() === "0,1";
    if (!isSame) {
      checkedCount([axis.to], scope.where);
      tables.set(axis.axis + lead, tableOf(scope, axis, method));
    }
  }
  while (tables.size > 0) {
    const [first] = [...tables.keys()].sort((a, b) => a - b);
    const axis = Math.min(first, x.shape.length - 2);
    const [rows, columns] = [axis, axis + 1].map((d) => tables.get(d) ?? identityTable(x.shape[d]));
    tables.delete(axis);
    tables.delete(axis + 1);
    const shape = [...x.shape];
    shape[axis] = rows.index.length / rows.taps;
    shape[axis + 1] = columns.index.length / columns.taps;
    x = scope.emit("resize2d", [x], { axis, rows, columns }, shape, x);
  }
  return lead > 0 ? reshape(scope, x, x.shape.slice(lead)) : x;
}

const whole = (axis: Omit<Axis, "crop">): Axis => ({ ...axis, crop: [0, 1] });

/** Upsample and the Resize of operator set 10: scales alone, positions rounded down. */
function scaled(scope: Scope): Tensor {
  const x = scope.float(0);
  const attribute = scope.opset < 9 ? scope.attribute("scales")?.floats : undefined;
  const scales = attribute ?? floats(scope, 1, "scales");
  if (scales.length !== x.shape.length)
    throw scope.bad(`expected ${x.shape.length} scales, found ${scales.length}`);
  const method = {
    mode: scope.stringAttribute("mode", "nearest"),
    coordinates: "asymmetric",
    nearest: "floor",
    isOld: true,
  };
  return resample(scope, x, byScales(x.shape, [...x.shape.keys()], scales).map(whole), method);
}

function resize(scope: Scope): Tensor {
  if (scope.opset < 11) return scaled(scope);
  const x = scope.float(0);
  const axes = namedAxes(scope, x.shape.length);
  const hasSizes = isGiven(scope, 3, "sizes");
  const list = hasSizes ? scope.integers(3, "sizes") : floats(scope, 2, "scales");
  if (list.length !== axes.length || new Set(axes).size !== axes.length)
    throw scope.bad(
      `expected ${axes.length} values in ${hasSizes ? "sizes" : "scales"}, found ${list.length}`,
    );
  const changes = hasSizes ? axesBySizes(scope, x.shape, axes, list) : byScales(x.shape, axes, list);
  const coordinates = scope.stringAttribute("coordinate_transformation_mode", "half_pixel");
  const crops = coordinates === "tf_crop_and_resize" ? floats(scope, 1, "roi") : [];
  if (crops.length > 0 && crops.length !== 2 * axes.length)
    throw scope.bad(`expected ${2 * axes.length} values of roi, found ${crops.length}`);
  const cropped = changes.map((change, i): Axis => {
    const crop: [number, number] = crops.length > 0 ? [crops[i], crops[axes.length + i]] : [0, 1];
    return { ...change, crop };
  });
  return resample(scope, x, cropped, {
    mode: scope.stringAttribute("mode", "nearest"),
    coordinates,
    nearest: scope.stringAttribute("nearest_mode", "round_prefer_floor"),
    isOld: false,
  });
}

export const resizing: Record<string, (scope: Scope) => Tensor> = { Resize: resize, Upsample: scaled };
