/** A float graph that can be run backwards: what its weights had to do for its outputs to change as asked. */

import { elementCount, type Graph, type Node, type NodeOf, type Tensor } from "../../graph/graph.ts";
import { NibbleError } from "../../runtime/errors.ts";
import { type LayerMatrix, matrixOf, patchCount, placePatch } from "../layers/matrix.ts";
import { multiply, multiplyBack, runsOf, type Weights } from "./matrix.ts";

/** A layer whose weights and bias have gradients. */
export interface Trained {
  layer: LayerMatrix;
  weights: Weights;
  bias?: { value: Float64Array; gradient: Float64Array };
}

export interface Network {
  layers: Trained[];
  /** What tensors hold after `forward`. */
  value(tensor: Tensor): Float64Array;
  /** What `backward` begins with: zeros, to be written after `forward`. */
  gradient(tensor: Tensor): Float64Array;
  forward(inputs: readonly ArrayLike<number>[]): void;
  /** Adds to the gradients of all layers. */
  backward(): void;
}

interface Step {
  forward(): void;
  backward(): void;
}

/** @throws NibbleError "unsupported" naming an operator that has no backward form here. */
export function createNetwork(graph: Graph): Network {
  const values = new Map<Tensor, Float64Array>();
  const gradients = new Map<Tensor, Float64Array>();
  const value = (tensor: Tensor): Float64Array => {
    const known = values.get(tensor);
    if (known) return known;
    const made = tensor.data
      ? Float64Array.from(tensor.data as Float32Array)
      : new Float64Array(elementCount(tensor.shape));
    values.set(tensor, made);
    return made;
  };
  const gradient = (tensor: Tensor): Float64Array => {
    const made = gradients.get(tensor) ?? new Float64Array(elementCount(tensor.shape));
    gradients.set(tensor, made);
    return made;
  };
  const layers: Trained[] = [];
  /** What follows from the inputs alone is not asked for. */
  const fixed = new Set(graph.inputs);
  const steps = graph.nodes.map((node) => {
    if (node.op === "reshape" && fixed.has(node.inputs[0]!)) fixed.add(node.outputs[0]);
    return stepOf(node, value, gradient, layers, fixed);
  });
  return {
    layers,
    value,
    gradient,
    forward(inputs) {
      for (const [i, input] of graph.inputs.entries()) value(input).set(inputs[i]);
      for (const step of steps) step.forward();
      for (const tensor of gradients.values()) tensor.fill(0);
    },
    backward() {
      for (let i = steps.length - 1; i >= 0; i--) steps[i].backward();
    },
  };
}

type Of = (tensor: Tensor) => Float64Array;

function stepOf(node: Node, value: Of, gradient: Of, layers: Trained[], fixed: ReadonlySet<Tensor>): Step {
  const matrix = matrixOf(node);
  if (matrix) return layerStep(matrix, value, gradient, layers, !fixed.has(matrix.input));
  const [input] = node.inputs;
  const [output] = node.outputs;
  const refuse = () =>
    new NibbleError(
      "unsupported",
      `${node.op} "${node.name}": recovery runs backwards through layers, relu, add, mean, average pooling and reshape; leave it out, or prune without it`,
    );
  if (!input || output.dtype !== "float32" || input.dtype !== "float32") throw refuse();
  const [x, y] = [value(input), value(output)];
  const [dx, dy] = [gradient(input), gradient(output)];
  switch (node.op) {
    case "reshape":
      return {
        forward: () => y.set(x),
        backward() {
          for (let i = 0; i < dy.length; i++) dx[i] += dy[i];
        },
      };
    case "unary":
      if (node.attributes.kind !== "relu") throw refuse();
      return {
        forward() {
          for (let i = 0; i < y.length; i++) y[i] = x[i] > 0 ? x[i] : 0;
        },
        backward() {
          for (let i = 0; i < dy.length; i++) if (x[i] > 0) dx[i] += dy[i];
        },
      };
    case "add":
      return addStep(node, value, gradient) ?? raise(refuse());
    case "mean":
    case "averagePool2d":
      return averageStep(node, value, gradient) ?? raise(refuse());
    default:
      throw refuse();
  }
}

function raise(error: Error): never {
  throw error;
}

