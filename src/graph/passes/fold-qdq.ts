import { type Graph, isUnbounded, type Node, type Tensor } from "../graph.ts";
import { isConstant } from "./constant.ts";
import { makeNode, removeCopy, sameQuantization, tensorLike, type Uses, usesOf } from "./rewrite.ts";

/** Rewrites `node`, whose float result only `quantize` reads; false when it has to stay float. */
type Fold = (graph: Graph, node: Node, quantize: Node, uses: Uses) => boolean;

/** The integers behind a dequantize, with one scale and zero point. */
function integersOf(uses: Uses, tensor: Tensor | null): Tensor | undefined {
  const producer = uses.producer(tensor);
  const source = producer?.op === "dequantize" ? producer.inputs[0] : undefined;
  return source?.quantization?.scale.length === 1 ? source : undefined;
}

/** Constant integers behind a dequantize, quantized as a whole or along `axis`. */
function constantIntegers(uses: Uses, tensor: Tensor | null, axis: number): Tensor | undefined {
  const producer = uses.producer(tensor);
  const source = producer?.op === "dequantize" ? producer.inputs[0] : undefined;
  const q = source?.quantization;
  return source && q && isConstant(source) && (q.scale.length === 1 || q.axis === axis) ? source : undefined;
}

/** `node` reads integers and writes what `quantize` wrote. */
function becomeInteger(graph: Graph, node: Node, quantize: Node, inputs: (Tensor | null)[]): true {
  node.inputs = inputs;
  node.outputs = [...quantize.outputs];
  graph.nodes.splice(graph.nodes.indexOf(quantize), 1);
  return true;
}

/** An int32 bias counts in units of an accumulator: its scale is that of operand times weights. */
function isAccumulatorBias(bias: Tensor, x: Tensor, weights: Tensor): boolean {
  const { scale, zeroPoint } = bias.quantization!;
  const w = weights.quantization!.scale;
  const expected = (c: number) => x.quantization!.scale[0] * w[w.length === 1 ? 0 : c];
  const channels = Math.max(scale.length, w.length);
  const near = (a: number, b: number) => Math.abs(a - b) <= 1e-6 * Math.abs(b);
  return (
    bias.dtype === "int32" &&
    zeroPoint.every((z) => z === 0) &&
    Array.from({ length: channels }, (_, c) => scale[scale.length === 1 ? 0 : c]).every((s, c) =>
      near(s, expected(c)),
    )
  );
}

const foldWeighted: Fold = (graph, node, quantize, uses) => {
  const [xFloat, wFloat, bFloat] = node.inputs;
  const x = integersOf(uses, xFloat);
  const weights = constantIntegers(uses, wFloat, node.op === "depthwiseConv2d" ? 3 : 0);
  const bias = bFloat ? constantIntegers(uses, bFloat, 0) : null;
  if (!x || !weights || bias === undefined) return false;
  if (bias && !isAccumulatorBias(bias, x, weights)) return false;
  return becomeInteger(graph, node, quantize, [x, weights, bias]);
};

/** Operators that compute in real numbers whatever the parameters of operands and result. */
const foldArithmetic: Fold = (graph, node, quantize, uses) => {
  const integers = node.inputs.map((input) => integersOf(uses, input));
  if (integers.includes(undefined)) return false;
  return becomeInteger(graph, node, quantize, integers as Tensor[]);
};

/**
 * Operators that hand elements on: they keep the operand's parameters, and the quantize stays behind them
 * unless it keeps these too.
 */
const foldMove: Fold = (graph, node, quantize, uses) => {
  const source = integersOf(uses, node.inputs[0]);
  if (!source) return false;
  if (node.op === "pad" && node.attributes.value !== 0) return false;
  if (node.op === "maxPool2d" && !isUnbounded(node.attributes.activation)) return false;
  const moved = tensorLike(source, node.outputs[0].name, node.outputs[0].shape);
  if (sameQuantization(moved, quantize.outputs[0])) return becomeInteger(graph, node, quantize, [source]);
  node.inputs = [source];
  node.outputs = [moved];
  quantize.inputs = [moved];
  return true;
};

