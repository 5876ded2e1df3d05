/** Which columns of every tensor stay the same, moved along, from one window to the next. */
import type { Graph, Node, Tensor } from "../graph/graph.ts";
import { type Rule, ruleOf } from "./rules.ts";

/**
 * A tensor whose columns are those of the last window, `step` further on: column i is what column i + step was, except
 * for the first `left` and the last `right`, which the padding at the window's ends reaches.
 */
export interface Timeline {
  axis: number;
  length: number;
  step: number;
  left: number;
  right: number;
}

/**
 * "constant": does not depend on the input. "whole": has to be made afresh for every window. "pooled": too, but of what
 * is known of all columns together, so that there is nothing of it to keep.
 */
type Fate = Timeline | "constant" | "whole" | "pooled";

export interface Trace {
  fate(tensor: Tensor): Fate;
  /** Of nodes whose output has a timeline. */
  rule(node: Node): Rule;
  /** The first of the nodes that are run on whole windows although there is time in them, and why. */
  whole: ReadonlyMap<Node, string>;
}

/** What follows an operator that is run on whole windows. */
const inherited = "whole";

export function traceTime(graph: Graph, input: Tensor, axis: number, hop: number): Trace {
  const fates = new Map<Tensor, Fate>();
  const rules = new Map<Node, Rule>();
  const whole = new Map<Node, string>();
  for (const other of graph.inputs) fates.set(other, "whole");
  fates.set(input, { axis, length: input.shape[axis], step: hop, left: 0, right: 0 });
  const fate = (tensor: Tensor): Fate => fates.get(tensor) ?? "constant";

  for (const node of graph.nodes) {
    const found = decide(node);
    if (typeof found === "object") {
      rules.set(node, found.rule);
      fates.set(node.outputs[0], found.timeline);
      continue;
    }
    const isWhole = found !== "constant" && found !== "pooled";
    if (isWhole && found !== inherited) whole.set(node, found);
    for (const output of node.outputs) fates.set(output, isWhole ? "whole" : found);
  }

  function decide(node: Node): { rule: Rule; timeline: Timeline } | string {
    const inputs = node.inputs.filter((x): x is Tensor => x !== null);
    if (inputs.some((x) => fate(x) === "whole")) return inherited;
    const timed = inputs.map(fate).filter((f): f is Timeline => typeof f === "object");
    const pooled = inputs.find((x) => fate(x) === "pooled");
    if (timed.length === 0) return pooled ? "pooled" : "constant";
    if (pooled) return `it brings together columns and "${pooled.name}", which is of all of them`;
    if (node.outputs.length > 1) return "it has several outputs";
    const rule = ruleOf(node, (x) => {
      const f = fate(x);
      return typeof f === "object" ? f.axis : undefined;
    });
    if (typeof rule === "string") return rule;
    const [{ length, step }] = timed;
    if (timed.some((t) => t.length !== length || t.step !== step)) return "its inputs differ in their pace";
    const { span, stride, before } = rule;
    if (step % stride !== 0) return `its stride ${stride} does not divide the ${step} columns of a step`;
    const columns = node.outputs[0].shape[rule.axis];
    const left = Math.max(0, Math.ceil((Math.max(...timed.map((t) => t.left)) + before) / stride));
    const clean = length - Math.max(...timed.map((t) => t.right));
    const right = Math.max(0, columns - 1 - Math.floor((clean - span + before) / stride));
    if (columns - left - right <= step / stride)
      return "padding at the window's ends reaches too many of its columns";
    return { rule, timeline: { axis: rule.axis, length: columns, step: step / stride, left, right } };
  }
  return { fate, rule: (node) => rules.get(node)!, whole };
}
