import type { Graph, Node, NodeOf, Tensor } from "../graph.ts";
import { isConstant, reshapeConstant } from "./constant.ts";
import { padShape, reshapeAfter, wideDimensions } from "./layout.ts";
import { sameQuantization, sameShape, type Uses, usesOf } from "./rewrite.ts";

type Reshape = NodeOf<"reshape">;

const reshapeOf = (uses: Uses, tensor: Tensor | null): Reshape | undefined => {
  const producer = uses.producer(tensor);
  const isPlain = producer?.op === "reshape" && sameQuantization(producer.inputs[0]!, producer.outputs[0]);
  return isPlain && (producer.inputs[0]!.quantization?.scale.length ?? 1) === 1 ? producer : undefined;
};

/** A constant that broadcasts against `to`, shaped to broadcast the same way against `from`. */
function constantBefore(constant: Tensor, from: readonly number[], to: readonly number[]): Tensor | null {
  if (!isConstant(constant)) return null;
  if (constant.data.length === 1) return constant;
  if (constant.shape.length > to.length) return null;
  const padded = padShape(constant.shape, to.length);
  const [wideFrom, wideTo] = [wideDimensions(from), wideDimensions(to)];
  const onlyUnits = sameShape(
    wideFrom.map((d) => from[d]),
    wideTo.map((d) => to[d]),
  );
  if (!onlyUnits || padded.some((d, i) => d !== 1 && to[i] === 1)) return null;
  const shape = from.map((_, i) => {
    const nth = wideFrom.indexOf(i);
    return nth < 0 ? 1 : padded[wideTo[nth]];
  });
  return reshapeConstant(constant, shape);
}

function sinkThroughBinary(graph: Graph, node: Node, uses: Uses): boolean {
  const reshapes = node.inputs.map((input) => reshapeOf(uses, input));
  const first = reshapes.find((reshape) => reshape !== undefined);
  if (!first) return false;
  const from = first.inputs[0]!.shape;
  const to = first.outputs[0].shape;
  if (!sameShape(to, node.outputs[0].shape)) return false;
  const inputs = node.inputs.map((input, i) => {
    const reshape = reshapes[i];
    if (!reshape) return constantBefore(input!, from, to);
    const fits = sameShape(reshape.inputs[0]!.shape, from) && sameShape(reshape.outputs[0].shape, to);
    return fits ? reshape.inputs[0] : null;
  });
  if (inputs.includes(null)) return false;
  node.inputs = inputs;
  reshapeAfter(graph, node, from);
  return true;
}

function sinkThroughUnary(graph: Graph, node: Node, uses: Uses): boolean {
  const reshape = reshapeOf(uses, node.inputs[0]);
  const output = node.outputs[0].quantization;
  if (!reshape || (output && output.scale.length > 1)) return false;
  node.inputs = [reshape.inputs[0]];
  reshapeAfter(graph, node, reshape.inputs[0]!.shape);
  return true;
}

/** Elementwise operators whose operands broadcast. */
const withSeveralOperands: readonly Node["op"][] = ["add", "sub", "mul", "binary", "select"];

function step(graph: Graph): boolean {
  const uses = usesOf(graph);
  for (const node of graph.nodes) {
    if (node.op === "unary" || node.op === "quantize" || node.op === "cast") {
      if (sinkThroughUnary(graph, node, uses)) return true;
    } else if (withSeveralOperands.includes(node.op)) {
      if (sinkThroughBinary(graph, node, uses)) return true;
    }
  }
  return false;
}

/**
 * Moves reshapes towards the outputs, through elementwise operators, so that these meet the operator they can
 * fuse with and reshapes meet each other. Values are exactly the same.
 */
export function sinkReshapes(graph: Graph): boolean {
  let changed = false;
  while (step(graph)) changed = true;
  return changed;
}
