import type { Graph, Node } from "../graph/graph.ts";
import { NibbleError } from "../runtime/errors.ts";
import { buildStep } from "./build.ts";
import { demandsOf } from "./demand.ts";
import { traceTime } from "./trace.ts";

export interface StreamOptions {
  /** Columns of the input that every step brings. */
  hop: number;
  /** The input's dimension that is time; 1 when absent. */
  axis?: number;
  /** The input, by name; the only one when absent. */
  input?: string;
}

export interface Stream {
  /** Takes `hop` columns, and answers what the source graph does for the newest window. */
  graph: Graph;
  /** Columns of a window. */
  window: number;
  hop: number;
  /** Steps at the beginning that see less than a window: their outputs mean nothing. */
  warmUp: number;
  /** Operators that run on whole windows in every step, and why; what reads them does so too. */
  whole: { node: string; reason: string }[];
}

/** Operators whose work is worth keeping. */
const computing = /conv2d$|spectrum|fullyConnected$|matmul$|pool2d$|^recurrent$/i;

/**
 * From a graph that judges windows to one that goes along a stream: each step takes the newest columns of the input and
 * gives the bits that the graph would give on the whole window that ends with them. Columns that the padding at the window's
 * ends does not reach are computed once and kept; the others, and what mixes all columns, are computed in every step.
 *
 * @throws NibbleError "unsupported" where nothing could be kept, naming the operator and the reason.
 */
export function streamWindows(graph: Graph, { hop, axis = 1, input: name }: StreamOptions): Stream {
  const input = name === undefined ? graph.inputs[0] : graph.inputs.find((t) => t.name === name);
  if (!input || (name === undefined && graph.inputs.length !== 1))
    throw new NibbleError(
      "bad-input",
      `streaming: expected ${name === undefined ? "one input" : `an input "${name}"`}, found ` +
        graph.inputs.map((t) => `"${t.name}"`).join(", "),
    );
  const window = input.shape[axis];
  const place = `input "${input.name}" [${input.shape.join(", ")}]`;
  if (window === undefined || !Number.isInteger(hop) || hop < 1 || hop >= window)
    throw new NibbleError(
      "bad-input",
      `streaming: ${place}: expected a step of 1 … ${(window ?? 1) - 1} along dimension ${axis}, got ${hop}`,
    );
  if (graph.states?.length)
    throw new NibbleError(
      "unsupported",
      `streaming: the model keeps "${graph.states[0].name}" from one inference to the next already; it is run step by step as it is`,
    );
  const trace = traceTime(graph, input, axis, hop);
  const isComputing = ({ op }: Node): boolean => computing.test(op);
  const causes = [...trace.whole].map(([node, reason]) => ({ node: node.name, reason }));
  if (!graph.nodes.some((node) => isComputing(node) && typeof trace.fate(node.outputs[0]) === "object"))
    throw new NibbleError(
      "unsupported",
      `streaming: nothing of a window can be kept with steps of ${hop}: ` +
        `${causes.length > 0 ? `operator "${causes[0].node}": ${causes[0].reason}` : "it has no layers"}; ` +
        "take a step that the strides divide, or train without padding along time",
    );
  return {
    graph: buildStep(graph, input, trace, demandsOf(graph, trace)),
    window,
    hop,
    warmUp: Math.ceil(window / hop) - 1,
    whole: causes,
  };
}
