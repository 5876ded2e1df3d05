/** Pruning little by little, with all layers trained in between to give the float model's answers again. */

import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import { NibbleError } from "../../runtime/errors.ts";
import type { Sample } from "../../samples/sample.ts";
import { checkInputs, type Progress, type Samples } from "../calibrate.ts";
import type { Executor, MakeExecutor } from "../executor.ts";
import { adam } from "../gradient/adam.ts";
import { runsOf } from "../gradient/matrix.ts";
import { createNetwork, type Network, type Trained } from "../gradient/network.ts";
import { uniform } from "../random.ts";
import type { LayerScheme } from "../schemes.ts";

export interface RecoverOptions {
  /** Walks over the samples. */
  epochs: number;
  onProgress?: Progress;
}

/** Samples whose gradients are added up before a step. */
const batch = 16;
/** Adam's largest step; it falls to 0 along half a cosine. */
const rate = 1.5e-3;
/** Blocks go in so many parts, over this share of the steps. */
const cuts = 12;
const cutting = 0.5;
/** Samples that tell which blocks matter least. */
const scored = 192;
/** No layer loses more of its blocks than this. */
const largestShare = 0.95;

/**
 * Prunes the layers whose scheme asks for it, taken together: where a block goes from is decided by what its loss
 * changes in the model's outputs, to first order, so that layers lose as much as they can bear. In between, and in the
 * end, Adam moves what is left towards the float model's outputs, on samples and on mixtures of two; labels play no
 * part.
 *
 * @returns the pruned graph, and schemes that say what each layer has lost
 * @throws NibbleError "unsupported" for operators without a backward form, "bad-input" for samples that don't fit.
 */
export function recover(
  graph: Graph,
  schemes: ReadonlyMap<Node, LayerScheme>,
  samples: Samples,
  makeExecutor: MakeExecutor,
  { epochs, onProgress }: RecoverOptions,
): { graph: Graph; schemes: Map<Node, LayerScheme> } {
  const inputs = readInputs(graph, samples);
  const student = createNetwork(graph);
  const teacher = makeExecutor(graph);
  const outputs = graph.outputs.filter(({ dtype }) => dtype === "float32");
  const pruned = student.layers.flatMap((trained) => {
    const scheme = schemes.get(trained.layer.node)!;
    return scheme.prune > 0 && trained.layer.groups === 1 ? [blocksOf(trained, scheme)] : [];
  });
  if (pruned.length === 0)
    throw new NibbleError(
      "bad-input",
      `graph "${graph.name}": no layer is pruned, so that nothing has to be recovered`,
    );
  const steps = Math.max(1, Math.ceil((epochs * inputs.length) / batch));
  const random = uniform(1);
  const optimizer = adam(student.layers.flatMap(({ weights, bias }) => (bias ? [weights, bias] : [weights])));
  try {
    const powers = outputPowers(teacher, outputs, inputs);
    const every = Math.max(1, Math.floor((steps * cutting) / cuts));
    for (let step = 0; step < steps; step++) {
      const cut = step / every + 1;
      if (Number.isInteger(cut) && cut <= cuts)
        cutBlocks(student, outputs, powers, pruned, 1 - (1 - cut / cuts) ** 3, inputs, random);
      for (let i = 0; i < batch; i++) {
        const sample = mixture(inputs, random);
        teacher.run(sample);
        student.forward(sample);
        for (const [o, output] of outputs.entries()) {
          const wanted = teacher.read(output) as Float32Array;
          const [found, into] = [student.value(output), student.gradient(output)];
          for (let j = 0; j < found.length; j++) into[j] = (found[j] - wanted[j]) / (powers[o] * batch);
        }
        student.backward();
      }
      optimizer.step(rate * 0.5 * (1 + Math.cos((Math.PI * step) / steps)));
      onProgress?.(step + 1, steps);
    }
  } finally {
    teacher.dispose();
  }
  return exported(graph, schemes, student, pruned);
}

/** The blocks of one layer, and which of them are gone. */
interface Blocks {
  trained: Trained;
  share: number;
  block: readonly [number, number];
  across: number;
  gone: Uint8Array;
  mask: Uint8Array;
}

function blocksOf(trained: Trained, { prune, pruneBlock }: LayerScheme): Blocks {
  const { n, k } = trained.weights;
  const across = Math.ceil(k / pruneBlock[1]);
  const count = Math.ceil(n / pruneBlock[0]) * across;
  const mask = new Uint8Array(n * k).fill(1);
  return { trained, share: prune, block: pruneBlock, across, gone: new Uint8Array(count), mask };
}

const blockOf = ({ block, across }: Blocks, row: number, i: number): number =>
  Math.floor(row / block[0]) * across + Math.floor(i / block[1]);

const countOf = (gone: Uint8Array): number => gone.reduce((sum, g) => sum + g, 0);

function forgetGradients({ layers }: Network): void {
  for (const { weights, bias } of layers) {
    weights.gradient.fill(0);
    bias?.gradient.fill(0);
  }
}

