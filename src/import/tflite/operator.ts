/** What every conversion of an operator uses: its operands, its options, the nodes it becomes. */
import type { Activation, Attributes, DType, Node, NodeOf, OperatorName, Tensor } from "../../graph/graph.ts";
import type { NibbleError } from "../../runtime/errors.ts";
import { badFile, quote, unsupported } from "./errors.ts";
import type { OperatorRecord } from "./model.ts";
import { readInt8, type Table } from "./reader.ts";
import { activations } from "./schema.ts";
import { integersAt, type Tensors, tensorAt } from "./tensors.ts";
import type { Variables } from "./variables.ts";

export interface Operator {
  record: OperatorRecord;
  tensors: Tensors;
  nodes: Node[];
  variables: Variables;
}

export type Conversion = (operator: Operator) => void;

/** How many outputs an operator may have; one where its entry in the table says nothing. */
export interface OutputCount {
  least: number;
  most: number;
}

/** The operator as errors name it: by the tensor it writes, as TFLite has no names for operators. */
function describe({ record, tensors }: Operator): string {
  const output = record.outputs[0];
  return output === undefined ? record.name : `${record.name} ${quote(tensors.records[output].name)}`;
}

export const wrong = (operator: Operator, message: string): NibbleError =>
  badFile(`${describe(operator)}: ${message}`);

export const refused = (operator: Operator, message: string): NibbleError =>
  unsupported(`${describe(operator)}: ${message}`);

/** A tensor as errors show it: "name" int8[1,2,3]. */
export const show = ({ name, dtype, shape }: Tensor): string => `${quote(name)} ${dtype}[${shape.join()}]`;

/** Index of operand `i`, or undefined where the operator leaves it out. */
export function operandIndex({ record }: Operator, i: number): number | undefined {
  const index = record.inputs[i];
  return index === undefined || index < 0 ? undefined : index;
}

export function requiredIndex(operator: Operator, i: number): number {
  const index = operandIndex(operator, i);
  if (index === undefined) throw wrong(operator, `operand ${i} is missing`);
  return index;
}

export function input(operator: Operator, i: number): Tensor {
  return tensorAt(operator.tensors, requiredIndex(operator, i));
}

export function output(operator: Operator, i = 0): Tensor {
  return tensorAt(operator.tensors, operator.record.outputs[i]);
}

/** Integers of operand `i`, which has to be a constant of at most `most` entries. */
export function integers(operator: Operator, i: number, most: number): number[] {
  const index = requiredIndex(operator, i);
  const values = integersAt(operator.tensors, index, most);
  if (values) return values;
  const { name } = operator.tensors.records[index];
  throw refused(operator, `operand ${quote(name)} has to be a constant of 1 to ${most} integers`);
}

/** The operator's options, whose union member has to be `type`; undefined where the file has none. */
export function optionsOf(operator: Operator, type: number): Table | undefined {
  const { options, optionsType } = operator.record;
  if (!options || optionsType === 0) return undefined;
  if (optionsType !== type) {
    throw wrong(operator, `options of type ${optionsType} where type ${type} was expected`);
  }
  return options;
}

export function requiredOptions(operator: Operator, type: number): Table {
  const options = optionsOf(operator, type);
  if (!options) throw wrong(operator, "has no options, which hold its strides and padding");
  return options;
}

const bounds: Partial<Record<string, Activation>> = {
  NONE: { min: -Infinity, max: Infinity },
  RELU: { min: 0, max: Infinity },
  RELU_N1_TO_1: { min: -1, max: 1 },
  RELU6: { min: 0, max: 6 },
};

/** The fused activation stored in `field`, as bounds. */
export function activationOf(operator: Operator, options: Table | undefined, field: number): Activation {
  const code = options ? readInt8(options, field) : 0;
  const name = activations[code] ?? `code ${code}`;
  const found = bounds[name];
  if (!found) throw refused(operator, `fused activation ${name}`);
  return { ...found };
}

const activationTypes: readonly DType[] = ["float32", "int8", "uint8"];
/** Of operators that have int16 kernels. */
export const withInt16: readonly DType[] = [...activationTypes, "int16"];

/** Refuses a tensor that is not float32 or of one of `types` with one scale. */
export function checkActivation(operator: Operator, tensor: Tensor, types = activationTypes): void {
  if (tensor.dtype === "float32") return;
  if (!types.includes(tensor.dtype)) {
    throw refused(operator, `tensor ${show(tensor)}: ${types.join(", ")} was expected`);
  }
  if (!tensor.quantization) throw wrong(operator, `tensor ${show(tensor)} has no scale`);
  if (tensor.quantization.scale.length !== 1) {
    throw refused(operator, `tensor ${show(tensor)}: one scale was expected, found one per channel`);
  }
}

export function checkSameType(operator: Operator, a: Tensor, b: Tensor): void {
  if (a.dtype !== b.dtype) throw refused(operator, `types of ${show(a)} and ${show(b)} differ`);
}

export function checkShape(operator: Operator, tensor: Tensor, expected: readonly number[]): void {
  if (tensor.shape.length === expected.length && tensor.shape.every((d, i) => d === expected[i])) return;
  throw wrong(operator, `tensor ${show(tensor)}: shape expected [${expected.join()}]`);
}

/** numpy's broadcast of two shapes. */
export function broadcast(operator: Operator, a: Tensor, b: Tensor): number[] {
  const rank = Math.max(a.shape.length, b.shape.length);
  return Array.from({ length: rank }, (_, i) => {
    const p = a.shape[a.shape.length - rank + i] ?? 1;
    const q = b.shape[b.shape.length - rank + i] ?? 1;
    if (p !== q && p !== 1 && q !== 1) {
      throw wrong(operator, `shapes of ${show(a)} and ${show(b)} do not broadcast`);
    }
    return p === 1 ? q : p;
  });
}

export function checkRank(operator: Operator, tensor: Tensor, rank: number): void {
  if (tensor.shape.length !== rank) {
    throw refused(operator, `tensor ${show(tensor)}: expected ${rank} dimensions`);
  }
}

/** A dimension's number counted from the front. */
export function checkAxis(operator: Operator, axis: number, rank: number): number {
  if (axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  throw wrong(operator, `axis ${axis} for a tensor of ${rank} dimensions`);
}

/** Appends the node that writes `to`, by default the operator's (first) output. */
export function emit<K extends OperatorName>(
  operator: Operator,
  op: K,
  inputs: (Tensor | null)[],
  attributes: Attributes[K],
  to: Tensor | Tensor[] = output(operator),
): void {
  const outputs = Array.isArray(to) ? to : [to];
  const node: NodeOf<K> = { op, name: outputs[0].name, inputs, outputs, attributes };
  operator.nodes.push(node as Node);
}

export const isQuantized = (dtype: DType): boolean =>
  dtype === "int8" || dtype === "uint8" || dtype === "int16";
