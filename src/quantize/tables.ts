/** Tables whose rows operators look up, as embeddings are: int8 with a scale for every row. */
import { elementCount, type Graph, type Node, type NodeOf, type Tensor } from "../graph/graph.ts";
import { type FloatConstant, floatConstant, isFloatConstant } from "../graph/passes/constant.ts";
import { makeNode } from "../graph/passes/rewrite.ts";
import { quantizeWeights } from "./weights.ts";

/** Shorter rows and smaller tables hold positions and angles more often than words, and little is saved on them. */
const [leastRow, leastTable] = [16, 4096];

/** The table of a look-up that int8 makes much smaller. */
function tableOf({ inputs: [table], attributes: { axis, batchDims } }: NodeOf<"gather">) {
  if (!isFloatConstant(table) || axis !== 0 || batchDims !== 0 || table.data.length < leastTable)
    return undefined;
  const isLong = elementCount(table.shape.slice(1)) >= leastRow;
  return isLong && table.data.every(Number.isFinite) ? table : undefined;
}

interface Rows {
  /** int8, [rows, row]. */
  values: Tensor;
  /** Of every row. */
  scales: Tensor;
}

function rowsOf(table: FloatConstant): Rows {
  const { weights } = quantizeWeights(table, null, 1, { axis: 0, perTensor: false });
  const { name, shape, data } = table;
  const rows = shape[0];
  return {
    values: { name: `${name}/int8`, dtype: "int8", shape: [rows, data.length / rows], data: weights.data! },
    scales: floatConstant(`${name}/scales`, [rows], weights.quantization!.scale),
  };
}

/** Rows and their scales are looked up alike; what was written real is real again. */
function lookUp(node: NodeOf<"gather">, { values, scales }: Rows): Node[] {
  const [, indices] = node.inputs as Tensor[];
  const [y] = node.outputs;
  const count = elementCount(indices.shape);
  const size = values.shape[1];
  const tensor = (part: string, dtype: "int8" | "int32" | "int64" | "float32", shape: number[]): Tensor => ({
    name: `${y.name}/${part}`,
    dtype,
    shape,
  });
  const list = tensor("indices", indices.dtype as "int32" | "int64", [count]);
  const stored = tensor("int8", "int8", [count, size]);
  const scale = tensor("scales", "float32", [count]);
  const real = tensor("rows", "float32", [count, size]);
  return [
    makeNode("reshape", `${node.name}/indices`, [indices], list, {}),
    makeNode("gather", node.name, [values, list], stored, node.attributes),
    makeNode("gather", `${node.name}/scales`, [scales, list], scale, node.attributes),
    makeNode("dequantizeLinear", `${node.name}/real`, [stored, scale, null], real, { axis: 0, block: 0 }),
    makeNode("reshape", `${node.name}/rows`, [real], y, {}),
  ];
}

/** The graph with the tables of the operators in `names` in int8, where that saves much. */
export function quantizeTables(graph: Graph, names: ReadonlySet<string>): Graph {
  const made = new Map<Tensor, Rows>();
  const nodes = graph.nodes.flatMap((node) => {
    const table = node.op === "gather" && names.has(node.name) ? tableOf(node) : undefined;
    if (!table || node.op !== "gather") return [node];
    const rows = made.get(table) ?? rowsOf(table);
    made.set(table, rows);
    return lookUp(node, rows);
  });
  return { ...graph, nodes };
}
