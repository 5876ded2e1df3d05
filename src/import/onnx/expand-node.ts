import type { Tensor } from "../../graph/graph.ts";
import type { OnnxAttribute, OnnxNode } from "./proto.ts";

/** What is known of the values that a node reads, when its turn comes. */
export type Values = ReadonlyMap<string, Tensor>;

/** The nodes that `node` stands for, or undefined where another conversion has to take it. */
export type Expansion = (node: OnnxNode, values: Map<string, Tensor>) => OnnxNode[] | undefined;

/** The plain node that `source` stands for, or a helper around it. */
export function made(
  source: OnnxNode,
  opType: string,
  inputs: string[],
  output: string,
  attributes: Map<string, OnnxAttribute> = new Map(),
): OnnxNode {
  return { name: source.name, opType, domain: "", inputs, outputs: [output], attributes };
}

const noValue = {
  f: undefined,
  i: undefined,
  s: undefined,
  tensor: undefined,
  floats: [],
  ints: [],
  graph: undefined,
  refersTo: "",
};

const intAttribute = (name: string, i: number): [string, OnnxAttribute] => [name, { ...noValue, name, i }];

export const axisAttribute = (axis: number): Map<string, OnnxAttribute> =>
  new Map([intAttribute("axis", axis)]);

/** A name for a part of what `node` stands for. */
export const partOf = (node: OnnxNode, part: string): string => `${node.outputs[0]}/${part}`;
