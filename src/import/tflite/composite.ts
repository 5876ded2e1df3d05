/**
 * STABLEHLO_COMPOSITE names a computation and says in a subgraph of its own how to do it without knowing the
 * name. That subgraph takes the operator's place: everything means what its converter spelled out.
 */
import { badFile } from "./errors.ts";
import type { OperatorRecord, Subgraph } from "./model.ts";

const deepest = 8;

/** Puts `body` where `operator` stands: its tensors join `tensors`, its ends are the operator's own operands. */
function bodyOf(operator: OperatorRecord, body: Subgraph, tensors: Subgraph["tensors"]): OperatorRecord[] {
  const { inputs, outputs } = operator;
  if (body.inputs.length !== inputs.length || body.outputs.length !== outputs.length) {
    throw badFile(
      `${operator.name}: its subgraph has ${body.inputs.length} inputs and ${body.outputs.length} outputs, ` +
        `expected ${inputs.length} and ${outputs.length}`,
    );
  }
  const places = new Map<number, number>();
  for (const [i, own] of body.inputs.entries()) places.set(own, inputs[i]);
  for (const [i, own] of body.outputs.entries()) {
    if (places.has(own)) throw badFile(`${operator.name}: its subgraph gives one tensor two roles`);
    places.set(own, outputs[i]);
  }
  const place = (own: number): number => {
    if (own < 0) return own;
    let index = places.get(own);
    if (index === undefined) {
      index = tensors.push(body.tensors[own]) - 1;
      places.set(own, index);
    }
    return index;
  };
  return body.operators.map((inner) => ({
    ...inner,
    inputs: inner.inputs.map(place),
    outputs: inner.outputs.map(place),
  }));
}

/** Reads subgraph `index`, and in place of its composites the subgraphs that they name. */
export function inlineComposites(index: number, read: (index: number) => Subgraph, depth = 0): Subgraph {
  if (depth > deepest) throw badFile(`composites lie in each other more than ${deepest} deep`);
  const subgraph = read(index);
  const operators = subgraph.operators.flatMap((operator) =>
    operator.decomposition === undefined
      ? [operator]
      : bodyOf(operator, inlineComposites(operator.decomposition, read, depth + 1), subgraph.tensors),
  );
  return { ...subgraph, operators };
}
