import {
  NR,
  OP_RECURRENT_F32,
  RECURRENT_GRU,
  RECURRENT_GRU_RESET_AFTER,
  RECURRENT_LSTM,
  RECURRENT_RNN,
} from "../../../assembly/codes.ts";
import {
  L_BIAS,
  L_CLIP,
  L_HIDDEN,
  L_KIND,
  L_REVERSE,
  L_WEIGHTS,
  M_MAX,
  M_MIN,
  M_SCRATCH,
  M_SCRATCH_BYTES,
  RECURRENT_RECORD_BYTES,
} from "../../../assembly/records.ts";
import { type NodeOf, noActivation, type RecurrentCell, type Tensor } from "../../graph/graph.ts";
import { constantData, inputOf, type Lowering, unsupported } from "../lowering.ts";
import { record } from "../record.ts";
import { lowerFullyConnected } from "./conv.ts";
import { copyWhole } from "./copy.ts";
import { lowerLstm } from "./lstm.ts";
import { packOrder, roundUp } from "./matmul.ts";

const kinds: Record<RecurrentCell, number> = {
  lstm: RECURRENT_LSTM,
  gru: RECURRENT_GRU,
  gruResetAfter: RECURRENT_GRU_RESET_AFTER,
  rnn: RECURRENT_RNN,
};

/** How many rows of H the weights of each cell have, by the matrices that h is multiplied with one after the other. */
const matrices: Record<RecurrentCell, number[]> = {
  lstm: [4],
  gru: [2, 1],
  gruResetAfter: [2, 1],
  rnn: [1],
};

/** The states that the node begins with, copied to where it changes them in place: what it gives out at the end. */
export function emitBegin(lowering: Lowering, node: NodeOf<"recurrent">): Tensor[] {
  const [, ...ends] = node.outputs;
  for (const [i, end] of ends.entries()) copyWhole(lowering, node.name, inputOf(node, 5 + i), end);
  return ends;
}

/** The products of all inputs at once, then the steps. */
export function lowerRecurrent(lowering: Lowering, node: NodeOf<"recurrent">): void {
  const [x, weights, recurrent] = [inputOf(node), inputOf(node, 1), inputOf(node, 2)];
  const [y] = node.outputs;
  if (y.dtype === "int8") return lowerLstm(lowering, node);
  if (node.outputs.some((t) => t.dtype !== "float32"))
    throw unsupported(node.op, node.name, `"${y.name}" is ${y.dtype}; the kernels take float32 and int8`);
  const { cell, reverse, cellClip } = node.attributes;
  const [columns, hidden] = recurrent.shape;
  const gates = lowering.intermediate(`${y.name}/gates`, y, [...x.shape.slice(0, -1), columns]);
  const { name } = node;
  const inputs = [x, weights, node.inputs[3] ?? null];
  const attributes = { activation: noActivation };
  lowerFullyConnected(lowering, { op: "fullyConnected", name, inputs, outputs: [gates], attributes });
  const variables = emitBegin(lowering, node);
  lowering.emit({
    node: name,
    record: record(
      OP_RECURRENT_F32,
      RECURRENT_RECORD_BYTES,
      [
        [L_KIND, kinds[cell]],
        [L_HIDDEN, hidden],
        [L_WEIGHTS, packRecurrent(lowering, node, hidden)],
        [L_BIAS, packBias(lowering, node, hidden)],
        [L_REVERSE, reverse ? 1 : 0],
        [M_SCRATCH_BYTES, roundUp(16 * hidden, NR)],
      ],
      [
        [L_CLIP, cellClip],
        [M_MIN, -Infinity],
        [M_MAX, Infinity],
      ],
    ),
    input: gates,
    input2: null,
    variables,
    output: y,
    scratchBytes: roundUp(16 * hidden, NR),
    scratchField: M_SCRATCH,
  });
}

function packRecurrent(lowering: Lowering, node: NodeOf<"recurrent">, k: number): number {
  const w = constantData(node.op, node.name, inputOf(node, 2), Float32Array);
  let first = 0;
  const parts = matrices[node.attributes.cell].map((gates) => {
    const from = first;
    first += gates * k;
    const at = (n: number, i: number) => w[(from + n) * k + i];
    const matmul = { n: gates * k, k, groups: 1, depthwise: false, at };
    return packOrder(matmul, 1, (length) => new Float32Array(length));
  });
  const packed = new Float32Array(parts.reduce((n, part) => n + part.length, 0));
  parts.reduce((at, part) => {
    packed.set(part, at);
    return at + part.length;
  }, 0);
  return lowering.weights.add(packed);
}

function packBias(lowering: Lowering, node: NodeOf<"recurrent">, hidden: number): number {
  if (node.attributes.cell !== "gruResetAfter") return 0;
  const padded = new Float32Array(roundUp(hidden, NR));
  const [, , , , bias] = node.inputs;
  if (bias) padded.set(constantData(node.op, node.name, bias, Float32Array));
  return lowering.weights.add(padded);
}
