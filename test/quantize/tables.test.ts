import { describe, expect, it } from "vitest";
import type { Graph, Tensor } from "../../src/graph/graph.ts";
import { pack } from "../../src/pack/pack.ts";
import { quantize } from "../../src/quantize/index.ts";
import { createExecutor } from "../../src/runtime/executor.ts";
import { createModel } from "../../src/runtime/model.ts";
import { wasm } from "../../src/wasm.ts";
import { tiers } from "../helpers/tiers.ts";
import { runReference } from "../reference/run.ts";
import { activation, constant, graphOf, operator, random } from "./build.ts";

const row = { axis: 0, batchDims: 0, fromEnd: true };

/** words [2, 3] → their rows of the table, doubled. */
function lookUp(table: Tensor, fromEnd = true): Graph {
  const words: Tensor = { name: "words", dtype: "int64", shape: [2, 3] };
  const [found, y] = [
    activation("found", [2, 3, ...table.shape.slice(1)]),
    activation("y", [2, 3, ...table.shape.slice(1)]),
  ];
  const two = constant("two", [], [2]);
  return graphOf(
    [words],
    [
      operator("gather", [table, words], found, { ...row, fromEnd }),
      operator("binary", [found, two], y, { kind: "div", activation: { min: -Infinity, max: Infinity } }),
    ],
    [y],
  );
}

/** Rows of very different size, one of zeros. */
function values(rows: number, size: number): Float32Array {
  const next = random(7);
  return Float32Array.from({ length: rows * size }, (_, i) => {
    const at = Math.floor(i / size);
    return at === 5 ? 0 : next() * 10 ** ((at % 7) - 3);
  });
}

const quantized = (graph: Graph, exclude: string[] = []): Graph =>
  quantize(graph, undefined, {
    makeExecutor: createExecutor,
    recipe: { default: { scheme: "dynamic-int8" } },
    exclude,
  }).graph;

const storedTypes = (graph: Graph): string[] =>
  graph.nodes.flatMap(({ op, inputs }) => (op === "gather" ? [inputs[0]!.dtype] : []));

describe("tables that rows are looked up in", () => {
  const [rows, size] = [256, 24];
  const data = values(rows, size);
  const words = BigInt64Array.of(0n, 5n, 255n, -1n, 6n, 1000n);

  it.each([[[rows, size]], [[rows, 4, 6]]])("of shape %j become int8 with a scale for every row", (shape) => {
    const graph = lookUp(constant("table", shape, data));
    const made = quantized(graph);
    expect(storedTypes(made)).toEqual(["int8", "float32"]);
    const [y] = made.outputs as [Tensor];
    expect(y.shape).toEqual([2, 3, ...shape.slice(1)]);
    const found = runReference(made, [words]).get(y)! as Float32Array;
    const exact = runReference(graph, [words]).get(graph.outputs[0]!)! as Float32Array;
    for (const [i, picked] of [0, 5, 255, 255, 6, 255].entries()) {
      const real = data.subarray(picked * size, (picked + 1) * size);
      const step = Math.max(...real.map(Math.abs)) / 127 / 2;
      for (let k = i * size; k < (i + 1) * size; k++)
        expect(Math.abs(found[k]! - exact[k]!)).toBeLessThanOrEqual(step / 2 + 1e-12);
    }
    const file = pack(made).bytes;
    expect(file.length).toBeLessThan(pack(graph).bytes.length - 2.5 * data.length);
    for (const tier of tiers) {
      const model = createModel(wasm, file, { tier, name: "table" });
      (model.input("words") as BigInt64Array).set(words);
      model.invoke();
      expect(model.output("y")).toEqual(found);
      model.dispose();
    }
  });

  it("are stored once for all that look them up", () => {
    const table = constant("table", [rows, size], data);
    const [a, b] = [lookUp(table), lookUp(table)];
    const [left, right] = [a.outputs[0]!, b.outputs[0]!];
    b.nodes.forEach((node) => {
      node.name = `other ${node.name}`;
      for (const tensor of node.outputs) tensor.name = `other ${tensor.name}`;
    });
    b.inputs[0]!.name = "other words";
    const graph = graphOf([...a.inputs, ...b.inputs], [...a.nodes, ...b.nodes], [left, right]);
    const tables = quantized(graph).nodes.flatMap(({ op, inputs }) => (op === "gather" ? [inputs[0]] : []));
    expect(tables.length).toBe(4);
    expect(new Set(tables).size).toBe(2);
  });

  it("stay float where little is saved, where a value is not finite, and where that is asked for", () => {
    const narrow = lookUp(constant("table", [2048, 8], values(2048, 8)));
    expect(storedTypes(quantized(narrow))).toEqual(["float32"]);
    const small = lookUp(constant("table", [16, 24], values(16, 24)));
    expect(storedTypes(quantized(small))).toEqual(["float32"]);
    const masked = lookUp(constant("table", [rows, size], [...data.subarray(1), -Infinity]));
    expect(storedTypes(quantized(masked))).toEqual(["float32"]);
    const kept = lookUp(constant("table", [rows, size], data));
    expect(storedTypes(quantized(kept, ["found node"]))).toEqual(["float32"]);
  });
});
