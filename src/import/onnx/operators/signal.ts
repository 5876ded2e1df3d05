/** Fourier transforms, as spectra where these have a kernel and as products with constant matrices elsewhere; windows; mel filters. */

import { elementCount, noActivation, type Tensor } from "../../../graph/graph.ts";
import { floatConstant, isConstant } from "../../../graph/passes/constant.ts";
import { hasTransform } from "../../../numerics/spectrum.ts";
import { reshape, type Scope, transpose } from "../scope.ts";
import type { Convert } from "./index.ts";

interface Transform {
  /** Values that are transformed, and how many of them there are: the others are zeros. */
  length: number;
  given: number;
  /** Bins that come out. */
  bins: number;
  /** 1 for real input, 2 for complex. */
  parts: number;
  inverse: boolean;
  /** What each value is multiplied with first. */
  window?: ArrayLike<number>;
}

/** [bins · 2, given · parts]: what each value adds to the real and the imaginary part of each bin. */
function matrixOf({ length, given, bins, parts, inverse, window }: Transform): Float32Array {
  const matrix = new Float32Array(bins * 2 * given * parts);
  const scale = inverse ? 1 / length : 1;
  for (let k = 0; k < bins; k++) {
    for (let n = 0; n < given; n++) {
      const angle = ((inverse ? 2 : -2) * Math.PI * ((k * n) % length)) / length;
      const factor = scale * (window ? Number(window[n]) : 1);
      const [c, s] = [factor * Math.cos(angle), factor * Math.sin(angle)];
      const row = 2 * k * given * parts + n * parts;
      matrix[row] = c;
      matrix[row + given * parts] = s;
      if (parts === 1) continue;
      matrix[row + 1] = -s;
      matrix[row + given * parts + 1] = c;
    }
  }
  return matrix;
}

/** [length, bins · 2]: the samples that one side of a real signal's transform stands for. */
function realMatrix(length: number, bins: number): Float32Array {
  const matrix = new Float32Array(length * bins * 2);
  for (let n = 0; n < length; n++) {
    for (let k = 0; k < bins; k++) {
      const angle = (2 * Math.PI * ((k * n) % length)) / length;
      // The other side has the conjugates of all bins but the first and, of an even length, the last.
      const factor = (k === 0 || 2 * k === length ? 1 : 2) / length;
      matrix.set([factor * Math.cos(angle), -factor * Math.sin(angle)], 2 * (n * bins + k));
    }
  }
  return matrix;
}

/** x [..., columns] → [..., rows] */
function byMatrix(scope: Scope, x: Tensor, rows: number, make: () => Float32Array): Tensor {
  const columns = x.shape.at(-1)!;
  scope.checkRoom(rows * columns);
  const weights = floatConstant(scope.nameFor("transform"), [rows, columns], make());
  const shape = [...x.shape.slice(0, -1), rows];
  return scope.emit("fullyConnected", [x, weights, null], { activation: noActivation }, shape);
}

/** Frames of real samples x [rows, samples] → [rows, frames, bins, 2] */
function bySpectrum(scope: Scope, x: Tensor, window: Float32Array, size: number, hop: number): Tensor {
  const frames = Math.floor((x.shape[1] - window.length) / hop) + 1;
  const constant = floatConstant(scope.nameFor("window"), [window.length], window);
  const shape = [x.shape[0], frames, size / 2 + 1, 2];
  return scope.emit("spectrum", [x, constant], { kind: "complex", size, hop }, shape);
}

const partsOf = (scope: Scope, x: Tensor): number => {
  const parts = x.shape.at(-1)!;
  if (x.shape.length < 2 || (parts !== 1 && parts !== 2))
    throw scope.bad(`expected real or complex values in the last dimension, found [${x.shape.join(", ")}]`);
  return parts;
};

function dft(scope: Scope): Tensor {
  const x = scope.float(0);
  const parts = partsOf(scope, x);
  const rank = x.shape.length;
  const fallback = scope.opset < 20 ? scope.intAttribute("axis", 1) : -2;
  const given = scope.opset >= 20 && scope.has(2) ? scope.scalar(2, "the axis") : fallback;
  const axis = given < 0 ? given + rank : given;
  if (!(axis >= 0 && axis < rank - 1)) throw scope.bad(`axis ${given} of [${x.shape.join(", ")}]`);
  const inverse = scope.intAttribute("inverse", 0) !== 0;
  const onesided = scope.intAttribute("onesided", 0) !== 0;
  const isReal = inverse && onesided;
  const count = x.shape[axis];
  const length = scope.has(1)
    ? scope.scalar(1, "the length of the transform")
    : isReal
      ? 2 * (count - 1)
      : count;
  if (!(length >= 1) || (isReal && parts !== 2)) throw scope.bad(`a transform of ${length} values`);
  const side = Math.floor(length / 2) + 1;
  const bins = onesided && !inverse ? side : length;
  // The axis goes next to the parts, and back afterwards.
  const others = x.shape.map((_, d) => d).filter((d) => d !== axis && d !== rank - 1);
  const perm = [...others, axis, rank - 1];
  const turned = transpose(scope, x, perm);
  const rows = others.map((d) => x.shape[d]);
  const available = Math.min(count, isReal ? side : length);
  let values = turned;
  if (available < count) {
    const begin = perm.map(() => 0);
    values = scope.emit("slice", [turned], { begin, stride: begin.map(() => 1) }, [
      ...rows,
      available,
      parts,
    ]);
  }
  const flat = (columns: number): Tensor => reshape(scope, values, [...rows, columns]);
  let y: Tensor;
  if (isReal) y = byMatrix(scope, flat(available * 2), length, () => realMatrix(length, available));
  else if (parts === 1 && onesided && hasTransform(length)) {
    const signals = reshape(scope, values, [elementCount(rows), available]);
    y = bySpectrum(scope, signals, new Float32Array(available).fill(1), length, 1);
  } else
    y = byMatrix(scope, flat(available * parts), 2 * bins, () =>
      matrixOf({ length, given: available, bins, parts, inverse }),
    );
  const back = perm.map((_, d) => perm.indexOf(d));
  return transpose(scope, reshape(scope, y, [...rows, bins, isReal ? 1 : 2]), back);
}

