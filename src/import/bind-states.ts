import { elementCount, type Graph, type State, type Tensor } from "../graph/graph.ts";
import { sameQuantization } from "../graph/passes/rewrite.ts";
import { NibbleError } from "../runtime/errors.ts";

const show = ({ name, dtype, shape }: Tensor): string => `"${name}" ${dtype}[${shape.join(", ")}]`;

function find(tensors: readonly Tensor[], kind: string, name: string): Tensor {
  const found = tensors.find((tensor) => tensor.name === name);
  if (found) return found;
  const names = tensors.map((tensor) => `"${tensor.name}"`).join(", ");
  throw new NibbleError("bad-input", `states: expected an ${kind} of the model (${names}), found "${name}"`);
}

/**
 * The graph with pairs of an input and an output, by name, as states: what the output was, the input is at the
 * next inference, and zero at the first. Neither is an input or an output any more.
 *
 * @throws NibbleError "bad-input" where there is no such pair, or the two do not fit each other
 */
export function bindStates(graph: Graph, pairs: Readonly<Record<string, string>>): Graph {
  const states = Object.entries(pairs).map(([from, to]): State => {
    const value = find(graph.inputs, "input", from);
    const next = find(graph.outputs, "output", to);
    const fits =
      value.dtype === next.dtype &&
      elementCount(value.shape) === elementCount(next.shape) &&
      sameQuantization(value, next);
    if (!fits) {
      throw new NibbleError(
        "bad-input",
        `states: expected an input and an output of one type, size and scale, found ${show(value)} and ${show(next)}`,
      );
    }
    return { name: from, value, next };
  });
  const bound = new Set(states.flatMap(({ value, next }) => [value, next]));
  const outputs = graph.outputs.filter((tensor) => !bound.has(tensor));
  if (outputs.length === 0) throw new NibbleError("bad-input", "states: the model would have no output left");
  return {
    ...graph,
    inputs: graph.inputs.filter((tensor) => !bound.has(tensor)),
    outputs,
    states: [...(graph.states ?? []), ...states],
  };
}
