/** Training a smaller model to give the larger one's answers again; what is to be pruned goes little by little. */

import { elementCount, type Graph, type Node, type Tensor } from "../../graph/graph.ts";
import { NibbleError } from "../../runtime/errors.ts";
import type { Sample } from "../../samples/sample.ts";
import { checkInputs, type Progress, type Samples } from "../calibrate.ts";
import type { MakeExecutor } from "../executor.ts";
import { adam } from "../gradient/adam.ts";
import { averages } from "../gradient/averages.ts";
import { distillation } from "../gradient/distillation.ts";
import { createNetwork, type Network } from "../gradient/network.ts";
import { createProducts } from "../gradient/products.ts";
import { uniform } from "../random.ts";
import type { LayerScheme } from "../schemes.ts";
import { addChanges, apply, type BlockMask, blockMask, countGone, cut } from "./block-masks.ts";
import type { Kept } from "./refit.ts";

export interface RecoverOptions {
  /** Walks over the samples. */
  epochs: number;
  /** The larger model, where `graph` has lost channels, and which ones it kept. */
  teacher?: { graph: Graph; kept: Kept };
  onProgress?: Progress;
}

/** Samples whose gradients are added up before a step. */
const batch = 64;
/** Adam's largest step; it rises to that over this share of the steps, and falls to 0 along half a cosine. */
const [rate, warmUp] = [2e-3, 0.05];
/** Blocks go in so many parts, over this share of the steps. */
const [cuts, cutting] = [40, 0.6];
/** The averaged weights, which are the result, reach back over this share of the steps, and over so many at most. */
const [reach, farthest] = [0.04, 500];

/**
 * Prunes the layers whose scheme asks for it, taken together: where a block goes from is decided by what its loss
 * changes, to first order, in how far the model is from the larger one, so that layers lose as much as they can bear. In between, and in the
 * end, Adam moves what is left towards what the float model gives, in its outputs and behind its layers, on samples
 * and on mixtures of two; labels play no part.
 *
 * @returns the trained graph, and schemes that say what each layer has lost
 * @throws NibbleError "unsupported" for operators without a backward form, "bad-input" for samples that don't fit.
 */
export function recover(
  graph: Graph,
  schemes: ReadonlyMap<Node, LayerScheme>,
  samples: Samples,
  makeExecutor: MakeExecutor,
  { epochs, teacher, onProgress }: RecoverOptions,
): { graph: Graph; schemes: Map<Node, LayerScheme> } {
  const products = createProducts(makeExecutor);
  try {
    const student = createNetwork(graph, batch, products);
    const larger = teacher?.graph ?? graph;
    const loss = distillation(
      { graph, network: student },
      { graph: larger, network: createNetwork(larger, batch, products) },
      teacher?.kept,
    );
    const masks = student.layers.flatMap((trained) => {
      const scheme = schemes.get(trained.layer.node)!;
      return scheme.prune > 0 && trained.layer.groups === 1 ? [blockMask(trained, scheme)] : [];
    });
    if (masks.length === 0 && !teacher)
      throw new NibbleError(
        "bad-input",
        `graph "${graph.name}": nothing is pruned, so that nothing has to be recovered; give a share to prune, or leave --recover out`,
      );
    const inputs = readInputs(larger, samples);
    const steps = Math.max(1, Math.ceil((epochs * inputs.length) / batch));
    const random = uniform(1);
    const parameters = student.layers.flatMap(({ weights, bias }) => (bias ? [weights, bias] : [weights]));
    const optimizer = adam(parameters, 0.99);
    const means = averages(parameters, 1 - 1 / Math.min(farthest, Math.max(1, reach * steps)));
    const every = Math.max(1, Math.floor((steps * cutting) / cuts));
    for (let step = 0; step < steps; step++) {
      const done = step / every;
      if (Number.isInteger(done) && done >= 1 && done <= cuts) cut(masks, 1 - (1 - done / cuts) ** 3);
      loss.run(mixtures(larger, inputs, random));
      for (const mask of masks) addChanges(mask);
      const along = 0.5 * (1 + Math.cos((Math.PI * step) / steps));
      optimizer.step(rate * along * Math.min(1, (step + 1) / (warmUp * steps)));
      for (const mask of masks) apply(mask);
      means.add();
      onProgress?.(step + 1, steps);
    }
    means.use();
    for (const mask of masks) apply(mask);
    return exported(graph, schemes, student, masks);
  } finally {
    products.dispose();
  }
}

function exported(
  graph: Graph,
  schemes: ReadonlyMap<Node, LayerScheme>,
  { layers }: Network,
  masks: readonly BlockMask[],
): { graph: Graph; schemes: Map<Node, LayerScheme> } {
  const made = new Map(layers.map((trained) => [trained.layer.node as Node, trained]));
  const lost = new Map(masks.map((mask) => [mask.trained.layer.node as Node, mask]));
  const changed = new Map<Node, LayerScheme>();
  const nodes = graph.nodes.map((node) => {
    const trained = made.get(node);
    const scheme = schemes.get(node)!;
    if (!trained) {
      changed.set(node, scheme);
      return node;
    }
    const { n, k, at, weights } = trained.layer;
    const data = new Float32Array(n * k);
    for (let row = 0; row < n; row++)
      for (let i = 0; i < k; i++) data[at(row, i)] = trained.weights.value[row * k + i];
    const bias = node.inputs[2];
    const inputs = [
      node.inputs[0],
      { ...weights, data },
      bias ? { ...bias, data: trained.bias!.value.slice() } : null,
    ];
    const replaced = { ...node, inputs } as Node;
    const mask = lost.get(node);
    changed.set(replaced, mask ? { ...scheme, prune: countGone(mask) / mask.gone.length } : scheme);
    return replaced;
  });
  return { graph: { ...graph, nodes }, schemes: changed };
}

/** A batch of samples, half of them mixed of two, laid out by input. */
function mixtures(
  { inputs: tensors }: Graph,
  inputs: readonly Float32Array[][],
  random: () => number,
): Float32Array[] {
  const made = tensors.map(({ shape }: Tensor) => new Float32Array(batch * elementCount(shape)));
  for (let s = 0; s < batch; s++) {
    const first = inputs[Math.floor(random() * inputs.length)];
    const second = inputs[Math.floor(random() * inputs.length)];
    const share = random() < 0.5 ? 1 : random();
    for (const [i, values] of first.entries()) {
      const from = s * values.length;
      for (let j = 0; j < values.length; j++)
        made[i][from + j] = share === 1 ? values[j] : share * values[j] + (1 - share) * second[i][j];
    }
  }
  return made;
}

function readInputs(graph: Graph, samples: Samples): Float32Array[][] {
  const read = Array.from(samples, (sample: Sample) => {
    checkInputs(graph, sample);
    return sample.inputs.map((data) => Float32Array.from(data as Float32Array));
  });
  if (read.length > 0) return read;
  throw new NibbleError("bad-input", `graph "${graph.name}": no samples; recovery needs some hundreds`);
}
