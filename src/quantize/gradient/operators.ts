/** Operators without weights, forwards and backwards. */

import { elementCount, isUnbounded, type Node, type NodeOf } from "../../graph/graph.ts";
import { clampAll, type Places, type Step } from "./layer.ts";

/** Undefined for what has no backward form here. */
export function operatorStep(node: Node, places: Places): Step | undefined {
  switch (node.op) {
    case "reshape":
      return pass(
        node,
        places,
        (x) => x,
        () => true,
      );
    case "unary":
      return node.attributes.kind === "relu"
        ? pass(
            node,
            places,
            (x) => (x > 0 ? x : 0),
            (x) => x > 0,
          )
        : undefined;
    case "add":
      return addStep(node, places);
    case "mean":
      return node.attributes.axes.includes(node.inputs[0]!.shape.length - 1)
        ? undefined
        : averageStep(node, places, meanWindows(node));
    case "averagePool2d":
      return isUnbounded(node.attributes.activation)
        ? averageStep(node, places, poolWindows(node))
        : undefined;
    case "maxPool2d":
      return isUnbounded(node.attributes.activation) ? maxStep(node, places, poolWindows(node)) : undefined;
    case "softmax":
      return softmaxStep(node, places);
    default:
      return undefined;
  }
}

/** Elements that go through where `opens` says so of what came in. */
function pass(
  { inputs, outputs }: Node,
  places: Places,
  of: (x: number) => number,
  opens: (x: number) => boolean,
): Step {
  const [x, y] = [places.value(inputs[0]!), places.value(outputs[0])];
  const [dx, dy] = [places.gradient(inputs[0]!), places.gradient(outputs[0])];
  return {
    forward() {
      for (let i = 0; i < y.length; i++) y[i] = of(x[i]);
    },
    backward() {
      for (let i = 0; i < dy.length; i++) if (opens(x[i])) dx[i] += dy[i];
    },
  };
}

/** Of equal shapes. */
function addStep({ inputs, outputs, attributes }: NodeOf<"add">, places: Places): Step | undefined {
  const [a, b] = [inputs[0]!, inputs[1]!];
  const [output] = outputs;
  if ([a, b].some((t) => t.data || elementCount(t.shape) !== elementCount(output.shape))) return undefined;
  const [x, z, y] = [a, b, output].map(places.value);
  const [dx, dz, dy] = [a, b, output].map(places.gradient);
  const { min, max } = attributes.activation;
  return {
    forward() {
      for (let i = 0; i < y.length; i++) y[i] = x[i] + z[i];
      clampAll(y, min, max);
    },
    backward() {
      for (let i = 0; i < dy.length; i++) {
        if (y[i] <= min || y[i] >= max) continue;
        dx[i] += dy[i];
        dz[i] += dy[i];
      }
    },
  };
}

/** Which positions of the input each position of the output is made of; all channels alike. */
interface Windows {
  channels: number;
  members: number[][];
  /** What sums are divided by. */
  sizes: number[];
}

