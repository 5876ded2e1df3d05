import type { Graph, Tensor } from "../graph.ts";

/** Constants up to this size are compared by content; larger ones are equal when they are the same memory. */
const mostCompared = 256;

/** Numbers of objects by identity. */
function numbering(): (object: object) => number {
  const numbers = new Map<object, number>();
  return (object) => {
    const known = numbers.get(object);
    if (known !== undefined) return known;
    numbers.set(object, numbers.size);
    return numbers.size - 1;
  };
}

/** JSON in which infinities, NaN and −0 stay apart. */
const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, v) => {
    if (ArrayBuffer.isView(v)) return Array.from(v as unknown as ArrayLike<number | bigint>, String);
    return typeof v === "number" && (!Number.isFinite(v) || Object.is(v, -0))
      ? `${Object.is(v, -0) ? "-" : ""}${v}`
      : v;
  });

const typeOf = ({ dtype, shape, quantization, range }: Tensor): string =>
  textOf([dtype, shape, quantization ?? null, range ?? null]);

/**
 * Nodes that do the same with the same operands become one, whose result all their readers share. Exact. To be run
 * behind the other passes, which look for results that only one node reads. Nodes that give out results of
 * the model stay. Nodes have to be in execution order.
 */
export function shareCommon(graph: Graph): boolean {
  const number = numbering();
  const outputs = new Set(graph.outputs);
  const operand = (tensor: Tensor | null): string => {
    if (!tensor?.data) return tensor ? `t${number(tensor)}` : "-";
    const { data } = tensor;
    const content =
      data.byteLength <= mostCompared
        ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength).join()
        : number(data);
    return `c${content}${typeOf(tensor)}`;
  };
  const first = new Map<string, Tensor[]>();
  const shared = new Map<Tensor, Tensor>();
  const before = graph.nodes.length;
  graph.nodes = graph.nodes.filter((node) => {
    node.inputs = node.inputs.map((tensor) => (tensor && shared.get(tensor)) ?? tensor);
    const operands = node.inputs.map(operand);
    const key = [node.op, textOf(node.attributes), ...operands, ...node.outputs.map(typeOf)].join("|");
    const same = first.get(key);
    if (!same || node.outputs.some((output) => outputs.has(output))) {
      if (!same) first.set(key, node.outputs);
      return true;
    }
    for (const [i, output] of node.outputs.entries()) shared.set(output, same[i]);
    return false;
  });
  return graph.nodes.length < before;
}
