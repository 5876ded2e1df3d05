import { describe, expect, it } from "vitest";
import { type Graph, type Node, noActivation } from "../../src/graph/graph.ts";
import { quantize } from "../../src/quantize/index.ts";
import { floatByNature } from "../../src/quantize/integer.ts";
import { floatNodes } from "../../src/quantize/plan.ts";
import { assignSchemes } from "../../src/quantize/recipe.ts";
import { activation, constant, convolution, graphOf, operator, randomValues } from "./build.ts";
import { referenceExecutor } from "./reference-executor.ts";

const free = { activation: noActivation };
const weights = (name: string, n: number, k: number, seed = n) =>
  constant(name, [n, k], randomValues(n * k, seed));
const named = (nodes: ReadonlyMap<Node, unknown>) => [...nodes.keys()].map(({ outputs }) => outputs[0].name);
const schemesOf = (graph: Graph) =>
  Object.fromEntries(
    [...assignSchemes(graph, {})].map(([node, { scheme }]) => [node.outputs[0].name, scheme]),
  );

/** x → two transforms, squared, summed, root → bands → log → layer */
function spectrum() {
  const x = activation("x", [1, 16]);
  const [re, im] = ["re", "im"].map((name) => activation(name, [1, 8]));
  const [re2, im2, power, size] = ["re2", "im2", "power", "size"].map((name) => activation(name, [1, 8]));
  const [bands, log, y] = ["bands", "log", "y"].map((name) => activation(name, [1, 4]));
  const positive = constant("wb", [4, 8], randomValues(32, 3).map(Math.abs));
  const nodes = [
    operator("fullyConnected", [x, weights("wr", 8, 16, 1), null], re, free),
    operator("fullyConnected", [x, weights("wi", 8, 16, 2), null], im, free),
    operator("mul", [re, re], re2, free),
    operator("unary", [im], im2, { kind: "square" }),
    operator("add", [re2, im2], power, free),
    operator("unary", [power], size, { kind: "sqrt" }),
    operator("fullyConnected", [size, positive, null], bands, free),
    operator("unary", [bands], log, { kind: "log" }),
    operator("fullyConnected", [log, weights("wy", 4, 4, 4), null], y, free),
  ];
  return graphOf([x], nodes, [y]);
}

describe("operators that stay float by themselves", () => {
  it("are all of a spectrum's making, up to the logarithm", () => {
    const reasons = floatByNature(spectrum());
    expect(named(reasons).sort()).toEqual(["bands", "im", "im2", "log", "power", "re", "re2", "size"]);
  });

  it("have weights of float16, and leave the layer behind them among floats a dynamic one", () => {
    expect(schemesOf(spectrum())).toMatchObject({
      re: "float16",
      im: "float16",
      bands: "float16",
      y: "dynamic-int8",
    });
    expect(assignSchemes(spectrum(), { default: { scheme: "int8" } }).size).toBe(9);
    const asked = assignSchemes(spectrum(), { default: { scheme: "int8" } });
    expect([...asked.values()].at(-1)!.scheme).toBe("int8");
  });

  it("follow a pattern where one names them", () => {
    const graph = spectrum();
    const made = assignSchemes(graph, { layers: [{ match: "bands node", scheme: "int8" }] });
    expect(made.get(graph.nodes[6]!)!.scheme).toBe("int8");
  });

  it("end at what cuts off values: a layer with ReLU before a logarithm is float, its inputs are not", () => {
    const [x, h, g, y] = ["x", "h", "g", "y"].map((name) => activation(name, [1, 4]));
    const relu = { activation: { min: 0, max: Infinity } };
    const graph = graphOf(
      [x!],
      [
        operator("fullyConnected", [x!, weights("a", 4, 4, 5), null], h!, free),
        operator("fullyConnected", [h!, weights("b", 4, 4, 6), null], g!, relu),
        operator("unary", [g!], y!, { kind: "log" }),
      ],
      [y!],
    );
    expect(named(floatByNature(graph))).toEqual(["y", "g"]);
  });

  it("draw operators without weights along, and no layers", () => {
    const [x, h, s, p, y] = ["x", "h", "s", "p", "y"].map((name) => activation(name, [1, 4]));
    const graph = graphOf(
      [x!],
      [
        operator("fullyConnected", [x!, weights("a", 4, 4, 5), null], h!, free),
        operator("add", [h!, h!], s!, free),
        operator("binary", [s!, s!], p!, { kind: "maximum", ...free }),
        operator("fullyConnected", [p!, weights("b", 4, 4, 6), null], y!, free),
      ],
      [y!],
    );
    const float = floatNodes(graph, []);
    expect(named(float)).toEqual(["p", "s"]);
    expect([...float.values()]).toEqual(["maximum has no int8 kernel", 'next to "p node", which is float']);
  });

  it("are reported with their reasons", () => {
    const samples = [1, 2, 3].map((seed) => ({ name: `${seed}`, inputs: [randomValues(16, seed)] }));
    const { report } = quantize(spectrum(), samples, { makeExecutor: referenceExecutor });
    const reasons = Object.fromEntries(report.float.map(({ node, reason }) => [node, reason]));
    expect(reasons["re node"]).toBe("float16: it leads to a sqrt, where small values count");
    expect(reasons["log node"]).toBe("log needs finer steps than those of int8");
    expect(report.outputs[0]!.sqnr).toBeGreaterThan(30);
  });
});

describe("convolutions among floats", () => {
  it("are unfolded into dynamic multiplies that give what they gave", () => {
    const x = activation("x", [1, 7, 6, 3]);
    const exp = activation("exp", [1, 7, 6, 3]);
    const y = activation("y", [1, 4, 3, 5]);
    const root = activation("root", [1, 4, 3, 5]);
    const window = {
      ...convolution,
      stride: [2, 2] as [number, number],
      padding: { top: 1, left: 1, bottom: 1, right: 1 },
    };
    const kernel = constant("w", [5, 3, 3, 3], randomValues(135, 9));
    const bias = constant("b", [5], randomValues(5, 10));
    const graph = graphOf(
      [x],
      [
        operator("binary", [x, x], exp, { kind: "maximum", ...free }),
        operator("conv2d", [exp, kernel, bias], y, window),
        operator("unary", [y], root, { kind: "exp" }),
      ],
      [root],
    );
    expect(schemesOf(graph).y).toBe("dynamic-int8");
    const samples = [1, 2].map((seed) => ({ name: `${seed}`, inputs: [randomValues(126, seed)] }));
    const { graph: made, report } = quantize(graph, samples, { makeExecutor: referenceExecutor });
    expect(made.nodes.map(({ op }) => op)).toContain("dynamicFullyConnected");
    expect(report.outputs[0]!.sqnr).toBeGreaterThan(30);
    const kept = quantize(graph, samples, {
      makeExecutor: referenceExecutor,
      recipe: { layers: [{ match: "y node", scheme: "float32" }] },
    });
    expect(kept.report.outputs[0]!.sqnr).toBeNull();
  });
});
