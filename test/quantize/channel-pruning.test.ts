import { describe, expect, it } from "vitest";
import { elementCount, type Graph, noActivation } from "../../src/graph/graph.ts";
import { distillation } from "../../src/quantize/gradient/distillation.ts";
import { createNetwork } from "../../src/quantize/gradient/network.ts";
import { createProducts } from "../../src/quantize/gradient/products.ts";
import { quantize } from "../../src/quantize/index.ts";
import { channelGroups, withoutChannels } from "../../src/quantize/methods/channel-groups.ts";
import { pruneChannels } from "../../src/quantize/methods/prune-channels.ts";
import { refit } from "../../src/quantize/methods/refit.ts";
import { assignSchemes } from "../../src/quantize/recipe.ts";
import { createExecutor } from "../../src/runtime/executor.ts";
import { activation, constant, convolution, graphOf, operator, pooling, randomValues } from "./build.ts";
import { referenceExecutor } from "./reference-executor.ts";

const relu = { min: 0, max: Infinity };
const same = { ...convolution, padding: { top: 1, left: 1, bottom: 1, right: 1 }, activation: relu };

const weights = (name: string, shape: number[], seed: number) =>
  constant(
    name,
    shape,
    randomValues(elementCount(shape), seed, 2 / Math.sqrt(elementCount(shape) / shape[0]!)),
  );

/**
 * Convolution a → depthwise b → pointwise c, a + c = d → pooled; beside it convolution e of d; d and e side by side,
 * flattened → one layer. `silent` channels of a, b and c say nothing.
 */
function network(silent: readonly number[] = []): Graph {
  const x = activation("x", [1, 4, 4, 3]);
  const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => activation(name, [1, 4, 4, 16]));
  const e = activation("e", [1, 4, 4, 24]);
  const both = activation("both", [1, 4, 4, 40]);
  const pooled = activation("pooled", [1, 2, 2, 40]);
  const flat = activation("flat", [1, 160]);
  const y = activation("y", [1, 5]);
  const [wa, ba] = [weights("wa", [16, 3, 3, 3], 1), constant("ba", [16], randomValues(16, 2))];
  const [wb, bb] = [weights("wb", [1, 3, 3, 16], 3), weights("bb", [16], 4)];
  const [wc, bc] = [weights("wc", [16, 1, 1, 16], 5), constant("bc", [16], randomValues(16, 6))];
  for (const channel of silent) {
    (wa.data as Float32Array).fill(0, channel * 27, (channel + 1) * 27);
    (wc.data as Float32Array).fill(0, channel * 16, (channel + 1) * 16);
    for (const bias of [ba, bb, bc]) bias.data![channel] = 0;
  }
  return graphOf(
    [x],
    [
      operator("conv2d", [x, wa, ba], a!, same),
      operator("depthwiseConv2d", [a!, wb, bb], b!, {
        ...{ ...same, multiplier: 1 },
      }),
      operator("conv2d", [b!, wc, bc], c!, { ...convolution, activation: relu }),
      operator("add", [a!, c!], d!, { activation: relu }),
      operator("conv2d", [d!, weights("we", [24, 3, 3, 16], 7), weights("be", [24], 8)], e, same),
      operator("concat", [d!, e], both, { axis: 3, activation: noActivation }),
      operator("averagePool2d", [both], pooled, pooling),
      operator("reshape", [pooled], flat, {}),
      operator("fullyConnected", [flat, weights("wy", [5, 160], 9), weights("by", [5], 10)], y, {
        activation: noActivation,
      }),
    ],
    [y],
  );
}

/** The network without the concatenation, whose backward form training has not. */
function chain(silent: readonly number[] = []): Graph {
  const graph = network(silent);
  const [conv, depthwise, pointwise, add, , , , , last] = graph.nodes;
  const d = add!.outputs[0]!;
  const mean = activation("mean", [1, 16]);
  return graphOf(
    graph.inputs,
    [
      conv!,
      depthwise!,
      pointwise!,
      add!,
      operator("mean", [d], mean, { axes: [1, 2], keepDims: false }),
      operator(
        "fullyConnected",
        [mean, weights("wz", [5, 16], 9), weights("bz", [5], 10)],
        last!.outputs[0]!,
        {
          activation: noActivation,
        },
      ),
    ],
    graph.outputs,
  );
}

