import type { OnnxAttribute, OnnxNode } from "./proto.ts";

/** The plain node that `source` stands for, or a helper around it. */
function made(
  source: OnnxNode,
  opType: string,
  inputs: string[],
  output: string,
  attributes: Map<string, OnnxAttribute> = new Map(),
): OnnxNode {
  return { name: source.name, opType, domain: "", inputs, outputs: [output], attributes };
}

const axisAttribute = (axis: number): Map<string, OnnxAttribute> => {
  const none = { f: undefined, s: undefined, tensor: undefined, floats: [], ints: [], isReference: false };
  return new Map([["axis", { ...none, name: "axis", i: axis }]]);
};

/** QLinearConv: x, its scale and zero point, the same of weights and result, and a bias in accumulator units. */
function expandConv(node: OnnxNode): OnnxNode[] {
  const [x, xScale, xZero, w, wScale, wZero, yScale, yZero, bias = ""] = node.inputs;
  const [y] = node.outputs;
  const part = (name: string) => `${y}/${name}`;
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
}

/** QLinearMatMul: both operands and the result with scale and zero point; those of b may be per column. */
function expandMatMul(node: OnnxNode): OnnxNode[] {
  const [a, aScale, aZero, b, bScale, bZero, yScale, yZero] = node.inputs;
  const [y] = node.outputs;
  const part = (name: string) => `${y}/${name}`;
  return [
    made(node, "DequantizeLinear", [a, aScale, aZero], part("a")),
    made(node, "DequantizeLinear", [b, bScale, bZero], part("b"), axisAttribute(-1)),
    made(node, "MatMul", [part("a"), part("b")], part("y")),
    made(node, "QuantizeLinear", [part("y"), yScale, yZero], y),
  ];
}

const expansions: Record<string, { inputs: number; expand: (node: OnnxNode) => OnnxNode[] }> = {
  QLinearConv: { inputs: 8, expand: expandConv },
  QLinearMatMul: { inputs: 8, expand: expandMatMul },
};

/**
 * QLinear operators as the plain operator between dequantize and quantize, which is their definition;
 * `foldQdq` makes one integer operator of that again. Others stay as they are.
 */
export function expandQuantized(nodes: OnnxNode[]): OnnxNode[] {
  return nodes.flatMap((node) => {
    const found =
      node.domain === "" && Object.hasOwn(expansions, node.opType) ? expansions[node.opType] : undefined;
    return found && node.inputs.length >= found.inputs && node.outputs.length === 1
      ? found.expand(node)
      : [node];
  });
}
