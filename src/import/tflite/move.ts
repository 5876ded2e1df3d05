/** How conversions of operators that move elements append their nodes: src/import/moves.ts in TFLite's terms. */
import {
  elementCount,
  type Node,
  type NodeOf,
  type OperatorName,
  type Tensor,
  type TensorData,
} from "../../graph/graph.ts";
import { type Constant, isConstant } from "../../graph/passes/constant.ts";
import { moveConstants } from "../../graph/passes/move-constants.ts";
import { sameMeaning } from "../../pack/lowering.ts";
import type { Mover } from "../moves.ts";
import { checkSameType, checkShape, emit, type Operator, output, show, wrong } from "./operator.ts";

/** Shapes, starts and indices are computed while importing, since other operators need them as constants. */
const mostFolded = 4096;
const isIndexLike = (t: Tensor): boolean => isConstant(t) && (t.dtype === "int32" || t.dtype === "int64");

/** The operator's output is this constant: operators behind find it as if the file held it. */
export function giveConstant(operator: Operator, data: TensorData): void {
  const y = output(operator);
  if (data.length !== elementCount(y.shape)) throw wrong(operator, `${data.length} values for ${show(y)}`);
  const [index] = operator.record.outputs;
  y.data = data;
  operator.tensors.records[index].bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  operator.tensors.computed.delete(index);
}

export const moverOf =
  (operator: Operator): Mover =>
  <K extends OperatorName>(op: K, inputs: Tensor[], attributes: NodeOf<K>["attributes"], shape: number[]) => {
    if (elementCount(shape) === 0 || shape.some((d) => !(d >= 1)))
      throw wrong(operator, `a result of shape [${shape.join()}] has no elements`);
    const [like] = inputs;
    const name = operator.tensors.uniqueName(`${output(operator).name}/${op}`);
    const made: Tensor = { name, dtype: like.dtype, shape };
    if (like.quantization) made.quantization = like.quantization;
    const node = { op, name, inputs, outputs: [made], attributes } as unknown as Node;
    const data =
      inputs.every(isIndexLike) && elementCount(shape) <= mostFolded
        ? moveConstants(node, inputs as Constant[])
        : null;
    if (data) return { ...made, data };
    operator.nodes.push(node);
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
  if (x.data && i === 0 && operator.record.outputs.length === 1 && isIndexLike(x)) {
    giveConstant(operator, x.data);
    return;
  }
  const last = operator.nodes.at(-1);
  const isOperand = operator.record.inputs.some((index) => operator.tensors.made.get(index) === x);
  if (!sameMeaning(x, y)) emit(operator, "quantize", [x], {}, y);
  else if (last?.outputs[0] === x && !isOperand) {
    last.outputs = [y];
    last.name = y.name;
  } else emit(operator, "reshape", [x], {}, y);
}
