import {
  OP_AVERAGE_POOL_F32,
  OP_AVERAGE_POOL_QS8,
  OP_MAX_POOL_F32,
  OP_MAX_POOL_QS8,
  OP_MEAN_F32,
} from "../../../assembly/codes.ts";
import {
  M_MAX,
  M_MIN,
  MEAN_RECORD_BYTES,
  P_COUNT_PADDING,
  P_HALVES_UP,
  P_PAD_VALUE,
  POOL_RECORD_BYTES,
  R_COUNT,
  R_INNER,
  R_OUTER,
} from "../../../assembly/records.ts";
import type { NodeOf } from "../../graph/graph.ts";
import { activationRange } from "../../numerics/range.ts";
import { inputOf, type Lowering, sameQuantization, scalarQuantization, unsupported } from "../lowering.ts";
import { type Fields, record } from "../record.ts";
import { windowFields } from "./conv.ts";
import { gatherAxes, quantizedMean } from "./reduce.ts";

export function lowerPool(lowering: Lowering, node: NodeOf<"averagePool2d"> | NodeOf<"maxPool2d">): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  const { kernel, stride, padding, activation } = node.attributes;
  const average = node.op === "averagePool2d";
  const isFloat = y.dtype === "float32";
  const countPadding = average && (node.attributes as NodeOf<"averagePool2d">["attributes"]).countIncludePad;
  if (!isFloat && !sameQuantization(x, y))
    throw unsupported(node.op, node.name, `"${x.name}" and "${y.name}" differ in scale or zero point`);
  const fields: Fields = [
    ...windowFields(kernel, stride, [1, 1], padding),
    [P_COUNT_PADDING, countPadding ? 1 : 0],
    [P_HALVES_UP, lowering.wasUint8(y) ? 1 : 0],
    [P_PAD_VALUE, isFloat ? 0 : scalarQuantization(x).zeroPoint],
  ];
  const codes = average ? [OP_AVERAGE_POOL_F32, OP_AVERAGE_POOL_QS8] : [OP_MAX_POOL_F32, OP_MAX_POOL_QS8];
  let view: DataView;
  if (isFloat) {
    view = record(codes[0], POOL_RECORD_BYTES, fields, [
      [M_MIN, activation.min],
      [M_MAX, activation.max],
    ]);
  } else {
    // LiteRT's average is a built-in kernel, whose bounds round as in `double`.
    const rounding = average ? "double" : lowering.rounding;
    const { min, max } = activationRange(activation, scalarQuantization(y), "int8", rounding);
    view = record(codes[1], POOL_RECORD_BYTES, [...fields, [M_MIN, min], [M_MAX, max]]);
  }
  lowering.emit({
    node: node.name,
    record: view,
    input: x,
    input2: null,
    output: y,
    scratchBytes: 0,
    scratchField: 0,
  });
}

export function lowerMean(lowering: Lowering, node: NodeOf<"mean">): void {
  const y = node.outputs[0];
  const reduced = gatherAxes(lowering, node);
  const { x, outer, count, inner } = reduced;
  lowering.emit({
    node: node.name,
    record:
      y.dtype === "float32"
        ? record(OP_MEAN_F32, MEAN_RECORD_BYTES, [
            [R_OUTER, outer],
            [R_COUNT, count],
            [R_INNER, inner],
          ])
        : quantizedMean(lowering, node, reduced),
    input: x,
    input2: null,
    output: y,
    scratchBytes: 0,
    scratchField: 0,
  });
}
