import {
  OP_ADD_F32,
  OP_ADD_QS8,
  OP_MUL_F32,
  OP_MUL_QS8,
  OP_SUB_F32,
  ROUNDING_DOUBLE,
  ROUNDING_SINGLE,
} from "../../../assembly/codes.ts";
import {
  B_A_MULTIPLIER,
  B_A_SHIFT,
  B_A_STRIDES,
  B_A_ZERO_POINT,
  B_B_MULTIPLIER,
  B_B_SHIFT,
  B_B_STRIDES,
  B_B_ZERO_POINT,
  B_BIAS,
  B_DIMS,
  B_MAX,
  B_MIN,
  B_MULTIPLIER,
  B_ROUNDING,
  B_SCALE,
  B_SHIFT,
  B_SIGN,
  B_ZERO_POINT,
  BINARY_RECORD_BYTES,
} from "../../../assembly/records.ts";
import type { NodeOf } from "../../graph/graph.ts";
import { addParameters } from "../../numerics/add.ts";
import { activationRange } from "../../numerics/range.ts";
import { mulRequantization } from "../../numerics/requantize.ts";
import { inputOf, type Lowering, scalarQuantization, unsupported } from "../lowering.ts";
import { type Fields, listFields, record } from "../record.ts";
import { broadcastStrides, collapse } from "../strides.ts";

type BinaryNode = NodeOf<"add"> | NodeOf<"sub"> | NodeOf<"mul">;

/** Elementwise with numpy's broadcasting. */
export function lowerBinary(lowering: Lowering, node: BinaryNode): void {
  const [a, b, y] = [inputOf(node), inputOf(node, 1), node.outputs[0]];
  const loops = collapse(y.shape, [broadcastStrides(a.shape, y.shape), broadcastStrides(b.shape, y.shape)]);
  if (!loops)
    throw unsupported(
      node.op,
      node.name,
      `[${a.shape}] against [${b.shape}] broadcasts in too many dimensions`,
    );
  const shape: Fields = [
    ...listFields(B_DIMS, loops.dims),
    ...listFields(B_A_STRIDES, loops.strides[0]),
    ...listFields(B_B_STRIDES, loops.strides[1]),
  ];
  const { min, max } = node.attributes.activation;
  const view =
    y.dtype === "float32"
      ? record({ add: OP_ADD_F32, sub: OP_SUB_F32, mul: OP_MUL_F32 }[node.op], BINARY_RECORD_BYTES, shape, [
          [B_MIN, min],
          [B_MAX, max],
        ])
      : quantizedRecord(lowering, node, shape);
  lowering.emit({
    node: node.name,
    record: view,
    input: a,
    input2: b,
    output: y,
    scratchBytes: 0,
    scratchField: 0,
  });
}

function quantizedRecord(lowering: Lowering, node: BinaryNode, shape: Fields): DataView {
  const a = scalarQuantization(inputOf(node));
  const b = scalarQuantization(inputOf(node, 1));
  const y = scalarQuantization(node.outputs[0]);
  const range = activationRange(node.attributes.activation, y, "int8", lowering.rounding);
  const ints: Fields = [
    ...shape,
    [B_ZERO_POINT, y.zeroPoint],
    [B_A_ZERO_POINT, a.zeroPoint],
    [B_B_ZERO_POINT, b.zeroPoint],
    [B_MIN, range.min],
    [B_MAX, range.max],
  ];
  if (node.op === "mul") {
    const how = mulRequantization(lowering.rounding, a.scale, b.scale, y.scale);
    if (how.form === "float")
      return record(
        OP_MUL_QS8,
        BINARY_RECORD_BYTES,
        [...ints, [B_ROUNDING, ROUNDING_SINGLE]],
        [[B_SCALE, how.scale]],
      );
    return record(OP_MUL_QS8, BINARY_RECORD_BYTES, [
      ...ints,
      [B_ROUNDING, ROUNDING_DOUBLE],
      [B_MULTIPLIER, how.multiplier],
      [B_SHIFT, how.shift],
    ]);
  }
  const how = addParameters(lowering.rounding, a, b, y, node.op === "sub" ? -1 : 1);
  return record(
    OP_ADD_QS8,
    BINARY_RECORD_BYTES,
    how.form === "linear"
      ? [
          ...ints,
          [B_ROUNDING, ROUNDING_SINGLE],
          [B_A_MULTIPLIER, how.aMultiplier],
          [B_B_MULTIPLIER, how.bMultiplier],
          [B_BIAS, how.bias],
          [B_SHIFT, how.shift],
        ]
      : [
          ...ints,
          [B_ROUNDING, ROUNDING_DOUBLE],
          [B_A_MULTIPLIER, how.a.multiplier],
          [B_A_SHIFT, how.a.shift],
          [B_B_MULTIPLIER, how.b.multiplier],
          [B_B_SHIFT, how.b.shift],
          [B_MULTIPLIER, how.y.multiplier],
          [B_SHIFT, how.y.shift],
          [B_SIGN, how.sign],
        ],
  );
}
