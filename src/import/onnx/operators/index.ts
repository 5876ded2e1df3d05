import type { Tensor } from "../../../graph/graph.ts";
import type { Scope } from "../scope.ts";
import { contrib } from "./contrib.ts";
import { convTranspose } from "./conv-transpose.ts";
import { elementwise } from "./elementwise.ts";
import { integer } from "./integer.ts";
import { gemm, matMul } from "./linear.ts";
import { normalizations } from "./normalization.ts";
import { einsum } from "./product.ts";
import { quantization } from "./quantization.ts";
import { recurrent } from "./recurrent.ts";
import { reductions } from "./reduction.ts";
import { repeating } from "./repeating.ts";
import { resizing } from "./resize.ts";
import { shaping } from "./shaping.ts";
import { signal } from "./signal.ts";
import { slicing } from "./slicing.ts";
import {
  averagePool,
  batchNormalization,
  conv,
  globalAveragePool,
  globalMaxPool,
  lpPool,
  maxPool,
} from "./spatial.ts";

/**
 * Appends the nodes that do what the ONNX node does and returns its result: of an operator with several, all of
 * them in the order of the node's outputs; undefined where one cannot be made, which refuses nodes that name it.
 */
export type Convert = (scope: Scope) => Tensor | (Tensor | undefined)[];

/** Operators that can run: those of the default domain by name, others by domain and name. */
export const operators: Record<string, Convert> = {
  ...contrib,
  ...elementwise,
  ...normalizations,
  ...integer,
  ...quantization,
  ...recurrent,
  ...reductions,
  ...repeating,
  ...resizing,
  ...shaping,
  ...signal,
  ...slicing,
  AveragePool: averagePool,
  BatchNormalization: batchNormalization,
  Conv: conv,
  Einsum: einsum,
  ConvTranspose: convTranspose,
  Gemm: gemm,
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
  LpPool: lpPool,
  MatMul: matMul,
  MaxPool: maxPool,
};
