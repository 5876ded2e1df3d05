import {
  M_MAX,
  M_MIN,
  MEAN_RECORD_BYTES,
  OP_AVERAGE_POOL_F32,
  OP_AVERAGE_POOL_QS8,
  OP_MAX_POOL_F32,
  OP_MAX_POOL_QS8,
  OP_MEAN_F32,
  OP_MEAN_QS8,
  P_COUNT_PADDING,
  P_HALVES_UP,
  P_PAD_VALUE,
  POOL_RECORD_BYTES,
  R_BIAS,
  R_COUNT,
  R_INNER,
  R_MULTIPLIER,
  R_OFFSET,
  R_OUTER,
  R_ROUNDING,
  R_SCALE,
  R_SHIFT,
  R_ZERO_POINT,
  ROUNDING_DOUBLE,
  ROUNDING_SINGLE,
} from "../../../assembly/format.ts";
import { elementCount, type NodeOf, type Tensor } from "../../graph/graph.ts";
import { meanParameters } from "../../numerics/mean.ts";
import { activationRange, type ScalarQuantization } from "../../numerics/range.ts";
import { inputOf, type Lowering, sameQuantization, scalarQuantization, unsupported } from "../lowering.ts";
import { type Fields, record } from "../record.ts";
import { windowFields } from "./conv.ts";

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

/** Reduces neighbouring axes; others need a transpose in front. */
export function lowerMean(lowering: Lowering, node: NodeOf<"mean">): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  const axes = node.attributes.axes.filter((axis) => x.shape[axis] !== 1);
  const first = axes[0] ?? 0;
  const end = axes.length === 0 ? first : axes.at(-1)! + 1;
  const reduced = x.shape.slice(first, end);
  if (reduced.some((n, i) => n !== 1 && !axes.includes(first + i)))
    throw unsupported(
      node.op,
      node.name,
      `axes [${node.attributes.axes}] of [${x.shape}] are not neighbours`,
    );
  const count = elementCount(reduced);
  const fields: Fields = [
    [R_OUTER, elementCount(x.shape.slice(0, first))],
    [R_COUNT, count],
    [R_INNER, elementCount(x.shape.slice(end))],
  ];
  lowering.emit({
    node: node.name,
    record:
      y.dtype === "float32"
        ? record(OP_MEAN_F32, MEAN_RECORD_BYTES, fields)
        : quantizedMean(lowering, node, fields, count),
    input: x,
    input2: null,
    output: y,
    scratchBytes: 0,
    scratchField: 0,
  });
}

function quantizedMean(lowering: Lowering, node: NodeOf<"mean">, fields: Fields, count: number): DataView {
  // The single form rounds the sum and the zero points as the source's type has them.
  const lift = lowering.rounding === "single" && lowering.wasUint8(node.outputs[0]) ? 128 : 0;
  const lifted = (t: Tensor): ScalarQuantization => {
    const { scale, zeroPoint } = scalarQuantization(t);
    return { scale, zeroPoint: zeroPoint + lift };
  };
  const how = meanParameters(lowering.rounding, lifted(inputOf(node)), lifted(node.outputs[0]), count);
  if (how.form === "float")
    return record(
      OP_MEAN_QS8,
      MEAN_RECORD_BYTES,
      [...fields, [R_ROUNDING, ROUNDING_SINGLE], [R_OFFSET, lift * count], [R_ZERO_POINT, -lift]],
      [
        [R_SCALE, how.scale],
        [R_BIAS, how.bias],
      ],
    );
  return record(OP_MEAN_QS8, MEAN_RECORD_BYTES, [
    ...fields,
    [R_ROUNDING, ROUNDING_DOUBLE],
    [R_OFFSET, how.offset],
    [R_MULTIPLIER, how.multiplier],
    [R_SHIFT, how.shift],
    [R_ZERO_POINT, how.zeroPoint],
  ]);
}
