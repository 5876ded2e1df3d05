import { elementCount, type Graph, type Tensor, type TensorData } from "../graph.ts";
import { type Constant, foldingRoom, hasRoom, isConstant } from "./constant.ts";
import { replaceUses } from "./rewrite.ts";

/** scale · (q − zeroPoint), rounded once to float32. */
function realValues(x: Constant): TensorData | null {
  const q = x.quantization;
  if (!q || x.data instanceof BigInt64Array) return null;
  const inner = q.scale.length === 1 ? x.data.length : elementCount(x.shape.slice(q.axis + 1));
  const values = x.data;
  return Float32Array.from(values, (v, i) => {
    const c = Math.floor(i / inner) % q.scale.length;
    return q.scale[c] * (v - q.zeroPoint[c]);
  });
}

/**
 * Constants that a dequantize makes real become float32 constants, rounded once. To be run when `foldQdq` has
 * taken those that can stay integers.
 */
export function foldDequantize(graph: Graph): boolean {
  let changed = false;
  const room = foldingRoom(graph);
  for (const node of [...graph.nodes]) {
    const [source] = node.inputs;
    const [output] = node.outputs;
    if (node.op !== "dequantize" || !isConstant(source) || graph.outputs.includes(output)) continue;
    const data = hasRoom(room, "float32", source.data.length) ? realValues(source) : null;
    if (!data) continue;
    room.left -= data.byteLength;
    const folded: Tensor = { ...output, data };
    replaceUses(graph, output, folded);
    graph.nodes.splice(graph.nodes.indexOf(node), 1);
    changed = true;
  }
  return changed;
}
