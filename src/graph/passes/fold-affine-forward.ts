import { elementCount, type Graph, isUnbounded, type NodeOf, type Tensor } from "../graph.ts";
import type { Weighted } from "./affine.ts";
import {
  broadcastSteps,
  type FloatConstant,
  floatConstant,
  gather,
  isFloatConstant,
  walk,
} from "./constant.ts";
import { padShape } from "./layout.ts";
import { isFloat, makeNode, sameShape, tensorLike, type Uses, usesOf } from "./rewrite.ts";

type Affine = NodeOf<"add"> | NodeOf<"sub"> | NodeOf<"mul">;

/** Which output channel and which input an element of the weights belongs to. */
type Position = (i: number) => { output: number; input: number };

function positionsOf(node: Weighted, weights: Tensor): Position {
  const { shape } = weights;
  if (node.op === "depthwiseConv2d") {
    const { multiplier } = node.attributes;
    return (i) => ({ output: i % shape[3], input: Math.floor((i % shape[3]) / multiplier) });
  }
  const inner = shape[shape.length - 1];
  const perOutput = elementCount(shape.slice(1));
  const outputsPerGroup = node.op === "conv2d" ? shape[0] / node.attributes.groups : shape[0];
  return (i) => {
    const output = Math.floor(i / perOutput);
    return { output, input: Math.floor(output / outputsPerGroup) * inner + (i % inner) };
  };
}

/** The constant's value for each input of a row: one per element of the dimensions from `start` on. */
function perInput(constant: FloatConstant, shape: readonly number[], start: number): Float32Array | null {
  if (constant.shape.length > shape.length) return null;
  const padded = padShape(constant.shape, shape.length);
  if (padded.slice(0, start).some((d) => d !== 1)) return null;
  const row = shape.slice(start);
  const steps = broadcastSteps(padded.slice(start), row);
  return gather(constant.data, elementCount(row), walk(row, steps)) as Float32Array;
}

/** First dimension of `shape` that a reshape to `flat` joins into its last one; −1 when it does not. */
function rowStart(shape: readonly number[], flat: readonly number[]): number {
  for (let start = shape.length - 1; start >= 0; start--) {
    if (elementCount(shape.slice(start)) === flat[flat.length - 1]) return start;
  }
  return -1;
}

interface Match {
  affine: Affine;
  reshape: NodeOf<"reshape"> | undefined;
  x: Tensor;
  values: Float32Array;
}

function matchBefore(node: Weighted, uses: Uses): Match | null {
  const [operand] = node.inputs;
  const producer = uses.producer(operand);
  const reshape = producer?.op === "reshape" && node.op === "fullyConnected" ? producer : undefined;
  const affine = reshape ? uses.producer(reshape.inputs[0]) : producer;
  if (!operand || (affine?.op !== "add" && affine?.op !== "sub" && affine?.op !== "mul")) return null;
  const [x, constant] = affine.inputs;
  const [result] = affine.outputs;
  const isAlone = uses.onlyConsumer(result) === (reshape ?? node) && uses.onlyConsumer(operand) === node;
  const isPlain = isUnbounded(affine.attributes.activation);
  if (!x || !isFloatConstant(constant) || !isAlone || !isPlain) return null;
  if (!isFloat(x, result, operand) || !sameShape(x.shape, result.shape)) return null;
  const start = reshape ? rowStart(result.shape, operand.shape) : result.shape.length - 1;
  const values = start < 0 ? null : perInput(constant, result.shape, start);
  return values && { affine, reshape, x, values };
}

const hasPadding = (node: Weighted): boolean =>
  node.op !== "fullyConnected" && Object.values(node.attributes.padding).some((p) => p !== 0);

/**
 * A multiplication or addition of one constant per input of a convolution or fullyConnected goes into its
 * weights or bias, as where a batch normalization stands behind an activation. Float results differ by
 * rounding. Padding is zero after an addition, so there that stays.
 */
export function foldAffineForward(graph: Graph): boolean {
  let changed = false;
  for (const node of [...graph.nodes]) {
    if (node.op !== "conv2d" && node.op !== "depthwiseConv2d" && node.op !== "fullyConnected") continue;
    const [, weights, bias = null] = node.inputs;
    const match = matchBefore(node, usesOf(graph));
    if (!match || !isFloatConstant(weights) || (bias !== null && !isFloatConstant(bias))) continue;
    const { affine, reshape, x, values } = match;
    if (affine.op !== "mul" && hasPadding(node)) continue;
    const positions = positionsOf(node, weights);
    let [newWeights, newBias]: [FloatConstant, FloatConstant | null] = [weights, bias];
    if (affine.op === "mul") {
      newWeights = { ...weights, data: weights.data.map((w, i) => w * values[positions(i).input]) };
    } else {
      const outputs = node.outputs[0].shape[node.outputs[0].shape.length - 1];
      const sums = new Float64Array(outputs);
      const sign = affine.op === "sub" ? -1 : 1;
      weights.data.forEach((w, i) => {
        const { output, input } = positions(i);
        sums[output] += sign * w * values[input];
      });
      const total = Float32Array.from(sums, (sum, c) => sum + (bias ? bias.data[c] : 0));
      newBias = floatConstant(bias?.name ?? `${node.name}/bias`, [outputs], total);
    }
    node.inputs = [operandWithout(graph, node, reshape, x), newWeights, newBias];
    graph.nodes.splice(graph.nodes.indexOf(affine), 1);
    if (reshape) graph.nodes.splice(graph.nodes.indexOf(reshape), 1);
    changed = true;
  }
  return changed;
}

/** What the operator reads once the constant is gone: x, or a reshape of it. */
function operandWithout(
  graph: Graph,
  node: Weighted,
  reshape: NodeOf<"reshape"> | undefined,
  x: Tensor,
): Tensor {
  if (!reshape) return x;
  const flat = tensorLike(x, reshape.outputs[0].name, reshape.outputs[0].shape);
  graph.nodes.splice(graph.nodes.indexOf(node), 0, makeNode("reshape", reshape.name, [x], flat, {}));
  return flat;
}
