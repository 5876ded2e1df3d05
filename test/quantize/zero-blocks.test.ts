import { describe, expect, it } from "vitest";
import { type Graph, noActivation, type Tensor } from "../../src/graph/graph.ts";
import { quantize } from "../../src/quantize/index.ts";
import { matrixOf } from "../../src/quantize/layers/matrix.ts";
import { unfoldSparse } from "../../src/quantize/layers/unfold.ts";
import { zeroShare } from "../../src/quantize/methods/zero-blocks.ts";
import type { LayerScheme } from "../../src/quantize/schemes.ts";
import { createExecutor } from "../../src/runtime/executor.ts";
import { activation, constant, convolution, graphOf, operator, randomValues } from "./build.ts";
import { referenceExecutor } from "./reference-executor.ts";

/** A layer of 18 × 22, in blocks of 8 × 4 3 × 6 of them, smaller at the edges; weights in one of every `kept` of them. */
function sparse(kept: number) {
  const values = randomValues(18 * 22, 3).map((w, at) => {
    const block = Math.floor(at / 22 / 8) * 6 + Math.floor((at % 22) / 4);
    return block % kept === 0 ? w : 0;
  });
  const [x, y] = [activation("x", [1, 22]), activation("y", [1, 18])];
  const layer = operator("fullyConnected", [x, constant("w", [18, 22], values), null], y, {
    activation: noActivation,
  });
  return { graph: graphOf([x], [layer], [y]), values };
}

/** What is correlated tempts second-order methods to fill zeros. */
const samples = Array.from({ length: 40 }, (_, s) => {
  const shared = randomValues(4, 100 + s);
  return {
    name: `${s}`,
    inputs: [randomValues(22, s + 1).map((v, i) => 0.3 * v + shared[i % 4]!)],
  };
});

describe("zero blocks", () => {
  it("are counted, smaller ones at the edges too", () => {
    for (const [kept, share] of [
      [1, 0],
      [3, 12 / 18],
      [6, 15 / 18],
    ] as const)
      expect(zeroShare(matrixOf(sparse(kept).graph.nodes[0]!)!, [8, 4])).toBe(share);
  });

  it("stay zero by every scheme and method", () => {
    const { graph, values } = sparse(3);
    const settings: Partial<LayerScheme>[] = [
      { scheme: "int8" },
      { scheme: "int8", method: "gptq" },
      { scheme: "int4", method: "gptq" },
      { scheme: "int4", method: "adaround" },
      { scheme: "codebook", method: "mse" },
    ];
    for (const wanted of settings) {
      const made = quantize(graph, samples, {
        makeExecutor: referenceExecutor,
        recipe: { default: wanted },
      });
      const { data } = made.graph.nodes.find(({ op }) => op === "fullyConnected")!.inputs[1]!;
      const filled = values.filter((w, at) => w === 0 && Number(data![at]) !== 0).length;
      expect(filled, `${wanted.scheme}, ${wanted.method ?? "rtn"}`).toBe(0);
      expect(Array.from(data!, Number).some((w) => w !== 0)).toBe(true);
    }
  });
});

describe("convolutions with zero blocks", () => {
  const quantization = (scale: number, zeroPoint = 0) => ({
    scale: Float32Array.of(scale),
    zeroPoint: Int32Array.of(zeroPoint),
    axis: 0,
  });
  const bytes = (count: number, seed: number) => Int8Array.from(randomValues(count, seed, 127));

  /** 19 × 8 values, kernel 5 × 1, 16 outputs; one of every `kept` blocks has weights. */
  function convolved(kept: number, top = 0): Graph {
    const x: Tensor = { name: "x", dtype: "int8", shape: [1, 19, 1, 8], quantization: quantization(0.1, 5) };
    const data = bytes(16 * 40, 4).map((w, at) => {
      const block = Math.floor(at / 40 / 8) * 10 + Math.floor((at % 40) / 4);
      return block % kept === 0 ? w : 0;
    });
    const weights: Tensor = {
      name: "w",
      dtype: "int8",
      shape: [16, 5, 1, 8],
      quantization: quantization(0.01),
      data,
    };
    const rows = Math.floor((19 + top - 5) / 2) + 1;
    const y: Tensor = {
      name: "y",
      dtype: "int8",
      shape: [1, rows, 1, 16],
      quantization: quantization(0.2, -3),
    };
    const attributes = {
      ...convolution,
      stride: [2, 1] as [number, number],
      padding: { top, left: 0, bottom: 0, right: 0 },
    };
    return graphOf([x], [operator("conv2d", [x, weights, null], y, attributes)], [y]);
  }

  it("become products with the same bits", () => {
    const graph = convolved(3);
    const unfolded = unfoldSparse(graph);
    expect(unfolded.nodes.map(({ op }) => op)).toEqual([
      ...Array(5).fill("slice"),
      "concat",
      "fullyConnected",
    ]);
    const [before, after] = [graph, unfolded].map((each) => {
      const executor = createExecutor(each);
      executor.run([bytes(19 * 8, 9)]);
      const found = Array.from(executor.read(graph.outputs[0]!), Number);
      executor.dispose();
      return found;
    });
    expect(after).toEqual(before);
    expect(new Set(before).size).toBeGreaterThan(20);
  });

  it("stay convolutions where few blocks are zero, or where padding would be laid out", () => {
    for (const graph of [convolved(1), convolved(3, 2)])
      expect(unfoldSparse(graph).nodes.map(({ op }) => op)).toEqual(["conv2d"]);
  });
});
