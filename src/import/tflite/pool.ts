import {
  activationOf,
  checkActivation,
  checkRank,
  checkSameType,
  emit,
  input,
  type Operator,
  output,
  requiredOptions,
} from "./operator.ts";
import { options } from "./schema.ts";
import { readPair, resolvePadding } from "./window.ts";

function readPool(operator: Operator) {
  const ids = options.pool2d;
  const table = requiredOptions(operator, ids.type);
  const x = input(operator, 0);
  const y = output(operator);
  checkActivation(operator, x);
  checkActivation(operator, y);
  checkSameType(operator, x, y);
  checkRank(operator, x, 4);
  const stride = readPair(operator, table, "stride", ids.strideH, ids.strideW);
  const kernel = readPair(operator, table, "window", ids.filterH, ids.filterW);
  const padding = resolvePadding(operator, table, ids.padding, x, y, x.shape[3], kernel, stride);
  return {
    x,
    window: { stride, kernel, padding, activation: activationOf(operator, table, ids.activation) },
  };
}

export function convertAveragePool2d(operator: Operator): void {
  const { x, window } = readPool(operator);
  emit(operator, "averagePool2d", [x], { ...window, countIncludePad: false });
}

export function convertMaxPool2d(operator: Operator): void {
  const { x, window } = readPool(operator);
  emit(operator, "maxPool2d", [x], window);
}
