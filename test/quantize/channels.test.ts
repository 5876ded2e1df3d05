import { describe, expect, it } from "vitest";
import { type Graph, type Node, noActivation } from "../../src/graph/graph.ts";
import { quantize } from "../../src/quantize/index.ts";
import { smooth } from "../../src/quantize/methods/smooth.ts";
import { assignSchemes } from "../../src/quantize/recipe.ts";
import { activation, constant, graphOf, operator, randomValues } from "./build.ts";
import { referenceExecutor } from "./reference-executor.ts";

const free = { activation: noActivation };

/** Two layers; the first one's channels reach very differently far, and lie off zero. */
function uneven(): Graph {
  const [x, h, y] = [activation("x", [6, 8]), activation("h", [6, 8]), activation("y", [6, 4])];
  const w = randomValues(64, 1).map((value, i) => value * 4 ** (Math.floor(i / 8) - 4));
  const b = Float32Array.from({ length: 8 }, (_, c) => 3 * 4 ** (c - 4));
  return graphOf(
    [x],
    [
      operator("fullyConnected", [x, constant("w1", [8, 8], w), constant("b1", [8], b)], h, free),
      operator(
        "fullyConnected",
        [h, constant("w2", [4, 8], randomValues(32, 2)), constant("b2", [4], [1, 2, 3, 4])],
        y,
        free,
      ),
    ],
    [y],
  );
}

const samples = [1, 2, 3, 4].map((seed) => ({ name: `${seed}`, inputs: [randomValues(48, seed + 20)] }));

function outputs(graph: Graph) {
  const executor = referenceExecutor(graph);
  return samples.flatMap(({ inputs }) => {
    executor.run(inputs);
    return [...(executor.read(graph.outputs[0]!) as Float32Array)];
  });
}

describe("smoothing", () => {
  it("leaves what the graph computes, and the graph it is given", () => {
    const graph = uneven();
    const before = structuredClone(graph.nodes.map(({ inputs }: Node) => inputs.slice(1)));
    const made = smooth(graph, assignSchemes(graph, {}), samples, referenceExecutor).graph;
    expect(made.nodes[0]!.inputs[2]!.data).not.toEqual(graph.nodes[0]!.inputs[2]!.data);
    const expected = outputs(graph);
    for (const [i, value] of outputs(made).entries()) expect(value).toBeCloseTo(expected[i]!, 3);
    expect(graph.nodes.map(({ inputs }: Node) => inputs.slice(1))).toEqual(before);
  });

  it("raises the SQNR where channels are uneven", () => {
    const sqnr = (options: object) =>
      quantize(uneven(), samples, { makeExecutor: referenceExecutor, ...options }).report.outputs[0]!.sqnr!;
    expect(sqnr({ smooth: true })).toBeGreaterThan(sqnr({}) + 1);
  });

  it("needs samples", () => {
    const recipe = { default: { scheme: "dynamic-int8" as const } };
    expect(() =>
      quantize(uneven(), undefined, { makeExecutor: referenceExecutor, recipe, smooth: true }),
    ).toThrow(/needs calibration samples/);
  });
});
