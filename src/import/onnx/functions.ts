import { NibbleError } from "../../runtime/errors.ts";
import { keyOf } from "./expand.ts";
import type { OnnxAttribute, OnnxFunction, OnnxModel, OnnxNode } from "./proto.ts";
import { prefixed, renamedNode } from "./rename.ts";

/** Calls inside calls, and nodes after inlining: beyond these a file is damaged or hostile. */
const [deepestCall, mostNodes] = [16, 1 << 16];

/** The function's node with its parameters' values in place of references to them. */
function withParameters(node: OnnxNode, call: OnnxNode, { defaults }: OnnxFunction): OnnxNode {
  const attributes = new Map<string, OnnxAttribute>();
  for (const [key, attribute] of node.attributes) {
    const { refersTo } = attribute;
    const value = refersTo === "" ? attribute : (call.attributes.get(refersTo) ?? defaults.get(refersTo));
    if (value) attributes.set(key, { ...value, name: key });
  }
  return { ...node, attributes };
}

/** What the call stands for: operands and results under the caller's names, all else under names of its own. */
function bodyOf(call: OnnxNode, made: OnnxFunction, taken: Set<string>): OnnxNode[] {
  const bound = new Map<string, string>();
  made.inputs.forEach((name, i) => {
    bound.set(name, call.inputs[i] ?? "");
  });
  made.outputs.forEach((name, i) => {
    if (call.outputs[i]) bound.set(name, call.outputs[i]);
  });
  const own = made.nodes.flatMap((node) => node.outputs).filter((name) => !bound.has(name));
  const rename = prefixed(call, own, taken);
  return made.nodes.map((node) =>
    renamedNode(withParameters(node, call, made), (name) => bound.get(name) ?? rename(name)),
  );
}

/**
 * The model's nodes with its own functions in place of calls to them. Functions for another version of the default
 * operators stay calls, which are refused by name.
 */
export function inlineFunctions(model: OnnxModel): OnnxNode[] {
  const opset = model.opsets.get("");
  const usable = model.functions.filter(({ opsets }) => (opsets.get("") ?? opset) === opset);
  if (usable.length === 0) return model.nodes;
  const functions = new Map(
    usable.map((made) => [made.domain ? `${made.domain}::${made.name}` : made.name, made]),
  );
  const taken = new Set<string>([
    ...model.initializers.map((tensor) => tensor.name),
    ...model.inputs.map((input) => input.name),
    ...model.nodes.flatMap((node) => node.outputs),
  ]);
  const nodes: OnnxNode[] = [];
  let visited = 0;
  const visit = (node: OnnxNode, depth: number): void => {
    if (++visited > mostNodes)
      throw new NibbleError("unsupported", `functions of more than ${mostNodes} nodes once inlined`);
    const made = functions.get(keyOf(node));
    if (!made) {
      nodes.push(node);
      return;
    }
    if (depth === deepestCall)
      throw new NibbleError(
        "unsupported",
        `function ${keyOf(node)}: calls nested more than ${deepestCall} deep`,
      );
    for (const inner of bodyOf(node, made, taken)) visit(inner, depth + 1);
  };
  for (const node of model.nodes) visit(node, 0);
  return nodes;
}
