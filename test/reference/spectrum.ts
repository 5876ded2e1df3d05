/** Fourier transforms and the integer front end by docs/numerics.md: plain functions on whole arrays, no bits shared. */

import { elementCount, type NodeOf } from "../../src/graph/graph.ts";
import { cosines, fixedCosines, logTable } from "../../src/numerics/spectrum.ts";
import type { Operands } from "./tensor.ts";

type Complex = [re: number, im: number];

const wrap16 = (v: number): number => (v << 16) >> 16;
const narrow = (v: number): number => wrap16(Math.floor((v + 16384) / 32768));

/** How numbers are scaled down, multiplied and halved. */
interface Arithmetic {
  /** cos(2πj / size), times 32767 in fixed point. */
  cosine(j: number): number;
  /** −sin. */
  sine(j: number): number;
  shrink(v: number, parts: number): number;
  products(a: number, b: number, c: number, d: number): number;
  half(v: number): number;
}

const floating = (size: number): Arithmetic => {
  const table = cosines(size);
  return {
    cosine: (j) => table[j],
    sine: (j) => table[j + size / 4],
    shrink: (v) => v,
    products: (a, b, c, d) => a * b + c * d,
    half: (v) => v * 0.5,
  };
};

const fixedPoint = (size: number): Arithmetic => {
  const table = fixedCosines(size);
  return {
    cosine: (j) => table[j],
    sine: (j) => table[j + size / 4],
    shrink: (v, parts) => narrow(wrap16(v) * Math.trunc(32767 / parts)),
    products: (a, b, c, d) => narrow(a * b + c * d),
    half: (v) => Math.floor(v / 2),
  };
};

/** Radix 4, decimation in time; the innermost transform has radix 2 where the length is no power of 4. */
function transform(x: Complex[], step: number, arithmetic: Arithmetic): Complex[] {
  const n = x.length;
  if (n === 1) return [x[0]];
  const parts = n % 4 === 0 ? 4 : 2;
  const m = n / parts;
  const turned = Array.from({ length: parts }, (_, q) =>
    transform(
      x.filter((_, i) => i % parts === q),
      step * parts,
      arithmetic,
    ).map(([wideRe, wideIm], i): Complex => {
      const [re, im] = [arithmetic.shrink(wideRe, parts), arithmetic.shrink(wideIm, parts)];
      if (q === 0) return [re, im];
      const [c, s] = [arithmetic.cosine(q * i * step), arithmetic.sine(q * i * step)];
      return [arithmetic.products(re, c, -im, s), arithmetic.products(re, s, im, c)];
    }),
  );
  const y: Complex[] = new Array(n);
  for (let i = 0; i < m; i++) {
    const [a, b, c, d] = turned.map((part) => part[i]);
    if (parts === 2) {
      y[i] = [a[0] + b[0], a[1] + b[1]];
      y[i + m] = [a[0] - b[0], a[1] - b[1]];
      continue;
    }
    const [sumRe, sumIm, oddRe, oddIm] = [b[0] + d[0], b[1] + d[1], b[0] - d[0], b[1] - d[1]];
    y[i] = [a[0] + c[0] + sumRe, a[1] + c[1] + sumIm];
    y[i + m] = [a[0] - c[0] + oddIm, a[1] - c[1] - oddRe];
    y[i + 2 * m] = [a[0] + c[0] - sumRe, a[1] + c[1] - sumIm];
    y[i + 3 * m] = [a[0] - c[0] - oddIm, a[1] - c[1] + oddRe];
  }
  return y;
}

const pairsOf = (values: ArrayLike<number>): Complex[] =>
  Array.from({ length: values.length / 2 }, (_, i) => [values[2 * i], values[2 * i + 1]]);

/** Bins 0 … n / 2 of n samples, by way of the transform of n / 2 pairs. */
function realTransform(samples: ArrayLike<number>, arithmetic: Arithmetic): Complex[] {
  const z = transform(pairsOf(samples), 2, arithmetic);
  const half = z.length;
  const bins: Complex[] = new Array(half + 1);
  const [re, im] = z[0].map((v) => arithmetic.shrink(v, 2));
  bins[0] = [re + im, 0];
  bins[half] = [re - im, 0];
  for (let k = 1; k <= half / 2; k++) {
    const [aRe, aIm] = z[k].map((v) => arithmetic.shrink(v, 2));
    const bRe = arithmetic.shrink(z[half - k][0], 2);
    const bIm = arithmetic.shrink(-z[half - k][1], 2);
    const [c, s] = [arithmetic.cosine(k), arithmetic.sine(k)];
    const turnedRe = arithmetic.products(aRe - bRe, s, -(aIm - bIm), -c);
    const turnedIm = arithmetic.products(aRe - bRe, -c, aIm - bIm, s);
    bins[k] = [arithmetic.half(aRe + bRe + turnedRe), arithmetic.half(aIm + bIm + turnedIm)];
    bins[half - k] = [arithmetic.half(aRe + bRe - turnedRe), arithmetic.half(turnedIm - (aIm + bIm))];
  }
  return bins;
}

