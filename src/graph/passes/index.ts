import type { Graph, Node } from "../graph.ts";
import { absorbTransposeIntoWeights } from "./absorb-transpose-into-weights.ts";
import { cancelTransposes } from "./cancel-transposes.ts";
import { removeDeadCode } from "./dead-code.ts";
import { foldBatchNorm } from "./fold-batch-norm.ts";
import { foldConstants } from "./fold-constants.ts";
import { foldPad } from "./fold-pad.ts";
import { fuseActivation } from "./fuse-activation.ts";
import { fuseBias } from "./fuse-bias.ts";
import { restoreNames } from "./layout.ts";
import { mergeReshapes } from "./merge-reshapes.ts";
import type { Pass } from "./rewrite.ts";
import { sinkReshapes } from "./sink-reshapes.ts";
import { sortNodes } from "./sort.ts";
import { transposeToReshape } from "./transpose-to-reshape.ts";

/**
 * The order of one round: first the layout (transposes and reshapes out of the way), then the fusions, which
 * need neighbours to be neighbours; bias before activation, since a fused activation ends the chain.
 */
const passes: Pass[] = [
  sortNodes,
  removeDeadCode,
  foldConstants,
  cancelTransposes,
  removeDeadCode,
  absorbTransposeIntoWeights,
  transposeToReshape,
  mergeReshapes,
  sinkReshapes,
  mergeReshapes,
  foldPad,
  foldBatchNorm,
  fuseBias,
  fuseActivation,
  removeDeadCode,
];

/** Every round removes or moves something, so real graphs need a handful; this only ends a faulty pass. */
const maxRounds = 100;

const copyOf = (graph: Graph): Graph => ({
  ...graph,
  nodes: graph.nodes.map(
    (node) =>
      ({
        ...node,
        inputs: [...node.inputs],
        outputs: [...node.outputs],
        attributes: { ...node.attributes },
      }) as Node,
  ),
  inputs: [...graph.inputs],
  outputs: [...graph.outputs],
});

/**
 * The same function with less work: applies all passes in their order until none changes anything. The given
 * graph stays as it is. Inputs and outputs keep their tensors; quantized results stay the same to the bit,
 * float results up to the order and rounding of sums that the passes state.
 */
export function optimize(graph: Graph): Graph {
  const optimized = copyOf(graph);
  for (let round = 0; round < maxRounds; round++) {
    const changed = passes.map((pass) => pass(optimized));
    if (!changed.includes(true)) break;
  }
  restoreNames(optimized);
  return optimized;
}
