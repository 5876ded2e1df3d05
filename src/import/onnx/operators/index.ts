import type { Tensor } from "../../../graph/graph.ts";
import type { Scope } from "../scope.ts";
import { contrib } from "./contrib.ts";
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

/** Operators that can run: those of the default domain by name, others by domain and name. */
export const operators: Record<string, Convert> = {
  ...contrib,
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
