import {
  ARG_LAST,
  ARG_MIN,
  CUMSUM_EXCLUSIVE,
  CUMSUM_REVERSE,
  OP_ARG,
  OP_CUMSUM,
  OP_MEAN_QS8,
  OP_REDUCE,
  REDUCE_MAX,
  REDUCE_MIN,
  REDUCE_PROD,
  REDUCE_SUM,
  ROUNDING_DOUBLE,
  ROUNDING_SINGLE,
} from "../../../assembly/codes.ts";
import {
  MEAN_RECORD_BYTES,
  Q_COUNT,
  Q_INNER,
  Q_KIND,
  Q_OUTER,
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
  REDUCE_RECORD_BYTES,
} from "../../../assembly/records.ts";
import { elementCount, type NodeOf, type Tensor } from "../../graph/graph.ts";
import { type MeanParameters, meanParameters, sumParameters } from "../../numerics/mean.ts";
import type { ScalarQuantization } from "../../numerics/range.ts";
import { inputOf, type Lowering, sameQuantization, scalarQuantization, unsupported } from "../lowering.ts";
import { type Fields, record } from "../record.ts";
import { denseStrides } from "../strides.ts";
import { emitCopy } from "./copy.ts";

/** x as [outer, count, inner] with the reduced elements in the middle. */
export interface Reduced {
  x: Tensor;
  outer: number;
  count: number;
  inner: number;
}

const kinds = { sum: REDUCE_SUM, max: REDUCE_MAX, min: REDUCE_MIN, prod: REDUCE_PROD };

/** Brings axes that are not neighbours behind the others first, which keeps the order of what is summed. */
export function gatherAxes(lowering: Lowering, node: NodeOf<"mean"> | NodeOf<"reduce">): Reduced {
  const x = inputOf(node);
  const axes = node.attributes.axes.filter((axis) => x.shape[axis] !== 1);
  const first = axes[0] ?? 0;
  const end = axes.length === 0 ? first : axes.at(-1)! + 1;
  const together = x.shape.slice(first, end).every((n, i) => n === 1 || axes.includes(first + i));
  if (together)
    return {
      x,
      outer: elementCount(x.shape.slice(0, first)),
      count: elementCount(x.shape.slice(first, end)),
      inner: elementCount(x.shape.slice(end)),
    };
  const perm = [...[...x.shape.keys()].filter((axis) => !axes.includes(axis)), ...axes];
  const shape = perm.map((axis) => x.shape[axis]);
  const moved = lowering.intermediate(`${node.outputs[0].name}/moved`, x, shape);
  const strides = denseStrides(x.shape);
  const from = { offset: 0, strides: perm.map((axis) => strides[axis]) };
  emitCopy(lowering, node, x, moved, shape, from, { offset: 0, strides: denseStrides(shape) });
  const count = elementCount(shape.slice(-axes.length));
  return { x: moved, outer: elementCount(shape) / count, count, inner: 1 };
}

const emit = (lowering: Lowering, name: string, input: Tensor, output: Tensor, view: DataView): void =>
  lowering.emit({
    node: name,
    record: view,
    input,
    input2: null,
    output,
    scratchBytes: 0,
    scratchField: 0,
  });

/** OP_MEAN_QS8, which is also the sum of int8: both are a sum times a factor. */
export function quantizedMean(
  lowering: Lowering,
  node: NodeOf<"mean"> | NodeOf<"reduce">,
  { x, outer, count, inner }: Reduced,
): DataView {
  const fields: Fields = [
    [R_OUTER, outer],
    [R_COUNT, count],
    [R_INNER, inner],
  ];
  // The single form rounds the sum and the zero points as the source's type has them.
  const lift = lowering.rounding === "single" && lowering.wasUint8(node.outputs[0]) ? 128 : 0;
  const lifted = (t: Tensor): ScalarQuantization => {
    const { scale, zeroPoint } = scalarQuantization(t);
    return { scale, zeroPoint: zeroPoint + lift };
  };
  const parametersOf = node.op === "mean" ? meanParameters : sumParameters;
  const how: MeanParameters = parametersOf(lowering.rounding, lifted(x), lifted(node.outputs[0]), count);
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

/** int8: maxima and minima of stored values, sums rescaled; products have no int8 form. */
export function lowerReduce(lowering: Lowering, node: NodeOf<"reduce">): void {
  const y = node.outputs[0];
  const { kind } = node.attributes;
  if (y.dtype === "int8") {
    if (kind === "prod") throw unsupported(node.op, node.name, "products are of float32 and int32 only");
    if (kind !== "sum" && !sameQuantization(inputOf(node), y))
      throw unsupported(
        node.op,
        node.name,
        `"${inputOf(node).name}" and "${y.name}" differ in scale or zero point`,
      );
  }
  const reduced = gatherAxes(lowering, node);
  const { x, outer, count, inner } = reduced;
  const view =
    y.dtype === "int8" && kind === "sum"
      ? quantizedMean(lowering, node, reduced)
      : record(OP_REDUCE, REDUCE_RECORD_BYTES, [
          [Q_OUTER, outer],
          [Q_COUNT, count],
          [Q_INNER, inner],
          [Q_KIND, kinds[kind]],
        ]);
  emit(lowering, node.name, x, y, view);
}

/** float32, int32 or int8 in; an index of int32 or int64 out of argExtreme, the input's type out of the others. */
export function refuseReductionTypes(node: NodeOf<"reduce"> | NodeOf<"argExtreme"> | NodeOf<"cumsum">): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  const inputs = node.op === "cumsum" ? ["float32", "int32"] : ["float32", "int32", "int8"];
  if (!inputs.includes(x.dtype))
    throw unsupported(
      node.op,
      node.name,
      `tensor "${x.name}" is ${x.dtype}; the kernels take ${inputs.join(", ")}`,
    );
  const outputs = node.op === "argExtreme" ? ["int32", "int64"] : [x.dtype];
  if (!outputs.includes(y.dtype))
    throw unsupported(
      node.op,
      node.name,
      `tensor "${y.name}" is ${y.dtype}; the kernels give ${outputs.join(", ")}`,
    );
}

/** Fields of an operator along one axis. */
const along = (x: Tensor, axis: number, kind: number): Fields => [
  [Q_OUTER, elementCount(x.shape.slice(0, axis))],
  [Q_COUNT, x.shape[axis]],
  [Q_INNER, elementCount(x.shape.slice(axis + 1))],
  [Q_KIND, kind],
];

export function lowerArgExtreme(lowering: Lowering, node: NodeOf<"argExtreme">): void {
  const x = inputOf(node);
  const { axis, kind, last } = node.attributes;
  const bits = (kind === "min" ? ARG_MIN : 0) | (last ? ARG_LAST : 0);
  emit(lowering, node.name, x, node.outputs[0], record(OP_ARG, REDUCE_RECORD_BYTES, along(x, axis, bits)));
}

export function lowerCumsum(lowering: Lowering, node: NodeOf<"cumsum">): void {
  const x = inputOf(node);
  const { axis, exclusive, reverse } = node.attributes;
  const bits = (exclusive ? CUMSUM_EXCLUSIVE : 0) | (reverse ? CUMSUM_REVERSE : 0);
  emit(lowering, node.name, x, node.outputs[0], record(OP_CUMSUM, REDUCE_RECORD_BYTES, along(x, axis, bits)));
}
