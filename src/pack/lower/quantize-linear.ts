import {
  LINEAR_AWAY,
  LINEAR_CENTER,
  LINEAR_DEQUANTIZE,
  LINEAR_DIVIDE,
  LINEAR_MULTIPLY,
  OP_DYNAMIC_RANGE,
  OP_QUANTIZE_LINEAR,
} from "../../../assembly/codes.ts";
import {
  DYNAMIC_RANGE_RECORD_BYTES,
  QL_AXIS_STRIDE,
  QL_BLOCK,
  QL_DIM,
  QL_INNER,
  QL_INNER_STRIDE,
  QL_KIND,
  QL_MAX,
  QL_MIN,
  QL_OUTER,
  QL_OUTER_STRIDE,
  QL_X_OFFSET,
  QUANTIZE_LINEAR_RECORD_BYTES,
} from "../../../assembly/records.ts";
import { elementCount, type NodeOf, type Tensor } from "../../graph/graph.ts";
import { linearRange, scaleLayout } from "../../numerics/quantize-linear.ts";
import { quantizedRange, type Range } from "../../numerics/range.ts";
import { inputOf, type Lowering, scalarQuantization } from "../lowering.ts";
import { record } from "../record.ts";

interface Linear {
  kind: number;
  x: Tensor;
  scale: Tensor | null;
  zeroPoint: Tensor | null;
  y: Tensor;
  axis: number;
  block: number;
  range: Range;
}

const noRange: Range = { min: 0, max: 0 };

function emitLinear(lowering: Lowering, node: string, linear: Linear): void {
  const { kind, x, scale, zeroPoint, y, axis, block, range } = linear;
  const isMany = (t: Tensor | null) => t !== null && elementCount(t.shape) > 1;
  const entries = [scale, zeroPoint].find(isMany)?.shape ?? [];
  const layout = scaleLayout(x.shape, entries, axis, block);
  const view = record(OP_QUANTIZE_LINEAR, QUANTIZE_LINEAR_RECORD_BYTES, [
    [QL_KIND, kind],
    [QL_OUTER, layout.outer],
    [QL_DIM, layout.dim],
    [QL_INNER, layout.inner],
    [QL_BLOCK, layout.block],
    [QL_OUTER_STRIDE, layout.outerStride],
    [QL_AXIS_STRIDE, layout.axisStride],
    [QL_INNER_STRIDE, layout.innerStride],
    [QL_MIN, range.min],
    [QL_MAX, range.max],
    [QL_X_OFFSET, lowering.wasUint8(x) ? 128 : 0],
  ]);
  lowering.emit({
    node,
    record: view,
    input: x,
    input2: scale,
    input3: zeroPoint,
    output: y,
    scratchBytes: 0,
    scratchField: 0,
  });
}

export function lowerQuantizeLinear(lowering: Lowering, node: NodeOf<"quantizeLinear">): void {
  const { axis, block, multiplies } = node.attributes;
  const [y] = node.outputs;
  emitLinear(lowering, node.name, {
    kind: multiplies ? LINEAR_MULTIPLY : LINEAR_DIVIDE,
    x: inputOf(node),
    scale: inputOf(node, 1),
    zeroPoint: node.inputs[2] ?? null,
    y,
    axis,
    block,
    range: linearRange(y),
  });
}

const constant = (name: string, data: Float32Array | Int32Array): Tensor => ({
  name,
  dtype: data instanceof Float32Array ? "float32" : "int32",
  shape: [],
  data,
});

/** By the one scale and zero point of `quantized`, which is x or y. */
function emitConstant(lowering: Lowering, node: string, kind: number, [x, y]: [Tensor, Tensor]): void {
  const quantized = kind === LINEAR_DEQUANTIZE ? x : y;
  const { scale, zeroPoint } = scalarQuantization(quantized);
  emitLinear(lowering, node, {
    kind,
    x,
    scale: constant(`${quantized.name}/scale`, Float32Array.of(scale)),
    zeroPoint: constant(`${quantized.name}/zeroPoint`, Int32Array.of(zeroPoint)),
    y,
    axis: 0,
    block: 0,
    range: kind === LINEAR_DEQUANTIZE ? noRange : quantizedRange(y.dtype),
  });
}

/** float32 → int8 by division: what ONNX's QuantizeLinear says. */
export const emitDivision = (lowering: Lowering, node: string, x: Tensor, y: Tensor): void =>
  emitConstant(lowering, node, LINEAR_DIVIDE, [x, y]);

/** float32 → int16, halves away from zero. */
export const emitQuantize16 = (lowering: Lowering, node: string, x: Tensor, y: Tensor): void =>
  emitConstant(lowering, node, LINEAR_AWAY, [x, y]);

/** int16 → float32 */
export const emitDequantize16 = (lowering: Lowering, node: string, x: Tensor, y: Tensor): void =>
  emitConstant(lowering, node, LINEAR_DEQUANTIZE, [x, y]);

export function lowerDequantizeLinear(lowering: Lowering, node: NodeOf<"dequantizeLinear">): void {
  const { axis, block } = node.attributes;
  const [y] = node.outputs;
  emitLinear(lowering, node.name, {
    kind: LINEAR_DEQUANTIZE,
    x: inputOf(node),
    scale: inputOf(node, 1),
    zeroPoint: node.inputs[2] ?? null,
    y,
    axis,
    block,
    range: noRange,
  });
}

/** x less its zero point, as int16. */
export function emitCenter(lowering: Lowering, node: string, x: Tensor, zeroPoint: number, y: Tensor): void {
  emitLinear(lowering, node, {
    kind: LINEAR_CENTER,
    x,
    scale: null,
    zeroPoint: constant(`${x.name}/zeroPoint`, Int32Array.of(zeroPoint)),
    y,
    axis: 0,
    block: 0,
    range: noRange,
  });
}

export function lowerCenter(lowering: Lowering, node: NodeOf<"center">): void {
  emitLinear(lowering, node.name, {
    kind: LINEAR_CENTER,
    x: inputOf(node),
    scale: null,
    zeroPoint: node.inputs[1] ?? null,
    y: node.outputs[0],
    axis: node.attributes.axis,
    block: 0,
    range: noRange,
  });
}

export function lowerDynamicRange(lowering: Lowering, node: NodeOf<"dynamicRange">): void {
  lowering.emit({
    node: node.name,
    record: record(OP_DYNAMIC_RANGE, DYNAMIC_RANGE_RECORD_BYTES, []),
    input: inputOf(node),
    input2: null,
    output: node.outputs[0],
    scratchBytes: 0,
    scratchField: 0,
  });
}
