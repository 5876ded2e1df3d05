/** How conversions of operators that move elements append their nodes: src/import/moves.ts in TFLite's terms. */
import { elementCount, type Node, type NodeOf, type OperatorName, type Tensor } from "../../graph/graph.ts";
import { sameMeaning } from "../../pack/lowering.ts";
import type { Mover } from "../moves.ts";
import { checkSameType, checkShape, emit, type Operator, output, wrong } from "./operator.ts";

export const moverOf =
  (operator: Operator): Mover =>
  <K extends OperatorName>(op: K, inputs: Tensor[], attributes: NodeOf<K>["attributes"], shape: number[]) => {
    if (elementCount(shape) === 0 || shape.some((d) => !(d >= 1)))
      throw wrong(operator, `a result of shape [${shape.join()}] has no elements`);
    const [like] = inputs;
    const name = operator.tensors.uniqueName(`${output(operator).name}/${op}`);
    const made: Tensor = { name, dtype: like.dtype, shape };
    if (like.quantization) made.quantization = like.quantization;
    operator.nodes.push({ op, name, inputs, outputs: [made], attributes } as unknown as Node);
    return made;
  };

/**
 * Makes `x` the operator's output `i`: its last node writes it where it can. An output of another scale is
 * requantized.
 */
export function give(operator: Operator, x: Tensor, i = 0): void {
  const y = output(operator, i);
  checkSameType(operator, x, y);
  checkShape(operator, y, x.shape);
  const last = operator.nodes.at(-1);
  const isOperand = operator.record.inputs.some((index) => operator.tensors.made.get(index) === x);
  if (!sameMeaning(x, y)) emit(operator, "quantize", [x], {}, y);
  else if (last?.outputs[0] === x && !isOperand) {
    last.outputs = [y];
    last.name = y.name;
  } else emit(operator, "reshape", [x], {}, y);
}
