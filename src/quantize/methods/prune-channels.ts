/** Structured pruning: whole channels go, and with them the weights that make and read them. */

import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import { NibbleError } from "../../runtime/errors.ts";
import { checkInputs, type Progress, type Samples } from "../calibrate.ts";
import type { MakeExecutor } from "../executor.ts";
import { answersOf } from "../gradient/answers.ts";
import { createNetwork } from "../gradient/network.ts";
import { createProducts } from "../gradient/products.ts";
import { uniform } from "../random.ts";
import type { LayerScheme } from "../schemes.ts";
import { type ChannelGroups, channelGroups, withoutChannels } from "./channel-groups.ts";
import { type Kept, refit } from "./refit.ts";

export interface PrunedChannels {
  graph: Graph;
  schemes: Map<Node, LayerScheme>;
  /** Which channels of the larger graph's tensors the smaller one's have. */
  kept: Kept;
  /** Channels, of those that could go, before and after. */
  channels: { before: number; after: number };
}

/** Samples that tell which channels matter. */
const sampleLimit = 192;
/** Kernels work on so many channels at a time: what is left of a tensor is a multiple of them, where it was one. */
const unit = 8;

/**
 * Removes about that share of the channels, over all tensors together those whose loss changes the outputs least, to
 * first order. Channels that operators tie to each other go together: those of both sides of an addition, of a depthwise
 * convolution's input and output, all positions of a flattened tensor. Layers behind make up for it by least squares.
 * `graph` is not changed.
 *
 * @throws NibbleError "unsupported" where an operator has no backward form or no channel can go, "bad-input" for samples
 *   that don't fit.
 */
export function pruneChannels(
  graph: Graph,
  schemes: ReadonlyMap<Node, LayerScheme>,
  share: number,
  samples: Samples,
  makeExecutor: MakeExecutor,
  onProgress?: Progress,
): PrunedChannels {
  const groups = channelGroups(graph);
  const before = groups.bundles.reduce((sum, { length }) => sum + length, 0);
  if (before === 0)
    throw new NibbleError(
      "unsupported",
      `graph "${graph.name}": no channel can go, for its layers lead to outputs and to operators that need all; leave --prune-channels out`,
    );
  const importance = importances(graph, groups, samples, makeExecutor, onProgress);
  const gone = leastImportant(groups.bundles, importance, share * before);
  const smaller = withoutChannels(graph, groups, gone);
  const fitted = refit(graph, smaller.graph, smaller.kept, samples, makeExecutor, onProgress);
  return {
    graph: fitted,
    schemes: new Map(fitted.nodes.map((node, i) => [node, schemes.get(graph.nodes[i])!])),
    kept: smaller.kept,
    channels: { before, after: before - gone.size },
  };
}

/** By group: the mean square, over samples and random signs of the answers, of what its loss changes in their sum. */
function importances(
  graph: Graph,
  groups: ChannelGroups,
  samples: Samples,
  makeExecutor: MakeExecutor,
  onProgress?: Progress,
): Map<number, number> {
  const products = createProducts(makeExecutor);
  const found = new Map<number, number>();
  const random = uniform(1);
  const total = Math.min(sampleLimit, samples.length ?? sampleLimit);
  let done = 0;
  try {
    const network = createNetwork(graph, 1, products);
    const answers = answersOf(graph);
    /** Where channels begin: depthwise layers only pass them on. */
    const made = network.layers.flatMap(({ layer }): Tensor[] =>
      layer.groups === 1 ? layer.node.outputs : [],
    );
    for (const sample of samples) {
      if (done >= sampleLimit) break;
      checkInputs(graph, sample);
      network.forward(sample.inputs as Float32Array[]);
      for (const answer of answers) {
        const [value, into] = [network.value(answer), network.gradient(answer)];
        const power = value.reduce((sum, v) => sum + v * v, 0) / value.length;
        for (let i = 0; i < into.length; i++) into[i] = (random() < 0.5 ? -1 : 1) / Math.sqrt(power || 1);
      }
      network.backward();
      const changes = new Map<number, number>();
      for (const tensor of made) {
        const [value, gradient, list] = [network.value(tensor), network.gradient(tensor), groups.of(tensor)];
        for (let i = 0; i < value.length; i++) {
          const group = list[i % list.length];
          changes.set(group, (changes.get(group) ?? 0) + value[i] * gradient[i]);
        }
      }
      for (const [group, change] of changes) found.set(group, (found.get(group) ?? 0) + change ** 2);
      done++;
      onProgress?.(done, total);
    }
  } finally {
    products.dispose();
  }
  if (done > 0) return found;
  throw new NibbleError(
    "bad-input",
    `graph "${graph.name}": no samples; pruning channels needs some to tell which matter`,
  );
}

/** About `count` groups: unit by unit those of least importance, of each bundle at least one unit left. */
function leastImportant(
  bundles: readonly number[][],
  importance: ReadonlyMap<number, number>,
  count: number,
): Set<number> {
  const rest = bundles.map((bundle) =>
    [...bundle].sort((a, b) => (importance.get(a) ?? 0) - (importance.get(b) ?? 0) || a - b),
  );
  const gone = new Set<number>();
  /** What goes next of a bundle: as many as leave a multiple of the unit. */
  const next = (bundle: readonly number[]): number[] => bundle.slice(0, bundle.length % unit || unit);
  const cost = (groups: readonly number[]): number =>
    groups.reduce((sum, group) => sum + (importance.get(group) ?? 0), 0) / groups.length;
  for (;;) {
    const open = rest.filter((bundle) => bundle.length > unit);
    const [least] = open.sort((a, b) => cost(next(a)) - cost(next(b)) || a[0] - b[0]);
    if (!least) return gone;
    const groups = next(least);
    if (gone.size + groups.length / 2 > count) return gone;
    for (const group of groups) gone.add(group);
    least.splice(0, groups.length);
  }
}
