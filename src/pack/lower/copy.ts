import {
  COPY_RECORD_BYTES,
  F_VALUE,
  FILL_RECORD_BYTES,
  OP_COPY,
  OP_FILL,
  Y_DIMS,
  Y_ELEMENT,
  Y_IN_OFFSET,
  Y_IN_STRIDES,
  Y_OUT_OFFSET,
  Y_OUT_STRIDES,
} from "../../../assembly/format.ts";
import { bytesPerElement, elementCount, type NodeOf, type Tensor } from "../../graph/graph.ts";
import { padValue } from "../../numerics/convert.ts";
import { inputOf, type Lowering, sameQuantization, scalarQuantization, unsupported } from "../lowering.ts";
import { listFields, record } from "../record.ts";
import { collapse, denseStrides } from "../strides.ts";
import { emitConcatInput, emitQuantize } from "./unary.ts";

/** Copies `dims` elements between two strided places; offsets and strides in elements. */
function emitCopy(
  lowering: Lowering,
  node: { op: string; name: string },
  x: Tensor,
  y: Tensor,
  dims: readonly number[],
  from: { offset: number; strides: number[] },
  to: { offset: number; strides: number[] },
): void {
  const loops = collapse(dims, [from.strides, to.strides]);
  if (!loops) throw unsupported(node.op, node.name, `[${dims}] needs too many nested loops`);
  lowering.emit({
    node: node.name,
    record: record(OP_COPY, COPY_RECORD_BYTES, [
      [Y_ELEMENT, bytesPerElement(x.dtype)],
      [Y_IN_OFFSET, from.offset],
      [Y_OUT_OFFSET, to.offset],
      ...listFields(Y_DIMS, loops.dims),
      ...listFields(Y_IN_STRIDES, loops.strides[0]),
      ...listFields(Y_OUT_STRIDES, loops.strides[1]),
    ]),
    input: x,
    input2: null,
    output: y,
    scratchBytes: 0,
    scratchField: 0,
  });
}

/** Integers without scale and zero point mean what they are: they never differ. */
const differ = (x: Tensor, y: Tensor): boolean =>
  (x.quantization ?? y.quantization) !== undefined && !sameQuantization(x, y);

const refuseRequantization = (node: { op: string; name: string }, x: Tensor, y: Tensor): void => {
  if (y.dtype === "int8" && differ(x, y))
    throw unsupported(
      node.op,
      node.name,
      `"${x.name}" and "${y.name}" differ in scale or zero point; put a quantize between`,
    );
};

/** A view where the bytes may be shared, a copy between a model input and a model output. */
export function lowerReshape(lowering: Lowering, node: NodeOf<"reshape">): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  if (y.dtype === "int8" && differ(x, y)) return emitQuantize(lowering, node.name, x, y);
  lowering.alias(x, y);
}

/** The bytes of x in y; for a reshape whose two ends must both stay. */
export function copyWhole(lowering: Lowering, name: string, x: Tensor, y: Tensor): void {
  const flat = { offset: 0, strides: [1] };
  emitCopy(lowering, { op: "reshape", name }, x, y, [elementCount(x.shape)], flat, flat);
}

export function lowerTranspose(lowering: Lowering, node: NodeOf<"transpose">): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  refuseRequantization(node, x, y);
  const strides = denseStrides(x.shape);
  const from = { offset: 0, strides: node.attributes.perm.map((axis) => strides[axis]) };
  emitCopy(lowering, node, x, y, y.shape, from, { offset: 0, strides: denseStrides(y.shape) });
}

/** The whole output filled, then the input copied into its middle. */
export function lowerPad(lowering: Lowering, node: NodeOf<"pad">): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  refuseRequantization(node, x, y);
  const { before, value } = node.attributes;
  const fill =
    y.dtype === "float32"
      ? record(OP_FILL, FILL_RECORD_BYTES, [], [[F_VALUE, value]])
      : record(OP_FILL, FILL_RECORD_BYTES, [[F_VALUE, padValue(value, scalarQuantization(y), "int8")]]);
  lowering.emit({
    node: node.name,
    record: fill,
    input: null,
    input2: null,
    output: y,
    scratchBytes: 0,
    scratchField: 0,
  });
  const strides = denseStrides(y.shape);
  const offset = before.reduce((sum, n, axis) => sum + n * strides[axis], 0);
  emitCopy(lowering, node, x, y, x.shape, { offset: 0, strides: denseStrides(x.shape) }, { offset, strides });
}

/** One strided copy an input; inputs of another scale are requantized first. */
export function lowerConcat(lowering: Lowering, node: NodeOf<"concat">): void {
  const y = node.outputs[0];
  const { axis, activation } = node.attributes;
  if (activation.min !== -Infinity || activation.max !== Infinity)
    throw unsupported(node.op, node.name, "a fused activation has no kernel; use a separate operator");
  const strides = denseStrides(y.shape);
  let at = 0;
  for (const [i, input] of node.inputs.entries()) {
    let x = input!;
    if (y.dtype === "int8" && differ(x, y)) {
      const requantized = lowering.intermediate(`${y.name}/${i}`, y, x.shape);
      emitConcatInput(lowering, node.name, x, requantized);
      x = requantized;
    }
    const to = { offset: at * strides[axis], strides };
    emitCopy(lowering, node, x, y, x.shape, { offset: 0, strides: denseStrides(x.shape) }, to);
    at += x.shape[axis];
  }
}
