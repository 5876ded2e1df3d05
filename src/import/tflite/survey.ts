/** Everything about a model that can't be imported, said at once rather than one item per attempt. */
import { quote, unsupported } from "./errors.ts";
import type { OperatorRecord, Subgraph, TensorRecord } from "./model.ts";
import { conversionOf } from "./operators.ts";
import { isSupportedType, type Tensors } from "./tensors.ts";

const longestList = 64;

function list(items: string[]): string {
  const shown = items.slice(0, longestList).join(", ");
  return items.length > longestList ? `${shown} and ${items.length - longestList} more` : shown;
}

function unsupportedOperators({ operators, tensors }: Subgraph): string[] {
  const found = new Map<string, { count: number; first: string }>();
  for (const [i, operator] of operators.entries()) {
    if (conversionOf(operator)) continue;
    const name = operator.isCustom ? `custom operator ${quote(operator.name)}` : operator.name;
    const known = found.get(name);
    const output = operator.outputs[0];
    if (known) known.count++;
    else
      found.set(name, {
        count: 1,
        first: output === undefined ? `operator ${i}` : quote(tensors[output].name),
      });
  }
  return [...found].map(([name, { count, first }]) => `${name} ×${count} (first: ${first})`);
}

/** Why a tensor can't be imported, or undefined. float16 is a type of constants only, behind DEQUANTIZE or DENSIFY. */
function unsupportedKind(
  record: TensorRecord,
  isHalfWeight: boolean,
  isBlockwiseWeights: boolean,
): string | undefined {
  if (record.sparsity && !record.bytes) return "sparse without contents";
  if (record.isExternal) return "contents in another file";
  if (record.isVariable) return "variable";
  if (record.quantizationDetails !== "none" && !isBlockwiseWeights)
    return `${record.quantizationDetails} quantization`;
  if (isSupportedType(record.type) || isHalfWeight) return undefined;
  return record.type;
}

/** Operators that a resource may go through: it names a variable and holds nothing. */
const handlers = new Set(["VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"]);
/** Operators that change a variable tensor of their own. */
const withVariables = new Set(["UNIDIRECTIONAL_SEQUENCE_LSTM", "SVDF"]);
const isHalfReader = (name: string | undefined): boolean => name === "DEQUANTIZE" || name === "DENSIFY";

function unsupportedTensors(subgraph: Subgraph, tensors: Tensors): string[] {
  const found = new Map<number, string>();
  const visit = (index: number, operator?: OperatorRecord) => {
    if (index < 0) return;
    const record = tensors.records[index];
    if (record.isVariable && operator && withVariables.has(operator.name)) return;
    if (record.type === "resource" && operator && handlers.has(operator.name)) return;
    const isHalfWeight = record.type === "float16" && isHalfReader(operator?.name);
    const isBlockwiseWeights =
      record.quantizationDetails === "blockwise" &&
      operator?.name === "FULLY_CONNECTED" &&
      operator.inputs.indexOf(index) === 1;
    const kind = unsupportedKind(record, isHalfWeight, isBlockwiseWeights);
    if (kind) found.set(index, `${quote(record.name)} (${kind})`);
  };
  for (const index of [...subgraph.inputs, ...subgraph.outputs]) visit(index);
  for (const operator of subgraph.operators) {
    // What an operator that can't be imported handles is no news.
    if (!conversionOf(operator)) continue;
    for (const index of operator.inputs) visit(index, operator);
    for (const index of operator.outputs) visit(index, operator);
  }
  return [...found.values()];
}

/** @throws NibbleError("unsupported") that names all operators and tensors that can't be imported */
export function refuseUnsupported(subgraph: Subgraph, tensors: Tensors): void {
  const operators = unsupportedOperators(subgraph);
  const kinds = unsupportedTensors(subgraph, tensors);
  const problems = [
    ...(operators.length > 0 ? [`unsupported operators: ${list(operators)}`] : []),
    ...(kinds.length > 0 ? [`unsupported tensors: ${list(kinds)}`] : []),
  ];
  if (problems.length > 0) throw unsupported(problems.join("; "));
}
