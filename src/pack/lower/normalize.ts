import { NORM_CENTERED, NORM_FLOOR, NORM_SUM, OP_NORM_F32 } from "../../../assembly/codes.ts";
import { N_DEPTH, N_EPSILON, N_KIND, NORM_RECORD_BYTES } from "../../../assembly/records.ts";
import { elementCount, type NodeOf } from "../../graph/graph.ts";
import { inputOf, type Lowering, unsupported } from "../lowering.ts";
import { record } from "../record.ts";

/** float32 only: TFLite has no int8 layer normalisation, and its L2_NORMALIZATION is composed by the importer. */
export function lowerNormalize(lowering: Lowering, node: NodeOf<"normalize">): void {
  const [x, y] = [inputOf(node), node.outputs[0]];
  const { centered, isSum, floor, epsilon } = node.attributes;
  const depth = x.shape.at(-1) ?? 1;
  if (y.dtype !== "float32") throw unsupported(node.op, node.name, `"${y.name}" is ${y.dtype}, not float32`);
  for (const t of node.inputs.slice(1))
    if (t && (t.dtype !== "float32" || elementCount(t.shape) !== depth))
      throw unsupported(node.op, node.name, `"${t.name}" [${t.shape}] does not have ${depth} floats`);
  lowering.emit({
    node: node.name,
    record: record(
      OP_NORM_F32,
      NORM_RECORD_BYTES,
      [
        [N_DEPTH, depth],
        [N_KIND, (centered ? NORM_CENTERED : 0) | (isSum ? NORM_SUM : 0) | (floor ? NORM_FLOOR : 0)],
      ],
      [[N_EPSILON, epsilon]],
    ),
    input: x,
    input2: node.inputs[1] ?? null,
    input3: node.inputs[2] ?? null,
    output: y,
    scratchBytes: 0,
    scratchField: 0,
  });
}