function stft(scope: Scope): Tensor {
  const x = scope.float(0);
  const real = x.shape.length === 2 ? reshape(scope, x, [...x.shape, 1]) : x;
  const parts = partsOf(scope, real);
  const [batch, samples] = real.shape;
  const hop = scope.scalar(1, "the step between frames");
  const window = scope.optional(2);
  if (window && !(isConstant(window) && window.data instanceof Float32Array))
    throw scope.unsupported(`a window computed at run time ("${window.name}")`);
  const length = scope.has(3) ? scope.scalar(3, "the length of a frame") : window?.shape[0];
  if (!length || !(hop >= 1) || length > samples || (window && window.shape[0] !== length))
    throw scope.bad(`frames of ${length} samples, ${hop} apart, of ${samples}`);
  const onesided = scope.intAttribute("onesided", 1) !== 0;
  if (onesided && parts === 2) throw scope.bad("one side of a transform of complex samples");
  const factors = window ? (window.data as Float32Array) : new Float32Array(length).fill(1);
  if (parts === 1 && onesided && hasTransform(length))
    return bySpectrum(scope, reshape(scope, real, [batch, samples]), factors, length, hop);
  const frames = Math.floor((samples - length) / hop) + 1;
  scope.checkRoom(frames * length);
  const indices: Tensor = {
    name: scope.nameFor("frames"),
    dtype: "int32",
    shape: [frames, length],
    data: Int32Array.from({ length: frames * length }, (_, i) => Math.floor(i / length) * hop + (i % length)),
  };
  const shape = [batch, frames, length, parts];
  const framed = scope.emit("gather", [real, indices], { axis: 1, batchDims: 0, fromEnd: false }, shape);
  const bins = onesided ? Math.floor(length / 2) + 1 : length;
  const y = byMatrix(scope, reshape(scope, framed, [batch, frames, length * parts]), 2 * bins, () =>
    matrixOf({ length, given: length, bins, parts, inverse: false, window: factors }),
  );
  return reshape(scope, y, [batch, frames, bins, 2]);
}

/** A sum of cosines over `size` values, or over one more where the last is left out because it begins the next period. */
const window =
  (...coefficients: number[]): Convert =>
  (scope) => {
    const size = scope.scalar(0, "the size of a window");
    if (!Number.isInteger(size) || size < 1) throw scope.bad(`a window of ${size} values`);
    if (scope.intAttribute("output_datatype", 1) !== 1)
      throw scope.unsupported("a window of another type than float32");
    scope.checkRoom(size);
    const period = scope.intAttribute("periodic", 1) !== 0 ? size : Math.max(1, size - 1);
    const values = Float32Array.from({ length: size }, (_, n) =>
      coefficients.reduce(
        (sum, a, k) => sum + (k % 2 ? -a : a) * Math.cos((2 * Math.PI * k * n) / period),
        0,
      ),
    );
    return floatConstant(scope.nameFor("window"), [size], values);
  };

/** Triangles between bins, as the standard has them: their edges are rounded down to bins. */
function melWeightMatrix(scope: Scope): Tensor {
  const [count, length, rate] = ["number of filters", "length of the transform", "sample rate"].map(
    (role, i) => scope.scalar(i, `the ${role}`),
  );
  const [lowest, highest] = [
    scope.scalar(3, "the lowest frequency"),
    scope.scalar(4, "the highest frequency"),
  ];
  const bins = Math.floor(length / 2) + 1;
  if (!(count >= 1 && length >= 1 && rate > 0))
    throw scope.bad(`${count} filters of ${length} values at ${rate} Hz`);
  scope.checkRoom(bins * count);
  const mel = (hertz: number): number => 2595 * Math.log10(1 + hertz / 700);
  const step = (mel(highest) - mel(lowest)) / (count + 2);
  const edge = (i: number): number => {
    const hertz = 700 * (10 ** ((mel(lowest) + i * step) / 2595) - 1);
    return Math.floor(((length + 1) * hertz) / rate);
  };
  const matrix = new Float32Array(bins * count);
  for (let m = 0; m < count; m++) {
    const [left, centre, right] = [edge(m), edge(m + 1), edge(m + 2)];
    const set = (bin: number, value: number): void => {
      if (bin < bins) matrix[bin * count + m] = value;
    };
    if (centre === left) set(centre, 1);
    else for (let bin = left; bin <= centre; bin++) set(bin, (bin - left) / (centre - left));
    if (right > centre) for (let bin = centre; bin < right; bin++) set(bin, (right - bin) / (right - centre));
  }
  return floatConstant(scope.nameFor("mel"), [bins, count], matrix);
}

export const signal: Record<string, Convert> = {
  DFT: dft,
  STFT: stft,
  HannWindow: window(0.5, 0.5),
  HammingWindow: window(25 / 46, 21 / 46),
  BlackmanWindow: window(0.42, 0.5, 0.08),
  MelWeightMatrix: melWeightMatrix,
};
