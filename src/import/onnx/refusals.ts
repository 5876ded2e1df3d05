import { NibbleError } from "../../runtime/errors.ts";
import { describeNode } from "./order.ts";
import type { OnnxNode } from "./proto.ts";

/** Collects what a model needs and the importer lacks, so that one error can tell all of it. */
export interface Refusals {
  /** An operator that is not known at all. Counted once per node. */
  operator(node: OnnxNode): void;
  /** A known operator in a form that is not supported. */
  use(node: OnnxNode, reason: string): void;
  /** Runs a step of the import; what it refuses is collected and its result is missing. */
  attempt<T>(step: () => T): T | undefined;
  /** One "unsupported" error about all that was refused, if anything was. */
  error(): NibbleError | undefined;
}

/** Forms of known operators are listed one by one up to here; a damaged file could have any number. */
const maxUses = 20;

export function refusals(opsets: ReadonlyMap<string, number>): Refusals {
  const operators = new Map<string, Set<OnnxNode>>();
  const uses: string[] = [];
  const others: string[] = [];
  const fullName = (node: OnnxNode) => `${node.domain || "ai.onnx"}::${node.opType}`;
  const listOperators = () =>
    [...operators].map(([name, nodes]) => {
      const [node] = nodes;
      const first = node.name || node.outputs[0] || "";
      return `${name} ×${nodes.size} (first "${first}", opset ${opsets.get(node.domain) ?? "unknown"})`;
    });
  return {
    operator: (node) => {
      const name = fullName(node);
      const nodes = operators.get(name);
      if (nodes) nodes.add(node);
      else operators.set(name, new Set([node]));
    },
    use: (node, reason) => {
      uses.push(`${describeNode(node)}: ${reason}`);
    },
    attempt: (step) => {
      try {
        return step();
      } catch (error) {
        if (!(error instanceof NibbleError) || error.code !== "unsupported") throw error;
        others.push(error.message);
        return undefined;
      }
    },
    error: () => {
      const more = uses.length > maxUses ? [`and ${uses.length - maxUses} more of these`] : [];
      const list = [...listOperators(), ...uses.slice(0, maxUses), ...more];
      const found = list.length > 0 ? [`expected only supported operators, found ${list.join("; ")}`] : [];
      const all = [...found, ...others];
      return all.length > 0 ? new NibbleError("unsupported", all.join("; ")) : undefined;
    },
  };
}