export function spectrum(node: NodeOf<"spectrum">, { values }: Operands): Float32Array {
  const { kind, size, hop } = node.attributes;
  const window = values[1] as Float32Array;
  const x = values[0] as Float32Array | Int16Array;
  const scale = x instanceof Int16Array ? 1 / 32768 : 1;
  const arithmetic = floating(size);
  const y: number[] = [];
  const samples = node.inputs[0]!.shape.at(-1)!;
  const perFrame = (size / 2 + 1) * (kind === "complex" ? 2 : 1);
  const rows = x.length / samples;
  const frames = elementCount(node.outputs[0].shape) / perFrame / rows;
  for (let row = 0; row < rows; row++) {
    for (let t = 0; t < frames; t++) {
      const frame = Array.from({ length: size }, (_, i) =>
        i < window.length ? x[row * samples + t * hop + i] * Math.fround(window[i] * scale) : 0,
      );
      for (const [re, im] of realTransform(frame, arithmetic)) {
        if (kind === "complex") y.push(re, im);
        else y.push(re * re + im * im);
      }
    }
  }
  return Float32Array.from(y);
}

const bitLength = (v: number): number => 32 - Math.clz32(v);
const shifted = (v: bigint, bits: number): number => Number(BigInt.asUintN(32, v >> BigInt(bits)));

function root(v: bigint): number {
  let r = BigInt(Math.floor(Math.sqrt(Number(v))));
  while (r * r > v) r--;
  while ((r + 1n) * (r + 1n) <= v) r++;
  const isFull = r === 0xffffn && v < 1n << 32n;
  return Number(v - r * r > r && !isFull ? r + 1n : r);
}

/** The gain at noise v: a parabola between powers of two. */
function gainAt(v: number, table: Int16Array): number {
  if (v <= 2) return table[v];
  const bits = bitLength(v);
  const [low, slope, bend] = table.subarray(4 * bits - 6);
  const part = (bits < 11 ? v << (11 - bits) : v >>> (bits - 11)) & 1023;
  const rise = Math.imul(((bend * part) >> 5) + (slope << 5), part);
  return wrap16(((rise + 16384) >> 15) + low);
}

function logarithm(v: number, scale: number): number {
  const table = logTable();
  const whole = bitLength(v) - 1;
  const rest = v - 2 ** whole;
  const part = whole < 16 ? rest * 2 ** (16 - whole) : Math.floor(rest / 2 ** (whole - 16));
  const segment = part >> 9;
  const step = table[segment + 1] - table[segment];
  const log2 = whole * 65536 + part + table[segment] + ((step * (part & 511)) >> 16);
  const natural = shifted(45426n * BigInt(log2) + 32768n, 16);
  return (Math.imul(scale, natural) + 32768) >>> 16;
}

/** [features, the noise estimate that is left] */
export function microFeatures(node: NodeOf<"microFeatures">, { values }: Operands): Int32Array[] {
  const { hop, size, window, windowShift, bands, noise, gain, log } = node.attributes;
  const x = values[0] as Int16Array;
  const estimates = Uint32Array.from(values[1] as Int32Array);
  const y = new Int32Array(elementCount(node.outputs[0].shape));
  const frames = y.length / bands.length;
  const arithmetic = fixedPoint(size);
  for (let t = 0; t < frames; t++) {
    const frame = Array.from({ length: size }, (_, i) => {
      if (i >= window.length) return 0;
      const v = (x[t * hop + i] * window[i]) >> windowShift;
      return Math.max(-32768, Math.min(32767, v));
    });
    const largest = Math.max(...frame.map(Math.abs));
    const up = largest === 0 ? 0 : Math.max(15 - bitLength(largest), 0);
    const energies = realTransform(
      frame.map((v) => v * 2 ** up),
      arithmetic,
    ).map(([re, im]) => re * re + im * im);
    for (const [c, { first, weights }] of bands.entries()) {
      let sum = 0n;
      for (const [i, w] of weights.entries()) sum += BigInt(w) * BigInt(energies[first + i]);
      let v = root(sum) >>> up;
      if (noise) {
        const [rate, rest] = c % 2 === 0 ? noise.even : noise.odd;
        const signal = (v << noise.smoothingBits) >>> 0;
        const mixed = BigInt(signal) * BigInt(rate) + BigInt(estimates[c]) * BigInt(rest);
        const estimate = shifted(mixed, noise.bits);
        const below = Math.min(estimate, signal);
        estimates[c] = estimate;
        const least = shifted(BigInt(v) * BigInt(noise.leastSignal), noise.bits);
        v = Math.max((signal - below) >>> noise.smoothingBits, least);
      }
      if (gain) {
        const ratio = shifted(BigInt(v) * BigInt(gainAt(estimates[c], gain.table) >>> 0), gain.shift);
        v = ratio < 8192 ? (ratio * ratio) >>> 20 : (ratio >>> 6) - 64;
      }
      v = (v << log.correctionBits) >>> 0;
      v = v > 1 ? Math.min(logarithm(v, log.scale), 32767) : 0;
      y[t * bands.length + c] = v;
    }
  }
  return [y, Int32Array.from(estimates)];
}