/** An average needs equal parameters; with others the float form stays. */
const foldAverage: Fold = (graph, node, quantize, uses) => {
  const source = integersOf(uses, node.inputs[0]);
  if (!source || !sameQuantization(source, quantize.outputs[0])) return false;
  return becomeInteger(graph, node, quantize, [source]);
};

/** Extremes are among the stored values; a sum is rescaled. */
const foldReduce: Fold = (graph, node, quantize, uses) => {
  if (node.op !== "reduce" || node.attributes.kind === "prod") return false;
  return (node.attributes.kind === "sum" ? foldArithmetic : foldMove)(graph, node, quantize, uses);
};

/** int8 has no negative weights (cubic), and needs equal parameters as an average does. */
const foldResize: Fold = (graph, node, quantize, uses) => {
  if (node.op !== "resize2d") return false;
  const { rows, columns } = node.attributes;
  if ([rows, columns].some(({ weight }) => weight.some((w) => w < 0))) return false;
  return foldAverage(graph, node, quantize, uses);
};

/** Every operand is brought to the parameters of the result first, which is what quantizing the whole does. */
const foldConcat: Fold = (graph, node, quantize, uses) => {
  const sources = node.inputs.map((input) => integersOf(uses, input));
  if (node.op !== "concat" || !isUnbounded(node.attributes.activation) || sources.includes(undefined))
    return false;
  const [target] = quantize.outputs;
  const inputs = (sources as Tensor[]).map((source, i) => {
    if (sameQuantization(source, target)) return source;
    const same = tensorLike(target, `${node.inputs[i]!.name}/quantize`, source.shape);
    const requantize = makeNode("quantize", `${node.name}/quantize${i}`, [source], same, {});
    graph.nodes.splice(graph.nodes.indexOf(node), 0, requantize);
    return same;
  });
  return becomeInteger(graph, node, quantize, inputs);
};

/** quantize(dequantize(x)) as one step from integers to integers, or none. */
function foldRequantize(graph: Graph, node: Node, quantize: Node): boolean {
  const [source] = node.inputs;
  if (!source || isConstant(source) || source.quantization?.scale.length !== 1) return false;
  quantize.inputs = [source];
  if (sameQuantization(source, quantize.outputs[0])) removeCopy(graph, quantize);
  return true;
}

const folds: Partial<Record<Node["op"], Fold>> = {
  conv2d: foldWeighted,
  depthwiseConv2d: foldWeighted,
  fullyConnected: foldWeighted,
  add: foldArithmetic,
  sub: foldArithmetic,
  mul: foldArithmetic,
  mean: foldArithmetic,
  reduce: foldReduce,
  resize2d: foldResize,
  unary: foldArithmetic,
  reshape: foldMove,
  transpose: foldMove,
  pad: foldMove,
  maxPool2d: foldMove,
  averagePool2d: foldAverage,
  concat: foldConcat,
};

function step(graph: Graph): boolean {
  const uses = usesOf(graph);
  for (const quantize of graph.nodes) {
    const [x] = quantize.inputs;
    if (quantize.op !== "quantize" || !x || quantize.outputs[0].quantization?.scale.length !== 1) continue;
    const producer = uses.producer(x);
    if (producer?.op === "dequantize") {
      if (foldRequantize(graph, producer, quantize)) return true;
      continue;
    }
    const fold = producer && folds[producer.op];
    if (fold && uses.onlyConsumer(x) === quantize && fold(graph, producer, quantize, uses)) return true;
  }
  return false;
}

/**
 * dequantize → operator → quantize becomes the operator on integers, with exactly the scales and zero points
 * of the source. Weights and bias have to be constant integers and the bias in units of the accumulator;
 * anything else stays float between dequantize and quantize. A result may differ from the float form where
 * that rounds a value which the integers hold exactly.
 */
export function foldQdq(graph: Graph): boolean {
  let changed = false;
  while (step(graph)) changed = true;
  return changed;
}
