/** Imports of built models, and what tests do with their results. */
import type { Graph, NodeOf, OperatorName } from "../../src/graph/graph.ts";
import { importTflite } from "../../src/import/tflite/index.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import { buildTflite, type OperatorSpec, type SubgraphSpec, type TensorSpec } from "./tflite-builder.ts";

export const unbounded = { min: -Infinity, max: Infinity };

export const load = (...subgraphs: SubgraphSpec[]): Graph =>
  importTflite(buildTflite(...subgraphs), { file: "folder/tiny.tflite" });

/** The single node of a graph, which has to be an `op`. */
export function only<K extends OperatorName>(graph: Graph, op: K): NodeOf<K> {
  const found = graph.nodes.map((node) => node.op).join();
  if (found !== op) throw new Error(`expected one ${op}, found ${found}`);
  return graph.nodes[0] as unknown as NodeOf<K>;
}

/** The error that the import of "bad.tflite" ends with. */
export function refusal(file: Uint8Array | SubgraphSpec, subgraph = 0): NibbleError {
  const bytes = file instanceof Uint8Array ? file : buildTflite(file);
  try {
    importTflite(bytes, { file: "bad.tflite", subgraph });
  } catch (error) {
    if (error instanceof NibbleError) return error;
    throw error;
  }
  throw new Error("the model was imported");
}

type Patch<T> = { [K in keyof T]?: T[K] | undefined };

/** `model` with other properties for some tensors, found by name; undefined removes a property. */
export function patched(model: SubgraphSpec, patches: Record<string, Patch<TensorSpec>>): SubgraphSpec {
  const tensors = model.tensors.map((tensor) => ({ ...tensor, ...patches[tensor.name] }) as TensorSpec);
  return { ...model, tensors };
}

/** `model` with other properties for its first operator. */
export function rewired(model: SubgraphSpec, patch: Patch<OperatorSpec>): SubgraphSpec {
  const [first, ...others] = model.operators;
  return { ...model, operators: [{ ...first, ...patch } as OperatorSpec, ...others] };
}

export type RefusalCase = [
  what: string,
  model: SubgraphSpec,
  code: "bad-file" | "unsupported",
  message: RegExp,
];
