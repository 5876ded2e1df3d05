import { elementCount, noActivation, type Tensor } from "../../graph/graph.ts";
import {
  broadcast,
  checkActivation,
  checkSameType,
  checkShape,
  emit,
  input,
  type Operator,
  optionsOf,
  output,
  refused,
  show,
  wrong,
} from "./operator.ts";
import { readBool } from "./reader.ts";
import { options } from "./schema.ts";

function checkFloat(operator: Operator, tensor: Tensor): void {
  if (tensor.dtype === "float32") return;
  throw refused(operator, `tensor ${show(tensor)}: a product of two computed matrices takes float32 or int8`);
}

/** adj_x and adj_y: an operand's last two dimensions lie the other way round. */
export function convertBatchMatmul(operator: Operator): void {
  const [a, b, y] = [input(operator, 0), input(operator, 1), output(operator)];
  for (const tensor of [a, b, y]) {
    if (y.dtype !== "int8") checkFloat(operator, tensor);
    else checkActivation(operator, tensor, ["int8"]);
    checkSameType(operator, tensor, y);
  }
  for (const tensor of [a, b])
    if (tensor.shape.length < 2)
      throw wrong(operator, `tensor ${show(tensor)}: expected 2 dimensions or more`);
  const ids = options.batchMatmul;
  const table = optionsOf(operator, ids.type);
  const transposeA = table !== undefined && readBool(table, ids.adjX);
  const transposeB = table !== undefined && readBool(table, ids.adjY);
  const sides = (tensor: Tensor, transposed: boolean): number[] => {
    const [rows, columns] = tensor.shape.slice(-2);
    return transposed ? [columns, rows] : [rows, columns];
  };
  const [m, k] = sides(a, transposeA);
  const [inner, n] = sides(b, transposeB);
  if (k !== inner) throw wrong(operator, `${show(a)} has ${k} columns, ${show(b)} has ${inner} rows`);
  const leading = ({ name, shape }: Tensor): Tensor => ({
    name,
    dtype: "float32",
    shape: shape.slice(0, -2),
  });
  checkShape(operator, y, [...broadcast(operator, leading(a), leading(b)), m, n]);
  emit(operator, "matmul", [a, b, null], { transposeA, transposeB, activation: noActivation });
}

/** FULLY_CONNECTED whose weights [N, K] are computed: every row of x by the transposed weights. */
export function emitProduct(
  operator: Operator,
  [x, weights, bias]: [x: Tensor, weights: Tensor, bias: Tensor | null],
  activation: { min: number; max: number },
): void {
  const y = output(operator);
  for (const tensor of [x, weights, y]) checkFloat(operator, tensor);
  const [n, k] = weights.shape;
  const rows = elementCount(x.shape) / k;
  const view = (name: string, shape: number[]): Tensor => ({
    name: operator.tensors.uniqueName(`${y.name}/${name}`),
    dtype: "float32",
    shape,
  });
  let matrix = x;
  if (x.shape.length !== 2) {
    matrix = view("rows", [rows, k]);
    emit(operator, "reshape", [x], {}, matrix);
  }
  const product = y.shape.length === 2 ? y : view("product", [rows, n]);
  const attributes = { transposeA: false, transposeB: true, activation };
  emit(operator, "matmul", [matrix, weights, bias], attributes, product);
  if (product !== y) emit(operator, "reshape", [product], {});
}
