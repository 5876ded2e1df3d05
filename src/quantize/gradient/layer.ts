/** Layers with weights, forwards and backwards. */

import { isUnbounded } from "../../graph/graph.ts";
import type { LayerMatrix } from "../layers/matrix.ts";
import { patchCount, placePatch } from "../layers/matrix.ts";
import type { Products } from "./products.ts";

/** Something that is trained, and what it has to change by for the outputs to change as asked. */
interface Parameter {
  value: Float32Array;
  gradient: Float32Array;
}

/** A layer whose weights, n rows of k, and bias have gradients. */
export interface Trained {
  layer: LayerMatrix;
  /** `used` is what the layer multiplies by: `value` itself, unless some of it is left out. */
  weights: Parameter & { used: Float32Array };
  bias?: Parameter;
}

/** One operator of a network. Gradients are added to what is there. */
export interface Step {
  forward(): void;
  backward(): void;
}

/** What tensors hold, and the gradients of it, for all samples of a batch, one after the other. */
export interface Places {
  batch: number;
  value(tensor: LayerMatrix["input"]): Float32Array;
  gradient(tensor: LayerMatrix["input"]): Float32Array;
}

function parameter(value: Float32Array): Parameter {
  return { value, gradient: new Float32Array(value.length) };
}

/** @param passesOn whether anybody wants the gradient of what the layer reads */
export function layerStep(
  layer: LayerMatrix,
  places: Places,
  products: Products,
  passesOn: boolean,
): Step & { trained: Trained } {
  const { node, n, k, at } = layer;
  const source = layer.weights.data as Float32Array;
  const values = Float32Array.from({ length: n * k }, (_, i) => source[at(Math.floor(i / k), i % k)]);
  const constant = node.inputs[2];
  const bias = constant && parameter(Float32Array.from(constant.data as Float32Array));
  const trained: Trained = { layer, weights: { ...parameter(values), used: values }, ...(bias && { bias }) };
  const y = places.value(node.outputs[0]);
  const dy = places.gradient(node.outputs[0]);
  const { min, max } = node.attributes.activation;
  const isBounded = !isUnbounded(node.attributes.activation);
  /** The gradient of what the layer gives before its bounds. */
  const change = isBounded ? new Float32Array(dy.length) : dy;
  const inner =
    layer.groups === 1
      ? matrixStep(trained, places, products, change, passesOn)
      : layer.groups === n && node.op === "depthwiseConv2d"
        ? depthwiseStep(trained, places, change)
        : groupedStep(trained, places, change);
  return {
    trained,
    forward() {
      inner.forward();
      if (isBounded) clampAll(y, min, max);
    },
    backward() {
      if (isBounded) for (let i = 0; i < dy.length; i++) change[i] = y[i] <= min || y[i] >= max ? 0 : dy[i];
      if (bias)
        for (let i = 0; i < dy.length; i += n) for (let j = 0; j < n; j++) bias.gradient[j] += change[i + j];
      inner.backward();
    },
  };
}

function matrixStep(
  { layer, weights, bias }: Trained,
  places: Places,
  products: Products,
  dy: Float32Array,
  passesOn: boolean,
): Step {
  const { node, n, k, input } = layer;
  const [x, y] = [places.value(input), places.value(node.outputs[0])];
  const dx = places.gradient(input);
  const m = y.length / n;
  const patch = layer.isMatmul ? undefined : patchPlaces(layer);
  const rows = patch ? new Float32Array(m * k) : x;
  /** dy with rows and columns exchanged. */
  const turned = new Float32Array(m * n);
  const size = x.length / places.batch;
  return {
    forward() {
      if (patch)
        for (let s = 0, to = 0; s < x.length; s += size)
          for (let i = 0; i < patch.length; i++) rows[to++] = patch[i] < 0 ? 0 : x[s + patch[i]];
      const product = products.multiply(rows, weights.used, { m, k, n, transposeB: true });
      if (!bias) y.set(product);
      else
        for (let i = 0; i < y.length; i += n)
          for (let j = 0; j < n; j++) y[i + j] = product[i + j] + bias.value[j];
    },
    backward() {
      for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) turned[j * m + i] = dy[i * n + j];
      add(weights.gradient, products.multiply(turned, rows, { m: n, k: m, n: k }));
      if (!passesOn) return;
      const product = products.multiply(dy, weights.used, { m, k: n, n: k });
      if (!patch) add(dx, product);
      else
        for (let s = 0, from = 0; s < x.length; s += size)
          for (let i = 0; i < patch.length; i++, from++) if (patch[i] >= 0) dx[s + patch[i]] += product[from];
    },
  };
}

