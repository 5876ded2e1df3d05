/** The int8 LSTM: its weights as they are, zero points folded into biases, factors of every sum. */
import { OP_LSTM_QS8 } from "../../../assembly/codes.ts";
import {
  LQ_BIAS,
  LQ_CLIP,
  LQ_HIDDEN,
  LQ_INPUT,
  LQ_RECURRENT,
  LQ_REVERSE,
  LQ_SCALES,
  LQ_TABLE,
  LQ_TANH_MULTIPLIER,
  LQ_TANH_SHIFT,
  LQ_WEIGHTS,
  LQ_ZERO_POINT,
  LSTM_QS8_RECORD_BYTES,
  M_SCRATCH,
  M_SCRATCH_BYTES,
} from "../../../assembly/records.ts";
import type { NodeOf, Tensor } from "../../graph/graph.ts";
import { logisticTable, lstmFactors, tanhInput } from "../../numerics/lstm.ts";
import {
  constantData,
  inputOf,
  type Lowering,
  sameQuantization,
  scalarQuantization,
  unsupported,
} from "../lowering.ts";
import { record } from "../record.ts";
import { emitBegin } from "./recurrent.ts";

const gateCount = 4;

export function lowerLstm(lowering: Lowering, node: NodeOf<"recurrent">): void {
  const [x, weights, recurrent] = [inputOf(node), inputOf(node, 1), inputOf(node, 2)];
  const [y, h, c] = node.outputs;
  const { cell, reverse, cellClip } = node.attributes;
  const refuse = (reason: string) => unsupported(node.op, node.name, reason);
  if (cell !== "lstm") throw refuse(`an int8 ${cell} has no kernel; only an LSTM has`);
  if (x.dtype !== "int8" || h.dtype !== "int8" || c.dtype !== "int16")
    throw refuse(`expected int8 input and h and an int16 cell, found ${x.dtype}, ${h.dtype} and ${c.dtype}`);
  if (!sameQuantization(h, y)) throw refuse(`"${h.name}" and "${y.name}" differ in scale or zero point`);
  const hidden = recurrent.shape[1];
  const input = weights.shape[1];
  const cellScale = scalarQuantization(c);
  const power = Math.log2(cellScale.scale);
  if (!Number.isInteger(power) || power < -27 || power > 1 || cellScale.zeroPoint !== 0)
    throw refuse(
      `the cell "${c.name}" has scale ${cellScale.scale}; a power of two from 2^-27 to 2 was expected`,
    );
  const factors = lstmFactors({
    input: scalarQuantization(x).scale,
    hidden: scalarQuantization(h).scale,
    cell: cellScale.scale,
    weights: gateScales(node, weights, hidden),
    recurrent: gateScales(node, recurrent, hidden),
  });
  const pairs = [...factors.input, ...factors.hidden, factors.forget, factors.added, factors.output];
  const { multiplier, shift } = tanhInput(power);
  const clip = cellClip === Infinity ? 32768 : Math.min(Math.trunc(cellClip / cellScale.scale), 32767);
  const scratchBytes = 2 * gateCount * hidden;
  const variables = emitBegin(lowering, node);
  lowering.emit({
    node: node.name,
    record: record(OP_LSTM_QS8, LSTM_QS8_RECORD_BYTES, [
      [LQ_INPUT, input],
      [LQ_HIDDEN, hidden],
      [LQ_WEIGHTS, lowering.weights.add(constantData(node.op, node.name, weights, Int8Array))],
      [LQ_RECURRENT, lowering.weights.add(constantData(node.op, node.name, recurrent, Int8Array))],
      [LQ_BIAS, lowering.weights.add(foldedBiases(node, x, h))],
      [LQ_SCALES, lowering.weights.add(Int32Array.from(pairs.flatMap((p) => [p.multiplier, p.shift])))],
      [LQ_TABLE, lowering.weights.add(new Uint8Array(logisticTable().buffer))],
      [LQ_REVERSE, reverse ? 1 : 0],
      [LQ_ZERO_POINT, scalarQuantization(h).zeroPoint],
      [LQ_CLIP, clip],
      [LQ_TANH_MULTIPLIER, multiplier],
      [LQ_TANH_SHIFT, shift],
      [M_SCRATCH_BYTES, scratchBytes],
    ]),
    input: x,
    input2: null,
    variables,
    output: y,
    scratchBytes,
    scratchField: M_SCRATCH,
  });
}

/** One scale for all of a gate's rows. */
function gateScales(node: NodeOf<"recurrent">, weights: Tensor, hidden: number): number[] {
  const { scale, zeroPoint } = weights.quantization!;
  if (zeroPoint.some((z) => z !== 0))
    throw unsupported(node.op, node.name, `the zero points of "${weights.name}" have to be 0`);
  const of = (row: number) => scale[scale.length === 1 ? 0 : row];
  return Array.from({ length: gateCount }, (_, gate) => {
    for (let row = 0; row < hidden; row++)
      if (of(gate * hidden + row) !== of(gate * hidden))
        throw unsupported(node.op, node.name, `"${weights.name}": expected one scale per gate`);
    return of(gate * hidden);
  });
}

/** Biases of the input's sums, then of h's: less what the zero points add. */
function foldedBiases(node: NodeOf<"recurrent">, x: Tensor, h: Tensor): Int32Array {
  const [, weights, recurrent, bias] = node.inputs;
  const given = bias && constantData(node.op, node.name, bias, Int32Array);
  const fold = (w: Tensor, zeroPoint: number, begin: (n: number) => number): number[] => {
    const data = constantData(node.op, node.name, w, Int8Array);
    const [rows, k] = w.shape;
    return Array.from({ length: rows }, (_, n) => {
      let sum = 0;
      for (let i = n * k; i < (n + 1) * k; i++) sum += data[i];
      const folded = begin(n) - zeroPoint * sum;
      if (Math.abs(folded) + k * 2 ** 14 >= 2 ** 31)
        throw unsupported(node.op, node.name, `row ${n} of "${w.name}" could overflow its int32 sum`);
      return folded;
    });
  };
  return Int32Array.from([
    ...fold(weights!, scalarQuantization(x).zeroPoint, (n) => given?.[n] ?? 0),
    ...fold(recurrent!, scalarQuantization(h).zeroPoint, () => 0),
  ]);
}
