/** Which columns of every tensor anything reads. */
import type { Graph, Node, Tensor } from "../graph/graph.ts";
import type { Rule } from "./rules.ts";
import type { Timeline, Trace } from "./trace.ts";

/** Columns from `begin` to before `end`. */
export interface Range {
  begin: number;
  end: number;
}

/** The parts of a tensor that are made in every step: what is new or changed at its end, and what is changed at its begin. */
export interface Parts {
  fresh: Range;
  changed: Range | undefined;
  /** What stays, moved along, from the step before. */
  kept: Range;
}

export function partsOf({ length, left, right, step }: Timeline, demand: Range): Parts {
  const clean = length - right;
  const fresh = { begin: clean - step, end: Math.max(clean, demand.end) };
  return {
    fresh,
    changed: demand.begin < left ? { begin: demand.begin, end: left } : undefined,
    kept: { begin: Math.min(Math.max(demand.begin, left), fresh.begin), end: fresh.begin },
  };
}

/** Columns that output columns `range` read, outside the input where it is padding. */
export const readBy = ({ span, stride, before }: Rule, { begin, end }: Range): Range => ({
  begin: begin * stride - before,
  end: (end - 1) * stride - before + span,
});

export const within = ({ begin, end }: Range, length: number): Range => ({
  begin: Math.max(0, begin),
  end: Math.min(length, end),
});

/** Per tensor with a timeline, the hull of what is read of it; tensors that nothing reads are absent. */
export function demandsOf(graph: Graph, trace: Trace): Map<Tensor, Range> {
  const demands = new Map<Tensor, Range>();
  const need = (tensor: Tensor, { begin, end }: Range): void => {
    const known = demands.get(tensor);
    demands.set(tensor, {
      begin: Math.min(begin, known?.begin ?? begin),
      end: Math.max(end, known?.end ?? end),
    });
  };
  const needAll = (tensor: Tensor): void => {
    const fate = trace.fate(tensor);
    need(tensor, { begin: 0, end: typeof fate === "object" ? fate.length : 0 });
  };
  graph.outputs.forEach(needAll);
  for (const node of [...graph.nodes].reverse()) visit(node);

  function visit(node: Node): void {
    if (!node.outputs.some((output) => demands.has(output))) return;
    const inputs = node.inputs.filter((x): x is Tensor => x !== null);
    const fate = trace.fate(node.outputs[0]);
    if (typeof fate === "string") return inputs.forEach(needAll);
    const { fresh, changed } = partsOf(fate, demands.get(node.outputs[0])!);
    for (const input of inputs) {
      const from = trace.fate(input);
      if (typeof from === "string") needAll(input);
      else
        for (const part of changed ? [fresh, changed] : [fresh])
          need(input, within(readBy(trace.rule(node), part), from.length));
    }
  }
  return demands;
}
