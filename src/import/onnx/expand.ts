import { arrayOf, elementCount, type Tensor } from "../../graph/graph.ts";
import { type Constant, isConstant } from "../../graph/passes/constant.ts";
import { fusedExpansions } from "./expand-fused.ts";
import { axisAttribute, type Expansion, made, partOf, type Values } from "./expand-node.ts";
import type { OnnxNode } from "./proto.ts";

const constantAt = (values: Values, name: string | undefined): Constant | undefined => {
  const value = name ? values.get(name) : undefined;
  return isConstant(value) ? value : undefined;
};

/** x can carry the one constant scale and zero point that the node reads it with. */
function isStatic(values: Values, x: string, scale: string, zero: string): boolean {
  const s = constantAt(values, scale);
  const z = constantAt(values, zero);
  const tensor = values.get(x);
  if (!s || !z || !tensor || s.data.length !== 1 || z.data.length !== 1) return false;
  const q = tensor.quantization;
  return !q || (q.scale.length === 1 && q.scale[0] === s.data[0] && q.zeroPoint[0] === Number(z.data[0]));
}

/** Constant weights whose scales and one zero point are constant: what integer kernels take. */
function areWeights(values: Values, w: string, scale: string, zero: string): boolean {
  const z = constantAt(values, zero);
  return (
    constantAt(values, w) !== undefined &&
    constantAt(values, scale) !== undefined &&
    z !== undefined &&
    (z.data as Int8Array).every((v) => v === z.data[0])
  );
}

const isComputed = (values: Values, name: string): boolean => !isConstant(values.get(name));

/** QLinearConv: x, its scale and zero point, the same of weights and result, and a bias in accumulator units. */
const expandConv: Expansion = (node, values) => {
  const [x, xScale, xZero, w, wScale, wZero, yScale, yZero, bias = ""] = node.inputs;
  const canStay =
    isComputed(values, x) &&
    isStatic(values, x, xScale, xZero) &&
    areWeights(values, w, wScale, wZero) &&
    constantAt(values, yScale) !== undefined &&
    constantAt(values, yZero) !== undefined &&
    (bias === "" || constantAt(values, bias) !== undefined);
  if (!canStay) return undefined;
  const [y] = node.outputs;
  const part = (name: string) => partOf(node, name);
  const biasNodes = bias
    ? [
        made(node, "Mul", [xScale, wScale], part("biasScale")),
        made(node, "DequantizeLinear", [bias, part("biasScale")], part("bias"), axisAttribute(0)),
      ]
    : [];
  return [
    made(node, "DequantizeLinear", [x, xScale, xZero], part("x")),
    made(node, "DequantizeLinear", [w, wScale, wZero], part("w"), axisAttribute(0)),
    ...biasNodes,
    made(node, "Conv", [part("x"), part("w"), bias && part("bias")], part("y"), node.attributes),
    made(node, "QuantizeLinear", [part("y"), yScale, yZero], y),
  ];
};

/** QLinearMatMul: both operands and the result with scale and zero point; those of b may be per column. */
const expandMatMul: Expansion = (node, values) => {
  const [a, aScale, aZero, b, bScale, bZero, yScale, yZero] = node.inputs;
  const shape = values.get(b)?.shape ?? [];
  const canStay =
    isComputed(values, a) &&
    isStatic(values, a, aScale, aZero) &&
    areWeights(values, b, bScale, bZero) &&
    constantAt(values, yScale) !== undefined &&
    constantAt(values, yZero) !== undefined &&
    elementCount(shape.slice(0, -2)) === 1;
  if (!canStay) return undefined;
  const [y] = node.outputs;
  const part = (name: string) => partOf(node, name);
  return [
    made(node, "DequantizeLinear", [a, aScale, aZero], part("a")),
    made(node, "DequantizeLinear", [b, bScale, bZero], part("b"), axisAttribute(-1)),
    made(node, "MatMul", [part("a"), part("b")], part("y")),
    made(node, "QuantizeLinear", [part("y"), yScale, yZero], y),
  ];
};

/** The zero point's name; a made constant 0 of the type of `like` where the node leaves it out. */
function zeroOr(node: OnnxNode, values: Map<string, Tensor>, zero: string | undefined, like: string): string {
  if (zero) return zero;
  const dtype = values.get(like)?.dtype ?? "uint8";
  const name = partOf(node, `zero of ${like}`);
  values.set(name, { name, dtype, shape: [], data: new (arrayOf(dtype))(1) });
  return name;
}

