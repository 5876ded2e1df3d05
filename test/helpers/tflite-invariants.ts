import { arrayOf, elementCount, type Graph, type Tensor } from "../../src/graph/graph.ts";

function tensorProblem({ shape, dtype, data, quantization }: Tensor): string | undefined {
  if (!shape.every((d) => Number.isInteger(d) && d > 0)) return `shape [${shape.join()}]`;
  if (data && !(data instanceof arrayOf(dtype))) return `contents are no ${dtype}`;
  if (data && data.length !== elementCount(shape)) return `${data.length} elements`;
  if (!quantization) return undefined;
  const { scale, zeroPoint, axis } = quantization;
  if (scale.length !== zeroPoint.length || scale.length === 0) return "scales and zero points";
  if (scale.length > 1 && shape[axis] !== scale.length) return `${scale.length} scales along ${axis}`;
  if (!scale.every((s) => s > 0 && Number.isFinite(s))) return "a scale";
  return undefined;
}

/** What is wrong with a graph that every later stage takes for granted; empty for a sound one. */
export function graphProblems(graph: Graph): string[] {
  const problems: string[] = [];
  const begins = (graph.states ?? []).map(({ value }) => value);
  const ready = new Set<Tensor>([...graph.inputs, ...begins]);
  const names = new Set([...ready].map((tensor) => tensor.name));
  const check = (tensor: Tensor) => {
    const problem = tensorProblem(tensor);
    if (problem) problems.push(`${tensor.name}: ${problem}`);
  };
  for (const tensor of ready) check(tensor);
  for (const node of graph.nodes) {
    for (const tensor of node.inputs) {
      if (!tensor) continue;
      check(tensor);
      if (!tensor.data && !ready.has(tensor)) problems.push(`${node.name}: reads ${tensor.name} too early`);
    }
    for (const tensor of node.outputs) {
      check(tensor);
      if (tensor.data || ready.has(tensor)) problems.push(`${node.name}: ${tensor.name} has a value already`);
      if (names.has(tensor.name)) problems.push(`${node.name}: the name ${tensor.name} is taken`);
      names.add(tensor.name);
      ready.add(tensor);
    }
  }
  for (const tensor of [...graph.outputs, ...(graph.states ?? []).map(({ next }) => next)])
    if (!tensor.data && !ready.has(tensor)) problems.push(`${tensor.name}: nothing writes it`);
  return problems;
}
