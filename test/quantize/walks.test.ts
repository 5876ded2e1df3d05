import { describe, expect, it } from "vitest";
import { type Graph, type Node, noActivation, type Tensor } from "../../src/graph/graph.ts";
import { quantize } from "../../src/quantize/index.ts";
import { type LayerMatrix, matrixOf } from "../../src/quantize/layers/matrix.ts";
import { upTo, walksOf } from "../../src/quantize/layers/walks.ts";
import { createExecutor } from "../../src/runtime/executor.ts";
import type { Sample } from "../../src/samples/sample.ts";
import { activation, constant, graphOf, operator, random, randomValues } from "./build.ts";

const add = (a: Tensor, b: Tensor, sum: Tensor): Node =>
  operator("add", [a, b], sum, { activation: noActivation });

const dense = (x: Tensor, y: Tensor, weights: Tensor): Node =>
  operator("fullyConnected", [x, weights, null], y, { activation: noActivation });

const layersOf = ({ nodes }: Graph): LayerMatrix[] => nodes.flatMap((node) => matrixOf(node) ?? []);
const named = (walks: LayerMatrix[][]): string[][] =>
  walks.map((walk) => walk.map(({ node }) => node.outputs[0].name));

describe("walks over the samples", () => {
  /** A block of a transformer in outline: three layers side by side, one behind their sum, one behind it and around it. */
  function block(k: number): Graph {
    const [x, q, r, v, qr, sum, out, rest, last] = [
      ..."x q r v q+r sum out rest last".split(" ").map((name) => activation(name, [1, k])),
    ] as Tensor[];
    const weights: Tensor = { ...activation("w", [k, k]), data: new Float32Array(k * k) };
    const nodes = [
      ...[q, r, v].map((y) => dense(x!, y!, weights)),
      add(q!, r!, qr!),
      add(qr!, v!, sum!),
      dense(sum!, out!, weights),
      add(x!, out!, rest!),
      dense(rest!, last!, weights),
    ];
    return graphOf([x!], nodes, [last!]);
  }

  it("take layers together that stand side by side, never one that follows from another", () => {
    const graph = block(8);
    expect(named(walksOf(graph, layersOf(graph)))).toEqual([["q", "r", "v"], ["out"], ["last"]]);
    // What is rounded without samples, or not at all, is no reason to walk again.
    const some = layersOf(graph).filter(({ node }) => node.outputs[0].name !== "out");
    expect(named(walksOf(graph, some))).toEqual([["q", "r", "v"], ["last"]]);
    const ends = layersOf(graph).filter(({ node }) => ["v", "last"].includes(node.outputs[0].name));
    expect(named(walksOf(graph, ends))).toEqual([["v"], ["last"]]);
    expect(walksOf(graph, [])).toEqual([]);
  });

  it("take no more layers together than 256 MiB hold the moments of", () => {
    const graph = block(2400);
    expect(named(walksOf(graph, layersOf(graph)))).toEqual([["q", "r"], ["v"], ["out"], ["last"]]);
  });

  it("run the graph as far as their layers lie, all of it where it remembers", () => {
    const graph = block(8);
    const [first] = walksOf(graph, layersOf(graph));
    const part = upTo(graph, first!);
    expect(part.nodes).toEqual(graph.nodes.slice(0, 3));
    expect(part.outputs.map(({ name }) => name)).toEqual(["v"]);
    const state = { name: "memory", value: graph.inputs[0]!, next: graph.outputs[0]! };
    const remembering = { ...graph, states: [state] };
    expect(upTo(remembering, first!)).toBe(remembering);
  });

  it("run graphs with inputs and weights that only what lies behind reads", () => {
    const [a, b, p, q, y] = ["a", "b", "p", "q", "y"].map((name) => activation(name, [4, 8])) as Tensor[];
    const matrix = (name: string, seed: number): Tensor => constant(name, [8, 8], randomValues(64, seed));
    const nodes = [dense(a!, p!, matrix("v", 1)), add(p!, b!, q!), dense(q!, y!, matrix("w", 2))];
    const samples = Array.from({ length: 8 }, (_, s): Sample => {
      const inputs = [randomValues(32, 10 + s), randomValues(32, 50 + s)];
      return { name: `sample ${s}`, inputs };
    });
    const { report } = quantize(graphOf([a!, b!], nodes, [y!]), samples, {
      makeExecutor: createExecutor,
      recipe: { default: { scheme: "int4", method: "gptq" } },
    });
    expect(report.weights!.map(({ node, method }) => [node, method])).toEqual([
      ["p node", "gptq"],
      ["y node", "gptq"],
    ]);
    expect(report.outputs[0]!.sqnr).toBeGreaterThan(15);
  });
});

/** `count` rotations of k numbers, one behind the other: what one layer loses is neither hidden nor blown up by the next. */
function rotations(k: number, count: number): Graph {
  const tensors = Array.from({ length: count + 1 }, (_, i) => activation(`x${i}`, [6, k]));
  const nodes = tensors.slice(1).map((y, i) => {
    const next = random(i + 1);
    const w = Float64Array.from({ length: k * k }, (_, at) => Number(at % (k + 1) === 0));
    for (let a = 0; a < k; a++)
      for (let b = a + 1; b < k; b++) {
        const angle = Math.PI * next();
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        for (let j = 0; j < k; j++) {
          const [p, q] = [w[a * k + j]!, w[b * k + j]!];
          [w[a * k + j], w[b * k + j]] = [c * p - s * q, s * p + c * q];
        }
      }
    return dense(tensors[i]!, y, constant(`w${i}`, [k, k], w));
  });
  return graphOf([tensors[0]!], nodes, [tensors.at(-1)!]);
}

describe("second-order methods in deep graphs", () => {
  const k = 12;
  const graph = rotations(k, 36);
  const [samples, others] = [0, 500].map((seed) =>
    Array.from({ length: 24 }, (_, s): Sample => {
      const next = random(seed + s + 1);
      const rows = Array.from({ length: 6 }, () => {
        const shared = 2 * next();
        return Array.from({ length: k }, () => next() + shared);
      });
      return { name: `sample ${s}`, inputs: [Float32Array.from(rows.flat())] };
    }),
  ) as [Sample[], Sample[]];
  const kept = (method: "rtn" | "gptq" | "adaround"): number =>
    quantize(graph, samples, {
      makeExecutor: createExecutor,
      compareOn: others,
      recipe: { default: { scheme: "weight-int4", method } },
    }).report.outputs[0]!.sqnr!;

  it("keep more than the nearest values do, layer behind layer", () => {
    const nearest = kept("rtn");
    for (const method of ["gptq", "adaround"] as const) expect(kept(method)).toBeGreaterThan(nearest + 3);
  });
});