function meanWindows({ inputs, attributes }: NodeOf<"mean">): Windows {
  const { shape } = inputs[0]!;
  const channels = shape.at(-1)!;
  const kept = shape.slice(0, -1).map((size, axis) => (attributes.axes.includes(axis) ? 1 : size));
  const members: number[][] = Array.from({ length: elementCount(kept) }, () => []);
  const count = elementCount(shape) / channels;
  for (let p = 0; p < count; p++) {
    let [rest, to, step] = [p, 0, 1];
    for (let axis = kept.length - 1; axis >= 0; axis--) {
      to += step * Math.min(rest % shape[axis], kept[axis] - 1);
      step *= kept[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    members[to].push(p);
  }
  return { channels, members, sizes: members.map(({ length }) => length) };
}

function poolWindows({
  inputs,
  outputs,
  attributes,
}: NodeOf<"averagePool2d"> | NodeOf<"maxPool2d">): Windows {
  const [, height, width, channels] = inputs[0]!.shape;
  const [batch, rows, columns] = outputs[0].shape;
  const { kernel, stride, padding } = attributes;
  const countsPadding = "countIncludePad" in attributes && attributes.countIncludePad;
  const members: number[][] = [];
  for (let image = 0; image < batch; image++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const window: number[] = [];
        for (let i = 0; i < kernel[0]; i++)
          for (let j = 0; j < kernel[1]; j++) {
            const [y, x] = [row * stride[0] + i - padding.top, column * stride[1] + j - padding.left];
            if (y >= 0 && y < height && x >= 0 && x < width) window.push((image * height + y) * width + x);
          }
        members.push(window);
      }
  return {
    channels,
    members,
    sizes: members.map(({ length }) => (countsPadding ? kernel[0] * kernel[1] : length)),
  };
}

function averageStep({ inputs, outputs }: Node, places: Places, { channels, members, sizes }: Windows): Step {
  const [x, y] = [places.value(inputs[0]!), places.value(outputs[0])];
  const [dx, dy] = [places.gradient(inputs[0]!), places.gradient(outputs[0])];
  const size = x.length / places.batch;
  const visit = (each: (from: number, to: number, share: number) => void): void => {
    for (let s = 0, to = 0; s < x.length; s += size)
      for (const [w, window] of members.entries()) {
        for (const p of window) each(s + p * channels, to, 1 / sizes[w]);
        to += channels;
      }
  };
  return {
    forward() {
      y.fill(0);
      visit((from, to, share) => {
        for (let c = 0; c < channels; c++) y[to + c] += x[from + c] * share;
      });
    },
    backward() {
      visit((from, to, share) => {
        for (let c = 0; c < channels; c++) dx[from + c] += dy[to + c] * share;
      });
    },
  };
}

function maxStep({ inputs, outputs }: Node, places: Places, { channels, members }: Windows): Step {
  const [x, y] = [places.value(inputs[0]!), places.value(outputs[0])];
  const [dx, dy] = [places.gradient(inputs[0]!), places.gradient(outputs[0])];
  const size = x.length / places.batch;
  /** Where each maximum lies: the first of equals. */
  const from = new Int32Array(y.length);
  return {
    forward() {
      for (let s = 0, to = 0; s < x.length; s += size)
        for (const window of members)
          for (let c = 0; c < channels; c++, to++) {
            let best = s + window[0] * channels + c;
            for (const p of window) if (x[s + p * channels + c] > x[best]) best = s + p * channels + c;
            from[to] = best;
            y[to] = x[best];
          }
    },
    backward() {
      for (let i = 0; i < dy.length; i++) dx[from[i]] += dy[i];
    },
  };
}

function softmaxStep({ inputs, outputs, attributes }: NodeOf<"softmax">, places: Places): Step {
  const [x, y] = [places.value(inputs[0]!), places.value(outputs[0])];
  const [dx, dy] = [places.gradient(inputs[0]!), places.gradient(outputs[0])];
  const n = outputs[0].shape.at(-1)!;
  return {
    forward() {
      for (let i = 0; i < y.length; i += n)
        softmax(x.subarray(i, i + n), attributes.beta, y.subarray(i, i + n));
    },
    backward() {
      for (let i = 0; i < dy.length; i += n) {
        let inner = 0;
        for (let j = i; j < i + n; j++) inner += dy[j] * y[j];
        for (let j = i; j < i + n; j++) dx[j] += attributes.beta * y[j] * (dy[j] - inner);
      }
    },
  };
}

/** y = exp(beta · x) over their sum. */
export function softmax(x: Float32Array, beta: number, y: Float32Array | Float64Array): void {
  let [largest, sum] = [-Infinity, 0];
  for (const v of x) largest = Math.max(largest, v);
  for (let i = 0; i < x.length; i++) {
    y[i] = Math.exp(beta * (x[i] - largest));
    sum += y[i];
  }
  for (let i = 0; i < x.length; i++) y[i] /= sum;
}
