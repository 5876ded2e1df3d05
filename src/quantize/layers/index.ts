/** From schemes to weights: which layers are rounded anew, with what, and what stays float. */

import type { Graph, Node } from "../../graph/graph.ts";
import { NibbleError } from "../../runtime/errors.ts";
import type { Progress, Samples } from "../calibrate.ts";
import type { MakeExecutor } from "../executor.ts";
import { hasIntegerForm } from "../lstm.ts";
import { isDynamic, isPlain, isSecondOrder, isStatic, type LayerScheme } from "../schemes.ts";
import { type LayerMatrix, matrixOf } from "./matrix.ts";
import { type Moments, roundInOrder } from "./moments.ts";
import { replaceLayers, type StaticWeights, staticWeights } from "./rewrite.ts";
import { type RoundedLayer, roundLayer, type WeightReport } from "./round.ts";

export interface RoundedGraph {
  graph: Graph;
  /** Why operators stay float; "" for those that no scheme speaks of. */
  float: Map<Node, string>;
  /** Of layers whose int8 weights are chosen already. */
  weights: Map<Node, StaticWeights>;
  report: WeightReport[];
}

/** Whether any layer's scheme needs calibrated ranges. */
export const needsRanges = (schemes: ReadonlyMap<Node, LayerScheme>): boolean =>
  [...schemes.values()].some(({ scheme }) => isStatic(scheme));

/**
 * Prunes and rounds the weights of every layer whose scheme asks for more than int8 by nearest value.
 *
 * @throws NibbleError naming the layer that can't have its scheme.
 */
export function roundWeights(
  graph: Graph,
  schemes: ReadonlyMap<Node, LayerScheme>,
  samples: Samples | undefined,
  makeExecutor: MakeExecutor,
  onProgress?: (phase: "measure" | "round", ...progress: Parameters<Progress>) => void,
): RoundedGraph {
  const layers = graph.nodes.flatMap((node) => {
    const matrix = matrixOf(node);
    if (!matrix) return [];
    const scheme = applicable(matrix, schemes.get(node)!);
    return isPlain(scheme) ? [] : [{ matrix, scheme }];
  });
  const rounded = new Map<Node, RoundedLayer>();
  let rows = 0;
  const total = layers.reduce((sum, { matrix }) => sum + matrix.n, 0);
  const round = (matrix: LayerMatrix, moments?: Moments[]): RoundedLayer => {
    const { scheme } = layers.find((layer) => layer.matrix === matrix)!;
    const first = rows;
    const tick = () => onProgress?.("round", Math.min(++rows, total), total);
    const made = roundLayer(matrix, scheme, moments, tick);
    rounded.set(matrix.node, made);
    rows = first + matrix.n;
    onProgress?.("round", rows, total);
    return made;
  };
  const bySamples = layers.filter(({ scheme }) => isSecondOrder(scheme.method));
  if (bySamples.length > 0 && !samples) {
    const [{ matrix, scheme }] = bySamples;
    throw new NibbleError(
      "bad-input",
      `${matrix.node.op} "${matrix.node.name}": the method ${scheme.method} needs samples; give some, or the method mse`,
    );
  }
  for (const { matrix, scheme } of layers) if (!isSecondOrder(scheme.method)) round(matrix);
  const inOrder = bySamples.map(({ matrix }) => matrix);
  if (inOrder.length > 0)
    roundInOrder(graph, inOrder, [...rounded.values()], samples!, makeExecutor, round, (done, count) =>
      onProgress?.("measure", done, count),
    );

  const isHalved = (node: Node): boolean => {
    const { scheme } = schemes.get(node)!;
    return scheme !== "float32" && !(isStatic(scheme) && hasIntegerForm(graph, node));
  };
  const replacedGraph = replaceLayers(graph, rounded, isHalved);
  const float = new Map<Node, string>();
  for (const [i, node] of graph.nodes.entries()) {
    const wanted = schemes.get(node)!;
    if (isStatic(wanted.scheme)) continue;
    const matrix = matrixOf(node);
    const kept = matrix ? applicable(matrix, wanted).scheme : "float32";
    const why = wanted.reason || (kept === wanted.scheme ? undefined : "no matrix multiply");
    const reason = why === undefined ? kept : `${kept}: ${why}`;
    float.set(replacedGraph.nodes[i], matrix && !isDynamic(kept) ? reason : "");
  }
  const weights = new Map<Node, StaticWeights>();
  for (const [i, node] of graph.nodes.entries()) {
    const made = rounded.get(node);
    if (made && isStatic(made.scheme.scheme)) weights.set(replacedGraph.nodes[i], staticWeights(made));
  }
  const order = layers.map(({ matrix }) => rounded.get(matrix.node)!.report);
  return { graph: replacedGraph, float, weights, report: order };
}

const largestBlock = 32768;

/** What a layer gets of the scheme that is wanted for it: schemes by block run on matrix multiplies; other layers have float16 weights instead. Only whole matrices are pruned. */
export function applicable(matrix: LayerMatrix, wanted: LayerScheme): LayerScheme {
  const prune = matrix.groups === 1 ? wanted.prune : 0;
  const isTooLong = wanted.scheme === "dynamic-int8" && matrix.k > largestBlock;
  const isFloat = isDynamic(wanted.scheme) && (!matrix.isMatmul || isTooLong);
  const scheme = isFloat ? "float16" : wanted.scheme;
  // Floats have nothing to make up for, unless some of them go.
  const method = scheme.startsWith("float") && prune === 0 ? "rtn" : wanted.method;
  return { ...wanted, scheme, method, prune };
}