/** One channel in, one channel out: loops run over the channels. */
function depthwiseStep({ layer, weights, bias }: Trained, places: Places, dy: Float32Array): Step {
  const { node, n, k, input } = layer;
  const [x, y] = [places.value(input), places.value(node.outputs[0])];
  const dx = places.gradient(input);
  const all = patchPlaces(layer);
  const [forY, forX, forW] = [
    new Map<number, number[]>(),
    new Map<number, number[]>(),
    new Map<number, number[]>(),
  ];
  const note = (map: Map<number, number[]>, to: number, ...pair: [number, number]) =>
    map.set(to, [...(map.get(to) ?? []), ...pair]);
  for (let p = 0; p * n * k < all.length; p++)
    for (let t = 0; t < k; t++) {
      // The first channel's place; the others follow it.
      const from = all[p * n * k + t];
      if (from < 0) continue;
      note(forY, p * n, from, t * n);
      note(forX, from, p * n, t * n);
      note(forW, t * n, p * n, from);
    }
  const [yLists, xLists, wLists] = [forY, forX, forW].map(termsOf);
  /** Weights tap by tap, and their gradients. */
  const [turned, change] = [new Float32Array(n * k), new Float32Array(n * k)];
  const steps = { x: x.length / places.batch, y: y.length / places.batch };
  return {
    forward() {
      for (let j = 0; j < n; j++) for (let t = 0; t < k; t++) turned[t * n + j] = weights.used[j * k + t];
      for (let i = 0; i < y.length; i += n) for (let j = 0; j < n; j++) y[i + j] = bias ? bias.value[j] : 0;
      for (let s = 0; s < places.batch; s++)
        addProducts(yLists, n, y, s * steps.y, x, s * steps.x, turned, 0);
    },
    backward() {
      change.fill(0);
      for (let s = 0; s < places.batch; s++) {
        addProducts(xLists, n, dx, s * steps.x, dy, s * steps.y, turned, 0);
        addProducts(wLists, n, change, 0, dy, s * steps.y, x, s * steps.x);
      }
      for (let j = 0; j < n; j++)
        for (let t = 0; t < k; t++) weights.gradient[j * k + t] += change[t * n + j];
    },
  };
}

/** For each place of a result: the place, a count, and so many pairs of places of two factors. */
const termsOf = (map: ReadonlyMap<number, number[]>): Int32Array =>
  Int32Array.from([...map].flatMap(([to, pairs]) => [to, pairs.length / 2, ...pairs]));

/** y[to + c] += Σ a[p + c] · b[q + c] over the pairs (p, q) of each place, for n channels c; all places move on. */
function addProducts(
  terms: Int32Array,
  n: number,
  y: Float32Array,
  yFrom: number,
  a: Float32Array,
  aFrom: number,
  b: Float32Array,
  bFrom: number,
): void {
  for (let at = 0; at < terms.length; ) {
    const to = terms[at] + yFrom;
    const end = at + 2 + 2 * terms[at + 1];
    at += 2;
    // Three at a time: loads and stores of y are what takes long.
    for (; at + 6 <= end; at += 6) {
      const [p, q] = [terms[at] + aFrom, terms[at + 1] + bFrom];
      const [p1, q1] = [terms[at + 2] + aFrom, terms[at + 3] + bFrom];
      const [p2, q2] = [terms[at + 4] + aFrom, terms[at + 5] + bFrom];
      for (let c = 0; c < n; c++)
        y[to + c] += a[p + c] * b[q + c] + a[p1 + c] * b[q1 + c] + a[p2 + c] * b[q2 + c];
    }
    for (; at < end; at += 2) {
      const [p, q] = [terms[at] + aFrom, terms[at + 1] + bFrom];
      for (let c = 0; c < n; c++) y[to + c] += a[p + c] * b[q + c];
    }
  }
}

function groupedStep({ layer, weights, bias }: Trained, places: Places, dy: Float32Array): Step {
  const { node, n, k, groups, input } = layer;
  const [x, y] = [places.value(input), places.value(node.outputs[0])];
  const dx = places.gradient(input);
  const patch = patchPlaces(layer);
  const [size, width, perGroup] = [x.length / places.batch, groups * k, n / groups];
  const count = patch.length / width;
  const visit = (each: (at: number, j: number, sample: number, from: number) => void): void => {
    for (let s = 0, to = 0; s < x.length; s += size)
      for (let p = 0; p < count; p++)
        for (let j = 0; j < n; j++) each(to++, j, s, p * width + Math.floor(j / perGroup) * k);
  };
  return {
    forward() {
      visit((to, j, s, from) => {
        let sum = bias ? bias.value[j] : 0;
        for (let i = 0; i < k; i++)
          if (patch[from + i] >= 0) sum += x[s + patch[from + i]] * weights.used[j * k + i];
        y[to] = sum;
      });
    },
    backward() {
      visit((to, j, s, from) => {
        for (let i = 0; i < k; i++) {
          if (patch[from + i] < 0) continue;
          weights.gradient[j * k + i] += dy[to] * x[s + patch[from + i]];
          dx[s + patch[from + i]] += dy[to] * weights.used[j * k + i];
        }
      });
    },
  };
}

export function clampAll(y: Float32Array, min: number, max: number): void {
  for (let i = 0; i < y.length; i++) {
    if (y[i] < min) y[i] = min;
    else if (y[i] > max) y[i] = max;
  }
}

function add(to: Float32Array, from: Float32Array): void {
  for (let i = 0; i < to.length; i++) to[i] += from[i];
}

/** Where each number of each patch lies in one sample's input; −1 in the padding. */
function patchPlaces(layer: LayerMatrix): Int32Array {
  const size = layer.groups * layer.k;
  const places = new Int32Array(patchCount(layer) * size);
  for (let at = 0, p = 0; at < places.length; at += size, p++) placePatch(layer, p, places, at);
  return places;
}
