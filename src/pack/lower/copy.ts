import { OP_COPY, OP_FILL } from "../../../assembly/codes.ts";
import {
  COPY_RECORD_BYTES,
  F_VALUE,
  FILL_RECORD_BYTES,
  Y_DIMS,
  Y_ELEMENT,
  Y_IN_OFFSET,
  Y_IN_STRIDES,
  Y_OUT_OFFSET,
  Y_OUT_STRIDES,
} from "../../../assembly/records.ts";
import {
  arrayOf,
  bytesPerElement,
  elementCount,
  isUnbounded,
  type NodeOf,
  type Tensor,
} from "../../graph/graph.ts";
import { padValue } from "../../numerics/convert.ts";
import {
  inputOf,
  type Lowering,
  sameMeaning,
  sameQuantization,
  scalarQuantization,
  unsupported,
} from "../lowering.ts";
import { type Fields, listFields, record } from "../record.ts";
import { collapse, denseStrides, withBestRows } from "../strides.ts";
import { emitConcatInput, emitQuantize } from "./unary.ts";

/** What errors say of a node. */
type Named = { op: string; name: string };

interface Place {
  /** In elements, as the strides. */
  offset: number;
  strides: number[];
}

/** The fields of a copy of `dims` elements of x's type, each `shift` bytes behind its place in OP_COPY. */
export function copyFields(
  node: Named,
  x: Tensor,
  dims: readonly number[],
  from: Place,
  to: Place,
  shift = 0,
): Fields {
  const found = collapse(dims, [from.strides, to.strides]);
  if (!found) throw unsupported(node.op, node.name, `[${dims}] needs too many nested loops`);
  const loops = withBestRows(found);
  return [
    [shift + Y_ELEMENT, bytesPerElement(x.dtype)],
    [shift + Y_IN_OFFSET, from.offset],
    [shift + Y_OUT_OFFSET, to.offset],
    ...listFields(shift + Y_DIMS, loops.dims),
    ...listFields(shift + Y_IN_STRIDES, loops.strides[0]),
    ...listFields(shift + Y_OUT_STRIDES, loops.strides[1]),
  ];
}

/** Copies `dims` elements between two strided places. */
export function emitCopy(
  lowering: Lowering,
  node: Named,
  x: Tensor,
  y: Tensor,
  dims: readonly number[],
  from: Place,
  to: Place,
  isWhole = false,
): void {
  lowering.emit({
    node: node.name,
    record: record(OP_COPY, COPY_RECORD_BYTES, copyFields(node, x, dims, from, to)),
    input: x,
    input2: null,
    output: y,
    scratchBytes: 0,
    scratchField: 0,
    isWhole,
  });
}

/** An operator that moves elements leaves their stored values as they are. */
export const refuseRequantization = (node: Named, x: Tensor, y: Tensor): void => {
  if (x.dtype !== y.dtype)
    throw unsupported(
      node.op,
      node.name,
      `"${x.name}" is ${x.dtype}, "${y.name}" ${y.dtype}; they have to agree`,
    );
  if (!sameMeaning(x, y))
    throw unsupported(
      node.op,
      node.name,
      `"${x.name}" and "${y.name}" differ in scale or zero point; put a quantize between`,
    );
};

/** A view where the bytes may be shared, a copy between a model input and a model output. */
export function lowerReshape(lowering: Lowering, node: NodeOf<"reshape">): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  if (y.dtype === "int8" && y.quantization && x.quantization && !sameQuantization(x, y))
    return emitQuantize(lowering, node.name, x, y);
  refuseRequantization(node, x, y);
  lowering.alias(x, y);
}

/** The bytes of x in y; for a reshape or a state whose two ends must both stay. */
export function copyWhole(lowering: Lowering, name: string, x: Tensor, y: Tensor): void {
  const flat = { offset: 0, strides: [1] };
  emitCopy(lowering, { op: "reshape", name }, x, y, [elementCount(x.shape)], flat, flat, true);
}

export function lowerTranspose(lowering: Lowering, node: NodeOf<"transpose">): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  refuseRequantization(node, x, y);
  const strides = denseStrides(x.shape);
  const from = { offset: 0, strides: node.attributes.perm.map((axis) => strides[axis]) };
  emitCopy(lowering, node, x, y, y.shape, from, { offset: 0, strides: denseStrides(y.shape) });
}

/** The stored integer for a real value: of a type without scale, the value itself, which has to fit. */
function storedInteger(node: Named, y: Tensor, value: number): number {
  if (y.quantization && y.dtype !== "int32" && y.dtype !== "int64")
    return padValue(value, scalarQuantization(y), y.dtype);
  const stored = Number(
    y.dtype === "int64" ? value : new (arrayOf(y.dtype) as Int32ArrayConstructor)([value])[0],
  );
  if (stored !== value || (stored | 0) !== stored)
    throw unsupported(node.op, node.name, `value ${value} for ${y.dtype} "${y.name}": it does not fit`);
  return stored;
}

/** All of y becomes the real value. */
function emitFill(lowering: Lowering, node: Named, y: Tensor, value: number): void {
  lowering.emit({
    node: node.name,
    record:
      y.dtype === "float32"
        ? record(OP_FILL, FILL_RECORD_BYTES, [], [[F_VALUE, value]])
        : record(OP_FILL, FILL_RECORD_BYTES, [[F_VALUE, storedInteger(node, y, value)]]),
    input: null,
    input2: null,
    output: y,
    scratchBytes: 0,
    scratchField: 0,
  });
}

/** The whole output filled, then the input copied into its middle. */
export function lowerPad(lowering: Lowering, node: NodeOf<"pad">): void {
  const { before, value } = node.attributes;
  emitSpread(
    lowering,
    node,
    before,
    before.map(() => 1),
    value,
  );
}

/** The whole output zero, then the input spread over it. */
export function lowerDilate(lowering: Lowering, node: NodeOf<"dilate">): void {
  emitSpread(lowering, node, node.attributes.before, node.attributes.step, 0);
}

function emitSpread(
  lowering: Lowering,
  node: NodeOf<"pad"> | NodeOf<"dilate">,
  before: readonly number[],
  step: readonly number[],
  value: number,
): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  refuseRequantization(node, x, y);
  emitFill(lowering, node, y, value);
  const strides = denseStrides(y.shape);
  const offset = before.reduce((sum, n, axis) => sum + n * strides[axis], 0);
  const to = { offset, strides: strides.map((s, axis) => s * step[axis]) };
  emitCopy(lowering, node, x, y, x.shape, { offset: 0, strides: denseStrides(x.shape) }, to);
}

/** One strided copy an input; inputs of another scale are requantized first. */
export function lowerConcat(lowering: Lowering, node: NodeOf<"concat">): void {
  const y = node.outputs[0];
  const { axis, activation } = node.attributes;
  if (!isUnbounded(activation))
    throw unsupported(node.op, node.name, "a fused activation has no kernel; use a separate operator");
  const strides = denseStrides(y.shape);
  let at = 0;
  for (const [i, input] of node.inputs.entries()) {
    let x = input!;
    if (x.dtype === "int8" && y.dtype === "int8" && !sameMeaning(x, y)) {
      const requantized = lowering.intermediate(`${y.name}/${i}`, y, x.shape);
      emitConcatInput(lowering, node.name, x, requantized);
      x = requantized;
    }
    refuseRequantization(node, x, y);
    const to = { offset: at * strides[axis], strides };
    emitCopy(lowering, node, x, y, x.shape, { offset: 0, strides: denseStrides(x.shape) }, to);
    at += x.shape[axis];
  }
}
