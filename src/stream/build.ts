import type { Graph, Node, State, Tensor } from "../graph/graph.ts";
import { noActivation } from "../graph/graph.ts";
import { makeNode } from "../graph/passes/rewrite.ts";
import { type Parts, partsOf, type Range, readBy, within } from "./demand.ts";
import { replaced } from "./rules.ts";
import type { Timeline, Trace } from "./trace.ts";

/** A tensor with a timeline in the streaming graph: its parts side by side, as far as they are needed. */
interface Strip {
  tensor: Tensor;
  timeline: Timeline;
  parts: Parts;
  changed: Tensor | undefined;
  kept: Tensor | undefined;
  fresh: Tensor;
  /** What was cut out or put together for a reader. */
  made: [Tensor, Range][];
}

const size = ({ begin, end }: Range): number => end - begin;
const contains = (outer: Range, inner: Range): boolean =>
  outer.begin <= inner.begin && inner.end <= outer.end;

/** The graph of one step: takes the input's newest columns, keeps what later steps need, answers what `graph` does. */
export function buildStep(
  graph: Graph,
  input: Tensor,
  trace: Trace,
  demands: ReadonlyMap<Tensor, Range>,
): Graph {
  const nodes: Node[] = [];
  const states: State[] = [];
  const strips = new Map<Tensor, Strip>();

  const partOf = (tensor: Tensor, { axis }: Timeline, count: number, suffix: string): Tensor => ({
    ...tensor,
    name: `${tensor.name}${suffix}`,
    shape: replaced(tensor.shape, axis, count),
  });

  function addStrip(
    tensor: Tensor,
    timeline: Timeline,
    make: (range: Range, suffix: string) => Tensor,
  ): void {
    const parts = partsOf(timeline, demands.get(tensor)!);
    strips.set(tensor, {
      tensor,
      timeline,
      parts,
      changed: parts.changed && make(parts.changed, "/first"),
      kept: size(parts.kept) > 0 ? partOf(tensor, timeline, size(parts.kept), "/kept") : undefined,
      fresh: make(parts.fresh, "/new"),
      made: [],
    });
  }

  /** Columns of a strip, in as few copies as its parts allow. */
  function columns(strip: Strip, range: Range): Tensor {
    const { tensor, timeline, parts, changed, kept, fresh, made } = strip;
    const known = made.find(([, { begin, end }]) => begin === range.begin && end === range.end);
    if (known) return known[0];
    const pieces: [Tensor, Range][] = [];
    if (changed) pieces.push([changed, parts.changed!]);
    if (kept) pieces.push([kept, parts.kept]);
    pieces.push([fresh, parts.fresh]);
    const whole = [...pieces, ...made].find(([, part]) => contains(part, range));
    const cut = (from: Tensor, begin: number, count: number): Tensor => {
      if (count === from.shape[timeline.axis]) return from;
      const y = partOf(tensor, timeline, count, `/${from.name.split("/").at(-1)}/${begin}-${begin + count}`);
      const { length } = y.shape;
      const at = replaced(new Array<number>(length).fill(0), timeline.axis, begin);
      nodes.push(
        makeNode("slice", y.name, [from], y, { begin: at, stride: new Array<number>(length).fill(1) }),
      );
      return y;
    };
    let found: Tensor;
    if (whole) found = cut(whole[0], range.begin - whole[1].begin, size(range));
    else {
      const used = pieces.flatMap(([from, part]) => {
        const begin = Math.max(part.begin, range.begin);
        const count = Math.min(part.end, range.end) - begin;
        return count > 0 ? [cut(from, begin - part.begin, count)] : [];
      });
      found = partOf(tensor, timeline, size(range), `/${range.begin}-${range.end}`);
      nodes.push(
        makeNode("concat", found.name, used, found, { axis: timeline.axis, activation: noActivation }),
      );
    }
    made.push([found, range]);
    return found;
  }

  const wholeOf = (x: Tensor | null): Tensor | null => {
    const strip = x && strips.get(x);
    return strip ? columns(strip, { begin: 0, end: strip.timeline.length }) : x;
  };

  /** A node for some of its output's columns. */
  function instance(node: Node, timeline: Timeline, range: Range, suffix: string): Tensor {
    const rule = trace.rule(node);
    const reads = readBy(rule, range);
    let padBefore = 0;
    let padAfter = 0;
    const inputs = node.inputs.map((x) => {
      const strip = x && strips.get(x);
      if (!strip) return x;
      const inside = within(reads, strip.timeline.length);
      padBefore = inside.begin - reads.begin;
      padAfter = reads.end - inside.end;
      return columns(strip, inside);
    });
    const y = partOf(node.outputs[0], timeline, size(range), suffix);
    // A slice of no more than time has been cut already.
    if (node.op === "slice" && `${inputs[0]!.shape}` === `${y.shape}`) return inputs[0]!;
    nodes.push({
      op: node.op,
      name: y.name,
      inputs,
      outputs: [y],
      attributes: rule.attributes(padBefore, padAfter),
    } as Node);
    return y;
  }

  const inputLine = trace.fate(input) as Timeline;
  const streamed: Tensor = { ...input, shape: replaced(input.shape, inputLine.axis, inputLine.step) };
  addStrip(input, inputLine, () => streamed);
  for (const node of graph.nodes) {
    const [output] = node.outputs;
    const fate = trace.fate(output);
    if (typeof fate === "string") nodes.push({ ...node, inputs: node.inputs.map(wholeOf) } as Node);
    else if (demands.has(output))
      addStrip(output, fate, (range, suffix) => instance(node, fate, range, suffix));
  }
  const outputs = graph.outputs.map((output) => {
    const whole = wholeOf(output)!;
    whole.name = output.name;
    return whole;
  });
  for (const strip of strips.values()) {
    const { kept, parts, timeline } = strip;
    if (!kept) continue;
    const { begin, end } = parts.kept;
    const next = columns(strip, { begin: begin + timeline.step, end: end + timeline.step });
    states.push({ name: kept.name, value: kept, next });
  }
  return {
    ...graph,
    nodes,
    inputs: graph.inputs.map((x) => (x === input ? streamed : x)),
    outputs,
    ...(states.length > 0 && { states }),
  };
}