/** Takes blocks out until `progress` of what is to go is gone. */
function cutBlocks(
  network: Network,
  outputs: readonly Tensor[],
  powers: readonly number[],
  pruned: readonly Blocks[],
  progress: number,
  inputs: readonly Float32Array[][],
  random: () => number,
): void {
  const scores = pruned.map(({ gone }) => new Float64Array(gone.length));
  forgetGradients(network);
  for (let s = 0; s < scored; s++) {
    network.forward(inputs[Math.floor(random() * inputs.length)]);
    // The mean square over random signs is the change of all outputs together.
    for (const [o, output] of outputs.entries()) {
      const into = network.gradient(output);
      for (let j = 0; j < into.length; j++) into[j] = (random() < 0.5 ? -1 : 1) / Math.sqrt(powers[o]);
    }
    network.backward();
    for (const [b, blocks] of pruned.entries()) {
      const { n, k, value, gradient } = blocks.trained.weights;
      const change = new Float64Array(blocks.gone.length);
      for (let row = 0; row < n; row++)
        for (let i = 0; i < k; i++)
          change[blockOf(blocks, row, i)] += value[row * k + i] * gradient[row * k + i];
      for (let at = 0; at < change.length; at++) scores[b][at] += change[at] ** 2;
      gradient.fill(0);
    }
  }
  forgetGradients(network);
  const wanted = pruned.reduce((sum, { gone, share }) => sum + share * gone.length, 0) * progress;
  let lost = pruned.reduce((sum, { gone }) => sum + countOf(gone), 0);
  const left = pruned.map(({ gone }) => Math.floor(gone.length * largestShare) - countOf(gone));
  const places = pruned.flatMap(({ gone }, layer) => Array.from(gone, (_, at) => ({ layer, at })));
  // Of equal scores the first goes first.
  places.sort((a, b) => scores[a.layer][a.at] - scores[b.layer][b.at]);
  for (const { layer, at } of places) {
    if (lost + 1 > wanted) break;
    if (pruned[layer].gone[at] === 1 || left[layer] <= 0) continue;
    pruned[layer].gone[at] = 1;
    left[layer]--;
    lost++;
  }
  for (const blocks of pruned) {
    const { trained, gone, mask } = blocks;
    const { n, k, value } = trained.weights;
    for (let row = 0; row < n; row++)
      for (let i = 0; i < k; i++) {
        if (gone[blockOf(blocks, row, i)] === 0) continue;
        mask[row * k + i] = 0;
        value[row * k + i] = 0;
      }
    trained.weights.runs = runsOf(n, k, mask);
  }
}

function exported(
  graph: Graph,
  schemes: ReadonlyMap<Node, LayerScheme>,
  { layers }: Network,
  pruned: readonly Blocks[],
): { graph: Graph; schemes: Map<Node, LayerScheme> } {
  const made = new Map(layers.map((trained) => [trained.layer.node as Node, trained]));
  const lost = new Map(pruned.map((blocks) => [blocks.trained.layer.node as Node, blocks]));
  const changed = new Map<Node, LayerScheme>();
  const nodes = graph.nodes.map((node) => {
    const trained = made.get(node);
    const scheme = schemes.get(node)!;
    if (!trained) {
      changed.set(node, scheme);
      return node;
    }
    const { n, k, at, weights } = trained.layer;
    const blocks = lost.get(node);
    const data = new Float32Array(n * k);
    for (let row = 0; row < n; row++)
      for (let i = 0; i < k; i++)
        data[at(row, i)] = trained.weights.value[row * k + i] * (blocks?.mask[row * k + i] ?? 1);
    const bias = node.inputs[2];
    const inputs = [
      node.inputs[0],
      { ...weights, data },
      bias ? { ...bias, data: Float32Array.from(trained.bias!.value) } : null,
    ];
    const replaced = { ...node, inputs } as Node;
    changed.set(replaced, blocks ? { ...scheme, prune: countOf(blocks.gone) / blocks.gone.length } : scheme);
    return replaced;
  });
  return { graph: { ...graph, nodes }, schemes: changed };
}

/** Mean square of each output around its mean, which its errors are measured in. */
function outputPowers(
  teacher: Executor,
  outputs: readonly Tensor[],
  inputs: readonly Float32Array[][],
): number[] {
  const stride = Math.max(1, Math.floor(inputs.length / scored));
  const sums = outputs.map(() => [0, 0, 0]);
  for (let s = 0; s < inputs.length; s += stride) {
    teacher.run(inputs[s]);
    for (const [o, output] of outputs.entries())
      for (const v of teacher.read(output) as Float32Array) {
        sums[o][0]++;
        sums[o][1] += v;
        sums[o][2] += v * v;
      }
  }
  return sums.map(([count, sum, square]) => Math.max(square / count - (sum / count) ** 2, Number.MIN_VALUE));
}

/** A sample, or two mixed. */
function mixture(inputs: readonly Float32Array[][], random: () => number): Float32Array[] {
  const first = inputs[Math.floor(random() * inputs.length)];
  if (random() < 0.5) return first;
  const second = inputs[Math.floor(random() * inputs.length)];
  const share = random();
  return first.map((values, i) => values.map((v, j) => share * v + (1 - share) * second[i][j]));
}

function readInputs(graph: Graph, samples: Samples): Float32Array[][] {
  const read = Array.from(samples, (sample: Sample) => {
    checkInputs(graph, sample);
    return sample.inputs.map((data) => Float32Array.from(data as Float32Array));
  });
  if (read.length > 0) return read;
  throw new NibbleError("bad-input", `graph "${graph.name}": no samples; recovery needs some hundreds`);
}
