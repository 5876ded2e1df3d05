import type { Graph, Node } from "../graph.ts";
import { absorbTransposeIntoMatmul } from "./absorb-transpose-into-matmul.ts";
import { absorbTransposeIntoWeights } from "./absorb-transpose-into-weights.ts";
import { cancelTransposes } from "./cancel-transposes.ts";
import { removeDeadCode } from "./dead-code.ts";
import { divideToMultiply } from "./divide-to-multiply.ts";
import { foldAffineForward } from "./fold-affine-forward.ts";
import { foldBatchNorm } from "./fold-batch-norm.ts";
import { foldConstants } from "./fold-constants.ts";
import { foldDequantize } from "./fold-dequantize.ts";
import { foldPad } from "./fold-pad.ts";
import { foldQdq } from "./fold-qdq.ts";
import { fuseActivation } from "./fuse-activation.ts";
import { fuseBias } from "./fuse-bias.ts";
import { fuseGelu } from "./fuse-gelu.ts";
import { fuseNormalization } from "./fuse-normalization.ts";
import { fuseSoftmaxScale } from "./fuse-softmax-scale.ts";
import { hoistMoves } from "./hoist-moves.ts";
import { restoreNames } from "./layout.ts";
import { mergeReshapes } from "./merge-reshapes.ts";
import type { Pass } from "./rewrite.ts";
import { shareCommon } from "./share-common.ts";
import { sinkReshapes } from "./sink-reshapes.ts";
import { sortNodes } from "./sort.ts";
import { transposeToReshape } from "./transpose-to-reshape.ts";

/**
 * The order of one round: first the layout (transposes and reshapes out of the
 * way: in front of a dequantize, behind everything else), then the fusions, which
 * need neighbours to be neighbours; bias before activation, since a fused activation ends the chain, and
 * backward before forward, since a producer's bias is free.
 */
const passes: Pass[] = [
  sortNodes,
  removeDeadCode,
  foldConstants,
  fuseNormalization,
  fuseGelu,
  fuseSoftmaxScale,
  hoistMoves,
  cancelTransposes,
  removeDeadCode,
  absorbTransposeIntoWeights,
  absorbTransposeIntoMatmul,
  transposeToReshape,
  mergeReshapes,
  sinkReshapes,
  mergeReshapes,
  foldPad,
  divideToMultiply,
  foldBatchNorm,
  fuseBias,
  fuseActivation,
  foldAffineForward,
  foldQdq,
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

/** Passes see what an inference starts with as inputs and what it leaves as outputs: they keep both. */
function openStates(graph: Graph): void {
  for (const { value, next } of graph.states ?? []) {
    graph.inputs.push(value);
    graph.outputs.push(next);
  }
}

function closeStates(graph: Graph): void {
  const { states = [] } = graph;
  const inputs = graph.inputs.splice(graph.inputs.length - states.length);
  const outputs = graph.outputs.splice(graph.outputs.length - states.length);
  if (graph.states) {
    graph.states = states.map((state, i) => ({ ...state, value: inputs[i], next: outputs[i] }));
  }
}

function untilNothingChanges(graph: Graph): void {
  for (let round = 0; round < maxRounds; round++) {
    const changed = passes.map((pass) => pass(graph));
    if (!changed.includes(true)) return;
  }
}

/**
 * The same function with less work: applies all passes in their order until none changes anything; then makes
 * the constants that stayed behind a dequantize float32, and applies them once more; at last nodes that do the same
 * are made one. The given graph stays as it is. Inputs, outputs and states keep their tensors. Integer operators keep
 * their results to the bit; float results may differ by the order and rounding of sums, and operators between
 * dequantize and quantize become integer ones, as the passes state.
 */
export function optimize(graph: Graph): Graph {
  const optimized = copyOf(graph);
  openStates(optimized);
  untilNothingChanges(optimized);
  if (foldDequantize(optimized)) untilNothingChanges(optimized);
  shareCommon(optimized);
  restoreNames(optimized);
  closeStates(optimized);
  return optimized;
}