/** Of equal shapes. */
function addStep({ inputs, outputs, attributes }: NodeOf<"add">, value: Of, gradient: Of): Step | undefined {
  const [a, b] = [inputs[0]!, inputs[1]!];
  const [output] = outputs;
  if ([a, b].some((t) => t.data || elementCount(t.shape) !== elementCount(output.shape))) return undefined;
  const [x, z, y] = [value(a), value(b), value(output)];
  const [dx, dz, dy] = [gradient(a), gradient(b), gradient(output)];
  const { min, max } = attributes.activation;
  return {
    forward() {
      for (let i = 0; i < y.length; i++) y[i] = Math.min(max, Math.max(min, x[i] + z[i]));
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

/** Means over all positions, of each channel. */
function averageStep(
  node: NodeOf<"mean"> | NodeOf<"averagePool2d">,
  value: Of,
  gradient: Of,
): Step | undefined {
  const [input] = node.inputs;
  const [output] = node.outputs;
  const channels = input!.shape.at(-1)!;
  const isWhole =
    elementCount(output.shape) === channels &&
    (node.op === "mean"
      ? !node.attributes.axes.includes(input!.shape.length - 1)
      : node.attributes.activation.min === -Infinity && node.attributes.activation.max === Infinity);
  if (!isWhole) return undefined;
  const [x, y, dx, dy] = [value(input!), value(output), gradient(input!), gradient(output)];
  const positions = x.length / channels;
  return {
    forward() {
      y.fill(0);
      for (let i = 0; i < x.length; i++) y[i % channels] += x[i] / positions;
    },
    backward() {
      for (let i = 0; i < dx.length; i++) dx[i] += dy[i % channels] / positions;
    },
  };
}

function layerStep(layer: LayerMatrix, value: Of, gradient: Of, layers: Trained[], passesOn: boolean): Step {
  const { node, n, k, groups, at, input } = layer;
  const [output] = node.outputs;
  const { min, max } = node.attributes.activation;
  const source = layer.weights.data as Float32Array;
  const weights: Weights = {
    n,
    k,
    value: Float64Array.from({ length: n * k }, (_, i) => Number(source[at(Math.floor(i / k), i % k)])),
    gradient: new Float64Array(n * k),
    runs: runsOf(n, k),
  };
  const constant = node.inputs[2];
  const bias = constant
    ? { value: Float64Array.from(constant.data as Float32Array), gradient: new Float64Array(n) }
    : undefined;
  layers.push({ layer, weights, ...(bias && { bias }) });
  const [x, y, dx, dy] = [value(input), value(output), gradient(input), gradient(output)];
  const places = layer.isMatmul ? undefined : patchPlaces(layer);
  const width = groups * k;
  const rows = places ? new Float64Array(places.length) : x;
  const rowGradients = places ? new Float64Array(places.length) : dx;
  const perGroup = n / groups;
  return {
    forward() {
      if (places) for (let i = 0; i < places.length; i++) rows[i] = places[i] < 0 ? 0 : x[places[i]];
      if (groups === 1) multiply(weights, bias?.value, rows, y);
      else
        for (let p = 0; p * n < y.length; p++)
          for (let j = 0; j < n; j++) {
            const from = p * width + Math.floor(j / perGroup) * k;
            let sum = bias ? bias.value[j] : 0;
            for (let i = 0; i < k; i++) sum += rows[from + i] * weights.value[j * k + i];
            y[p * n + j] = sum;
          }
      if (min !== -Infinity || max !== Infinity)
        for (let i = 0; i < y.length; i++) y[i] = Math.min(max, Math.max(min, y[i]));
    },
    backward() {
      if (min !== -Infinity || max !== Infinity)
        for (let i = 0; i < dy.length; i++) if (y[i] <= min || y[i] >= max) dy[i] = 0;
      if (places) rowGradients.fill(0);
      if (groups === 1) multiplyBack(weights, bias?.gradient, rows, dy, passesOn ? rowGradients : undefined);
      else
        for (let p = 0; p * n < dy.length; p++)
          for (let j = 0; j < n; j++) {
            const d = dy[p * n + j];
            if (d === 0) continue;
            const from = p * width + Math.floor(j / perGroup) * k;
            if (bias) bias.gradient[j] += d;
            for (let i = 0; i < k; i++) {
              weights.gradient[j * k + i] += d * rows[from + i];
              rowGradients[from + i] += d * weights.value[j * k + i];
            }
          }
      if (places && passesOn)
        for (let i = 0; i < places.length; i++) if (places[i] >= 0) dx[places[i]] += rowGradients[i];
    },
  };
}

/** Where each number of each patch lies in the input; −1 in the padding. */
function patchPlaces(layer: LayerMatrix): Int32Array {
  const size = layer.groups * layer.k;
  const places = new Int32Array(patchCount(layer) * size);
  for (let at = 0, p = 0; at < places.length; at += size, p++) placePatch(layer, p, places, at);
  return places;
}