const samples = Array.from({ length: 40 }, (_, i) => ({ name: `${i}`, inputs: [randomValues(48, 100 + i)] }));

function answer(graph: Graph, input: Float32Array): number[] {
  const executor = referenceExecutor(graph);
  executor.run([input]);
  return [...(executor.read(graph.outputs[0]!) as Float32Array)];
}

describe("groups of channels", () => {
  it("are tied by additions, depthwise layers, concatenations and flattenings", () => {
    const graph = network();
    const groups = channelGroups(graph);
    const named = new Map(graph.nodes.map(({ outputs }) => [outputs[0]!.name, outputs[0]!]));
    const of = (name: string) => [...groups.of(named.get(name)!)];
    for (const name of ["b", "c", "d"]) expect(of(name)).toEqual(of("a"));
    expect(new Set([...of("a"), ...of("e")]).size).toBe(40);
    expect(of("both")).toEqual([...of("a"), ...of("e")]);
    expect(of("flat")).toEqual([0, 1, 2, 3].flatMap(() => of("both")));
    // Concatenated, they are counted together.
    expect(groups.bundles.map((bundle) => bundle.length)).toEqual([40]);
    expect(of("y").every(groups.isFixed)).toBe(true);
    expect([...groups.of(graph.inputs[0]!)].every(groups.isFixed)).toBe(true);
  });

  it("stay whole before operators that need all of them", () => {
    const [x, a, y] = [activation("x", [1, 4]), activation("a", [1, 16]), activation("y", [1, 16])];
    const graph = graphOf(
      [x],
      [
        operator("fullyConnected", [x, weights("w", [16, 4], 1), null], a, { activation: noActivation }),
        operator("softmax", [a], y, { beta: 1 }),
      ],
      [y],
    );
    expect(channelGroups(graph).bundles).toEqual([]);
    const run = () =>
      pruneChannels(
        graph,
        assignSchemes(graph, {}),
        0.5,
        [{ name: "s", inputs: [randomValues(4, 1)] }],
        referenceExecutor,
      );
    expect(run).toThrow(/no channel can go/);
  });

  it("go without a trace where they say nothing, and weights with them", () => {
    const silent = [1, 4, 5, 11];
    const graph = network(silent);
    const groups = channelGroups(graph);
    const channels = groups.of(graph.nodes[0]!.outputs[0]!);
    const gone = new Set(silent.map((c) => channels[c]!));
    const { graph: small, kept } = withoutChannels(graph, groups, gone);
    expect(small.nodes.map(({ inputs }) => inputs[1]?.shape)).toEqual([
      [12, 3, 3, 3],
      [1, 3, 3, 12],
      [12, 1, 1, 12],
      [1, 4, 4, 12],
      [24, 3, 3, 12],
      [1, 4, 4, 24],
      undefined,
      undefined,
      [5, 144],
    ]);
    expect(kept.get(small.nodes[0]!.outputs[0]!)!.channels).toEqual(
      Int32Array.from({ length: 16 }, (_, c) => c).filter((c) => !silent.includes(c)),
    );
    for (const { inputs } of samples.slice(0, 5)) {
      const [before, after] = [answer(graph, inputs[0]!), answer(small, inputs[0]!)];
      for (const [i, value] of before.entries()) expect(after[i]).toBeCloseTo(value, 5);
    }
    expect(graph.nodes[0]!.inputs[1]!.shape).toEqual([16, 3, 3, 3]);
  });
});

