/** What a graph answers, in the numbers that training compares. */

import type { Graph, Tensor } from "../../graph/graph.ts";

/** The float outputs; where a softmax makes one, what it reads: differences between scores stay visible there. */
export function answersOf(graph: Graph): Tensor[] {
  return graph.outputs
    .filter(({ dtype, data }) => dtype === "float32" && !data)
    .map((output) => {
      const maker = graph.nodes.find((node) => node.outputs.includes(output));
      return maker?.op === "softmax" ? maker.inputs[0]! : output;
    });
}
