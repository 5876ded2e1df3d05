import type { Tensor } from "../../../graph/graph.ts";
import type { Scope } from "../scope.ts";
import { elementwise } from "./elementwise.ts";
import { integer } from "./integer.ts";
import { gemm, matMul } from "./linear.ts";
import { quantization } from "./quantization.ts";
import { reductions } from "./reduction.ts";
import { shaping } from "./shaping.ts";
import {
  averagePool,
  batchNormalization,
  conv,
  globalAveragePool,
  globalMaxPool,
  maxPool,
} from "./spatial.ts";

/**
 * Appends the nodes that do what the ONNX node does and returns its result: of an operator with several, all of
 * them in the order of the node's outputs; undefined where one cannot be made, which refuses nodes that name it.
 */
export type Convert = (scope: Scope) => Tensor | (Tensor | undefined)[];

/** Operators of the default domain that can run, by name. */
export const operators: Record<string, Convert> = {
  ...elementwise,
  ...integer,
  ...quantization,
  ...reductions,
  ...shaping,
  AveragePool: averagePool,
  BatchNormalization: batchNormalization,
  Conv: conv,
  Gemm: gemm,
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
  MatMul: matMul,
  MaxPool: maxPool,
};
