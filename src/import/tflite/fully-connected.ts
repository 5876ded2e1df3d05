import { elementCount, type Tensor } from "../../graph/graph.ts";
import { emitProduct } from "./batch-matmul.ts";
import { readBlockwise } from "./blockwise.ts";
import { emitHybrid } from "./hybrid.ts";
import { activationOf, emit, type Operator, optionsOf, refused, show, wrong } from "./operator.ts";
import { readInt8 } from "./reader.ts";
import { options } from "./schema.ts";
import { readOperands } from "./weights.ts";

/** x flattened to rows of k values, as TFLite does where the last dimension is not k itself. */
function flatten(operator: Operator, x: Tensor, y: Tensor, k: number): Tensor {
  const { data: _, ...rest } = x;
  const rows: Tensor = {
    ...rest,
    name: operator.tensors.uniqueName(`${y.name}/rows`),
    shape: [elementCount(x.shape) / k, k],
  };
  emit(operator, "reshape", [x], {}, rows);
  return rows;
}

export function convertFullyConnected(operator: Operator): void {
  const ids = options.fullyConnected;
  const table = optionsOf(operator, ids.type);
  const activation = activationOf(operator, table, ids.activation);
  if (table && readInt8(table, ids.weightsFormat) !== 0) {
    throw refused(operator, "weights in shuffled order; convert the model with the default weights format");
  }
  const blocked = readBlockwise(operator);
  const { x, weights, bias, y } = blocked ?? readOperands(operator, 2, 0, true);
  const [n, k] = weights.shape;
  const rows = elementCount(x.shape) / k;
  if (!Number.isInteger(rows)) {
    throw wrong(operator, `weights ${show(weights)}: ${show(x)} does not split into rows of ${k}`);
  }
  if (y.shape[y.shape.length - 1] !== n || elementCount(y.shape) !== rows * n) {
    throw wrong(operator, `tensor ${show(y)}: expected ${rows} rows of ${n}`);
  }
  if (!weights.data) return emitProduct(operator, [x, weights, bias], activation);
  const inRows = x.shape[x.shape.length - 1] === k ? x : flatten(operator, x, y, k);
  if (blocked) {
    const { bits, blockSize } = blocked;
    return emit(operator, "dynamicFullyConnected", [inRows, weights, bias], { activation, bits, blockSize });
  }
  if (x.dtype !== "float32" || weights.dtype !== "int8")
    return emit(operator, "fullyConnected", [inRows, weights, bias], { activation });
  emitHybrid(operator, inRows, weights, bias, activation);
}
