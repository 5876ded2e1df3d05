/**
 * Hybrid layers: int8 or int4 weights under float32. Runtimes either quantize x on the fly, each in its own way, or compute in
 * float32. Where rows of x meet rows of weights we do the former, which keeps the weights small, elsewhere the latter.
 */
import type { Activation, Tensor } from "../../graph/graph.ts";
import { emit, type Operator, requiredIndex } from "./operator.ts";

/** Longest row of weights that is one block for the engine. */
const longestRow = 2 ** 15;

export const isHybridRow = ({ shape }: Tensor): boolean => shape[shape.length - 1] <= longestRow;

/** Of the weights in the file; the graph has 4 bits as int8. */
export const storedBits = (operator: Operator): 4 | 8 =>
  operator.tensors.records[requiredIndex(operator, 1)].type === "int4" ? 4 : 8;

/** Weights of a single scale, as those of a scale per output are. */
function withScalePerRow(weights: Tensor): Tensor {
  const { scale, zeroPoint } = weights.quantization!;
  const n = weights.shape[0];
  const quantization = {
    scale: scale.length === n ? scale : new Float32Array(n).fill(scale[0]),
    zeroPoint: zeroPoint.length === n ? zeroPoint : new Int32Array(n).fill(zeroPoint[0]),
    axis: 0,
  };
  return { ...weights, shape: [n, weights.shape[weights.shape.length - 1]], quantization };
}

/** Rows of x by the rows of int8 `weights`, [n, k] or [n, 1, 1, k]. */
export function emitHybrid(
  operator: Operator,
  x: Tensor,
  weights: Tensor,
  bias: Tensor | null,
  activation: Activation,
): void {
  const rows = withScalePerRow(weights);
  const blockSize = 8 * Math.ceil(rows.shape[1] / 8);
  const attributes = { activation, bits: storedBits(operator), blockSize };
  emit(operator, "dynamicFullyConnected", [x, rows, bias], attributes);
}