describe("fitting what is left", () => {
  it("makes up for channels that follow from others", () => {
    const [x, a, y] = [activation("x", [1, 6]), activation("a", [1, 8]), activation("y", [1, 3])];
    const w = weights("w", [8, 6], 1);
    const b = constant("b", [8], randomValues(8, 2));
    // Channel 7 is twice channel 2 less channel 3, plus a constant.
    for (let i = 0; i < 6; i++) w.data![42 + i] = 2 * Number(w.data![12 + i]) - Number(w.data![18 + i]);
    const graph = graphOf(
      [x],
      [
        operator("fullyConnected", [x, w, b], a, { activation: noActivation }),
        operator("fullyConnected", [a, weights("v", [3, 8], 3), weights("c", [3], 4)], y, {
          activation: noActivation,
        }),
      ],
      [y],
    );
    const groups = channelGroups(graph);
    const { graph: small, kept } = withoutChannels(graph, groups, new Set([groups.of(a)[7]!]));
    const given = Array.from({ length: 64 }, (_, i) => ({ name: `${i}`, inputs: [randomValues(6, 50 + i)] }));
    const fitted = refit(graph, small, kept, given, referenceExecutor);
    const error = (other: Graph) =>
      given.reduce((sum, { inputs }) => {
        const [wanted, found] = [answer(graph, inputs[0]!), answer(other, inputs[0]!)];
        return sum + wanted.reduce((s, v, i) => s + (v - found[i]!) ** 2, 0);
      }, 0);
    expect(error(fitted)).toBeLessThan(error(small) / 1000);
  });
});

describe("structured pruning", () => {
  it("takes the channels that matter least, in units of 8, and quantizes what is left", () => {
    const silent = [0, 2, 3, 7, 8, 9, 13, 15];
    const graph = chain(silent);
    const made = pruneChannels(graph, assignSchemes(graph, {}), 0.5, samples, createExecutor);
    expect(made.channels).toEqual({ before: 16, after: 8 });
    const left = Int32Array.from({ length: 16 }, (_, c) => c).filter((c) => !silent.includes(c));
    expect(made.kept.get(made.graph.nodes[0]!.outputs[0]!)!.channels).toEqual(left);

    const { graph: whole } = quantize(graph, samples, { makeExecutor: createExecutor });
    const { graph: small, report } = quantize(graph, samples, {
      makeExecutor: createExecutor,
      pruneChannels: 0.5,
    });
    const bytes = (g: Graph) =>
      g.nodes.reduce(
        (sum, { inputs }) => sum + (inputs[1]?.data instanceof Int8Array ? inputs[1].data.length : 0),
        0,
      );
    expect([bytes(whole), bytes(small)]).toEqual([16 * 27 + 16 * 9 + 256 + 80, 8 * 27 + 8 * 9 + 64 + 40]);
    expect(report.outputs[0]!.sqnr).toBeGreaterThan(25);
  });

  it("is compared with the larger model channel by channel", () => {
    const graph = chain([1, 4, 5, 11]);
    const groups = channelGroups(graph);
    const channels = groups.of(graph.nodes[0]!.outputs[0]!);
    const lossWithout = (gone: number[]): number => {
      const { graph: small, kept } = withoutChannels(graph, groups, new Set(gone.map((c) => channels[c]!)));
      const products = createProducts(referenceExecutor);
      const side = (g: Graph) => ({ graph: g, network: createNetwork(g, 2, products) });
      const loss = distillation(side(small), side(graph), kept).run([randomValues(96, 3)]);
      products.dispose();
      return loss;
    };
    expect(lossWithout([1, 4, 5, 11])).toBeLessThan(1e-9);
    expect(lossWithout([1, 4, 5, 12])).toBeGreaterThan(1e-4);
  });

  it("is trained to give the larger model's answers where that is asked for", () => {
    const graph = chain();
    // Far from 0, where ReLU bends and least squares alone don't suffice.
    const wide = Array.from({ length: 200 }, (_, i) => ({
      name: `${i}`,
      inputs: [randomValues(48, 200 + i, 4)],
    }));
    const run = (recover?: number) =>
      quantize(graph, wide, {
        makeExecutor: createExecutor,
        recipe: { default: { scheme: "float32" } },
        pruneChannels: 0.5,
        ...(recover && { recover }),
      }).report.outputs[0]!.sqnr!;
    const [plain, recovered] = [run(), run(200)];
    expect(recovered).toBeGreaterThan(plain + 0.2);
  }, 60_000);

  it("leaves everything in place for a share that no unit fits in", () => {
    const graph = chain();
    const made = pruneChannels(graph, assignSchemes(graph, {}), 0.1, samples, createExecutor);
    expect(made.channels).toEqual({ before: 16, after: 16 });
    expect(answer(made.graph, samples[0]!.inputs[0]!)).toHaveLength(5);
  });
});