/** A float operator between dequantize and quantize; operands are (x, scale, zero point) each. */
function between(
  node: OnnxNode,
  values: Map<string, Tensor>,
  opType: string,
  operands: [x: string, scale: string, zero: string | undefined][],
  result: [scale: string, zero: string | undefined],
  attributes = node.attributes,
): OnnxNode[] {
  const [y] = node.outputs;
  const reals = operands.map((_, i) => partOf(node, `operand ${i}`));
  return [
    ...operands.map(([x, scale, zero], i) =>
      made(node, "DequantizeLinear", [x, scale, zeroOr(node, values, zero, x)], reals[i]),
    ),
    made(node, opType, reals, partOf(node, "y"), attributes),
    made(
      node,
      "QuantizeLinear",
      [partOf(node, "y"), result[0], zeroOr(node, values, result[1], operands[0][0])],
      y,
    ),
  ];
}

const binary =
  (opType: string): Expansion =>
  (node, values) => {
    const [a, aScale, aZero, b, bScale, bZero, yScale, yZero] = node.inputs;
    return between(
      node,
      values,
      opType,
      [
        [a, aScale, aZero],
        [b, bScale, bZero],
      ],
      [yScale, yZero],
    );
  };

const unary =
  (opType: string): Expansion =>
  (node, values) => {
    const [x, scale, zero, yScale, yZero] = node.inputs;
    if ((node.attributes.get("channels_last")?.i ?? 0) !== 0) return undefined;
    return between(node, values, opType, [[x, scale, zero]], [yScale, yZero]);
  };

const concat: Expansion = (node, values) => {
  const [yScale, yZero, ...rest] = node.inputs;
  const operands: [string, string, string][] = [];
  for (let i = 0; i + 2 < rest.length; i += 3) operands.push([rest[i], rest[i + 1], rest[i + 2]]);
  return operands.length > 0 ? between(node, values, "Concat", operands, [yScale, yZero]) : undefined;
};

/** QGemm: C counts in units of a's scale times b's; without a scale of y the result is real. */
const gemm: Expansion = (node, values) => {
  const [a, aScale, aZero, b, bScale, bZero, c = "", yScale = "", yZero] = node.inputs;
  if ((node.attributes.get("alpha")?.f ?? 1) !== 1) return undefined;
  const part = (name: string) => partOf(node, name);
  const axis = (node.attributes.get("transB")?.i ?? 0) ? 0 : 1;
  const result = yScale ? part("y") : node.outputs[0];
  return [
    made(node, "DequantizeLinear", [a, aScale, zeroOr(node, values, aZero, a)], part("a")),
    made(
      node,
      "DequantizeLinear",
      [b, bScale, zeroOr(node, values, bZero, b)],
      part("b"),
      axisAttribute(axis),
    ),
    ...(c
      ? [
          made(node, "Mul", [aScale, bScale], part("cScale")),
          made(node, "DequantizeLinear", [c, part("cScale")], part("c"), axisAttribute(0)),
        ]
      : []),
    made(node, "Gemm", [part("a"), part("b"), c && part("c")], result, node.attributes),
    ...(yScale
      ? [made(node, "QuantizeLinear", [result, yScale, zeroOr(node, values, yZero, a)], node.outputs[0])]
      : []),
  ];
};

const expansions: Record<string, { least: number; expand: Expansion }> = {
  ...fusedExpansions,
  QLinearConv: { least: 8, expand: expandConv },
  QLinearMatMul: { least: 8, expand: expandMatMul },
  "com.microsoft::QGemm": { least: 6, expand: gemm },
  "com.microsoft::QLinearAdd": { least: 7, expand: binary("Add") },
  "com.microsoft::QLinearAveragePool": { least: 4, expand: unary("AveragePool") },
  "com.microsoft::QLinearConcat": { least: 5, expand: concat },
  "com.microsoft::QLinearGlobalAveragePool": { least: 4, expand: unary("GlobalAveragePool") },
  "com.microsoft::QLinearLeakyRelu": { least: 4, expand: unary("LeakyRelu") },
  "com.microsoft::QLinearMul": { least: 7, expand: binary("Mul") },
  "com.microsoft::QLinearSigmoid": { least: 4, expand: unary("Sigmoid") },
};

/** The key of a node in tables of operators: its type, after the domain where that is not the default one. */
export const keyOf = ({ domain, opType }: OnnxNode): string => (domain ? `${domain}::${opType}` : opType);

export const isExpandable = (node: OnnxNode): boolean => Object.hasOwn(expansions, keyOf(node));

/**
 * QLinear operators as the plain operator between dequantize and quantize, which is their definition;
 * `foldQdq` makes one integer operator of that again. Undefined for nodes that have no such form.
 */
export function expandNode(node: OnnxNode, values: Map<string, Tensor>): OnnxNode[] | undefined {
  if (!isExpandable(node)) return undefined;
  const { least, expand } = expansions[keyOf(node)];
  return node.inputs.length >= least && node.outputs.slice(1).every((name) => name === "")
    ? expand(node, values)
    : undefined;
}
