import { OP_GEMM_QD8, WEIGHTS_I8 } from "../../assembly/codes.ts";
import { M_WEIGHT_FORMAT } from "../../assembly/records.ts";
import { bytesPerElement, elementCount } from "../graph/graph.ts";
import { inspectModel, weightBytesOf } from "../inspect/inspect.ts";
import type { InspectableModel } from "../runtime/model.ts";
import { type Limits, measureLimits } from "./limits.ts";

/** One operator of one inference. */
export interface OperatorProfile {
  op: string;
  output: string;
  shape: number[];
  macs: number;
  micros: number;
  macsPerSecond: number;
  /** The time that its instructions and its bytes must take, as a part of the time it took; null where unknown. */
  boundShare: number | null;
}

/** µs of a call: the least of some blocks that are long enough for the clock. */
function timeOf(run: () => void, blockMillis: number): number {
  let count = 1;
  let shortest = Infinity;
  for (let block = 0; block < 7; ) {
    const start = performance.now();
    for (let i = 0; i < count; i++) run();
    const millis = performance.now() - start;
    if (millis < blockMillis / 2 && count < 1e7)
      count = Math.ceil(count * Math.min(10, blockMillis / Math.max(millis, 1e-3)));
    else {
      shortest = Math.min(shortest, millis / count);
      block++;
    }
  }
  return 1000 * shortest;
}

/**
 * Runs the operators one by one, each on what those before it left behind, and often: caches are as warm as they get.
 * The model must have run often enough for the engine to have optimized it.
 */
export function profile(model: InspectableModel, bytes: number, blockMillis: number): OperatorProfile[] {
  const limits =
    model.tier === "relaxed" || model.tier === "simd" ? measureLimits(model.tier === "relaxed") : undefined;
  const { operators } = inspectModel(model, bytes);
  return operators.map(({ op, output, shape, macs }, i) => {
    model.invokeRange(0, i);
    const micros = timeOf(() => model.invokeRange(i, i + 1), blockMillis);
    const least = limits && leastMicros(model, i, macs, limits);
    return {
      op,
      output,
      shape,
      macs,
      micros,
      macsPerSecond: (macs / micros) * 1e6,
      boundShare: least === undefined ? null : least / micros,
    };
  });
}

/** The longer of its multiply-adds at full rate and its bytes, inputs, weights and output, read once each. */
function leastMicros({ contents }: InspectableModel, index: number, macs: number, limits: Limits): number {
  const operator = contents.operators[index]!;
  const { code, record, output } = operator;
  const bytes = [operator.input, operator.input2, output].reduce(
    (sum, i) => {
      const tensor = contents.tensors[i];
      return tensor ? sum + bytesPerElement(tensor.dtype) * elementCount(tensor.shape) : sum;
    },
    weightBytesOf(contents, operator),
  );
  const isFloat = contents.tensors[output]!.dtype === "float32";
  const isNarrow = code === OP_GEMM_QD8 && record.getUint32(M_WEIGHT_FORMAT, true) !== WEIGHTS_I8;
  const rate = isNarrow ? limits.narrow : isFloat && code !== OP_GEMM_QD8 ? limits.float32 : limits.int8;
  return 1e6 * Math.max(macs / rate, bytes / limits.bytes(bytes));
}
