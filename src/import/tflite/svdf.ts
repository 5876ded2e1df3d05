import { noActivation, type Tensor } from "../../graph/graph.ts";
import {
  activationOf,
  checkActivation,
  checkShape,
  emit,
  input,
  type Operator,
  output,
  refused,
  requiredIndex,
  requiredOptions,
  show,
  wrong,
} from "./operator.ts";
import { readInt32 } from "./reader.ts";
import { options } from "./schema.ts";
import { floatConstantAt } from "./tensors.ts";
import { ownState } from "./variables.ts";
import { readBias } from "./weights.ts";

/**
 * SVDF in float32, of which quantized weights become float32: `rank` filters a unit look at x, each by a vector of
 * features, and every filter's last T answers, which are its state, are weighted by a vector of times.
 */
export function convertSvdf(operator: Operator): void {
  const ids = options.svdf;
  const table = requiredOptions(operator, ids.type);
  const rank = readInt32(table, ids.rank);
  const activation = activationOf(operator, table, ids.activation);
  const [x, y] = [input(operator, 0), output(operator)];
  for (const tensor of [x, y]) checkActivation(operator, tensor, ["float32"]);
  const features = floatConstantAt(operator.tensors, requiredIndex(operator, 1));
  const times = floatConstantAt(operator.tensors, requiredIndex(operator, 2));
  if (x.shape.length !== 2 || features.shape.length !== 2 || times.shape.length !== 2)
    throw refused(operator, `${show(x)}, ${show(features)}, ${show(times)}: expected 2 dimensions each`);
  const [batch, size] = x.shape as [number, number];
  const [filters, steps] = times.shape as [number, number];
  const units = filters / rank;
  if (!Number.isInteger(units) || units < 1) throw wrong(operator, `${filters} filters of rank ${rank}`);
  checkShape(operator, features, [filters, size]);
  checkShape(operator, y, [batch, units]);
  const bias = readBias(operator, x, units, 3);
  const { value, next } = ownState(operator, 4);
  checkActivation(operator, value, ["float32"]);
  checkShape(operator, value, [batch, filters * steps]);

  const part = (name: string, shape: number[]): Tensor => ({
    name: operator.tensors.uniqueName(`${y.name}/${name}`),
    dtype: "float32",
    shape,
  });
  const answers = part("answers", [batch, filters]);
  emit(operator, "fullyConnected", [x, features, null], { activation: noActivation }, answers);
  const newest = part("newest", [batch, filters, 1]);
  emit(operator, "reshape", [answers], {}, newest);
  const kept = part("kept", [batch, filters, steps - 1]);
  if (steps > 1) {
    const before = part("before", [batch, filters, steps]);
    emit(operator, "reshape", [value], {}, before);
    emit(operator, "slice", [before], { begin: [0, 0, 1], stride: [1, 1, 1] }, kept);
  }
  const memory = part("memory", [batch, filters, steps]);
  const parts = steps > 1 ? [kept, newest] : [newest];
  emit(operator, "concat", parts, { axis: 2, activation: noActivation }, memory);
  emit(operator, "reshape", [memory], {}, next);
  const weighted = part("weighted", [batch, filters, steps]);
  emit(operator, "mul", [memory, times], { activation: noActivation }, weighted);
  const rows = part("rows", [batch, units, rank * steps]);
  emit(operator, "reshape", [weighted], {}, rows);
  const zero: Tensor = { ...part("bias", [units]), data: new Float32Array(units) };
  const sums = part("sums", [batch, units]);
  emit(operator, "reduce", [rows], { kind: "sum", axes: [2], keepDims: false }, sums);
  emit(operator, "add", [sums, bias ?? zero], { activation });
}
