/** Weights with a scale for every few columns of a row. */
import type { Quantization } from "../../graph/graph.ts";
import { storedBits } from "./hybrid.ts";
import {
  input,
  isQuantized,
  type Operator,
  operandIndex,
  output,
  refused,
  requiredIndex,
  show,
  wrong,
} from "./operator.ts";
import { readInt32, readTable } from "./reader.ts";
import { fields } from "./schema.ts";
import { floatConstantAt, integersAt, isConstant, tensorAt } from "./tensors.ts";
import { type Operands, readBias } from "./weights.ts";

interface BlockwiseOperands extends Operands {
  bits: 4 | 8;
  blockSize: number;
}

/**
 * The operands of a fully connected layer whose weights have scales by block, or undefined where they have not. The
 * scales are another tensor of the file, as are the zero points where its number is above 0.
 */
export function readBlockwise(operator: Operator): BlockwiseOperands | undefined {
  const index = operandIndex(operator, 1);
  const record = index === undefined ? undefined : operator.tensors.records[index];
  if (record?.quantizationDetails !== "blockwise") return undefined;
  const [x, y] = [input(operator, 0), output(operator)];
  const weights = tensorAt(operator.tensors, requiredIndex(operator, 1));
  const details = record.quantization && readTable(record.quantization, fields.quantization.details);
  const [n, k] = weights.shape;
  if (!details || !weights.data || weights.dtype !== "int8" || weights.shape.length !== 2)
    throw refused(
      operator,
      `weights ${show(weights)}: a constant int8 or int4 matrix with blocks was expected`,
    );
  if (x.dtype !== "float32" || y.dtype !== "float32")
    throw refused(operator, `types of ${show(x)} and ${show(y)}: float32 goes with weights of blocks`);
  const blockSize = readInt32(details, fields.blockwise.blockSize);
  if (!(blockSize >= 1)) throw wrong(operator, `blocks of ${blockSize} columns`);
  const count = n * Math.ceil(k / blockSize);
  const tensorOf = (field: number): number | undefined => {
    const tensor = readInt32(details, field);
    if (tensor >= operator.tensors.records.length) throw wrong(operator, `blocks refer to tensor ${tensor}`);
    return tensor > 0 && isConstant(operator.tensors, tensor) ? tensor : undefined;
  };
  const scales = tensorOf(fields.blockwise.scales);
  const scale = scales === undefined ? undefined : floatConstantAt(operator.tensors, scales).data;
  if (
    !(scale instanceof Float32Array) ||
    scale.length !== count ||
    scale.some((s) => !(s > 0 && s < Infinity))
  )
    throw wrong(
      operator,
      `expected ${count} scales above 0 for ${show(weights)}, found ${scale?.length ?? "none"}`,
    );
  const zeros = tensorOf(fields.blockwise.zeroPoints);
  const zeroPoint =
    zeros === undefined ? new Array<number>(count).fill(0) : zeroPointsAt(operator, zeros, count);
  const quantization: Quantization = { scale, zeroPoint: Int32Array.from(zeroPoint), axis: 0 };
  return {
    x,
    y,
    weights: { ...weights, quantization },
    bias: readBias(operator, x, n),
    bits: storedBits(operator),
    blockSize,
  };
}

function zeroPointsAt(operator: Operator, index: number, count: number): number[] {
  const listed = integersAt(operator.tensors, index, count);
  const tensor = listed ? undefined : tensorAt(operator.tensors, index);
  const values = listed ?? (tensor && isQuantized(tensor.dtype) ? Array.from(tensor.data!, Number) : []);
  if (values.length !== count) throw wrong(operator, `expected ${count} zero points, found ${values.length}`);
  return values;
}
