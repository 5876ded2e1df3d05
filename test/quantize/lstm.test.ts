import { describe, expect, it } from "vitest";
import { type Graph, noActivation } from "../../src/graph/graph.ts";
import { quantize } from "../../src/quantize/index.ts";
import { createExecutor } from "../../src/runtime/executor.ts";
import { activation, constant, graphOf, operator, randomValues } from "./build.ts";

const [steps, inputs, hidden] = [12, 5, 6];

/** An LSTM that remembers h and c, and a layer behind its last step. */
function graph(isShared: boolean): Graph {
  const x = activation("x", [steps, 1, inputs]);
  const [h, c, nextH, nextC] = ["h", "c", "h/next", "c/next"].map((name) => activation(name, [1, hidden]));
  const [y, flat, z] = [
    activation("y", [steps, 1, hidden]),
    activation("flat", [1, steps * hidden]),
    activation("z", [1, 3]),
  ];
  const lstm = operator(
    "recurrent",
    [
      x,
      constant("w", [4 * hidden, inputs], randomValues(4 * hidden * inputs, 1)),
      constant("r", [4 * hidden, hidden], randomValues(4 * hidden * hidden, 2)),
      constant("b", [4 * hidden], randomValues(4 * hidden, 3)),
      null,
      h!,
      c!,
    ],
    y,
    { cell: "lstm", reverse: false, cellClip: Infinity },
  );
  lstm.outputs.push(nextH!, nextC!);
  const last = constant("k", [3, steps * hidden], randomValues(3 * steps * hidden, 4, 0.2));
  const made = graphOf(
    [x],
    [
      lstm,
      operator("reshape", [y], flat, {}),
      operator("fullyConnected", [flat, last, null], z, { activation: noActivation }),
    ],
    isShared ? [z, nextC!] : [z],
  );
  const states = [
    { name: "h", value: h!, next: nextH! },
    { name: "c", value: c!, next: nextC! },
  ];
  return { ...made, states };
}

const samples = Array.from({ length: 8 }, (_, i) => ({
  name: `${i}`,
  inputs: [randomValues(steps * inputs, 50 + i)],
}));

describe("an LSTM under int8", () => {
  it("becomes integers throughout where h and c are its own states", () => {
    const { graph: made, report } = quantize(graph(false), samples, { makeExecutor: createExecutor });
    expect(report.float).toEqual([]);
    const lstm = made.nodes.find(({ op }) => op === "recurrent")!;
    expect(lstm.outputs.map(({ dtype }) => dtype)).toEqual(["int8", "int8", "int16"]);
    expect(made.states!.map(({ value }) => value.dtype)).toEqual(["int8", "int16"]);
    expect(report.outputs[0]!.sqnr).toBeGreaterThan(25);
  });

  it("forgets between independent samples: the same samples in another order give the same", () => {
    const options = { makeExecutor: createExecutor, independent: true };
    const sqnr = (list: typeof samples) => quantize(graph(false), list, options).report.outputs[0]!.sqnr!;
    expect(sqnr(samples)).toBeCloseTo(sqnr([...samples].reverse()), 9);
    const stream = { makeExecutor: createExecutor };
    expect(quantize(graph(false), samples, stream).report.outputs[0]!.sqnr).not.toBeCloseTo(sqnr(samples), 6);
  });

  it("stays float with weights of float16 where others read its cell", () => {
    const { graph: made, report } = quantize(graph(true), samples, { makeExecutor: createExecutor });
    expect(report.float).toContainEqual({ node: "y node", reason: "recurrent has no int8 kernel" });
    const lstm = made.nodes.find(({ op }) => op === "recurrent")!;
    const weights = lstm.inputs[1]!.data as Float32Array;
    expect(weights).toBeInstanceOf(Float32Array);
    expect(weights.every((w) => new Float32Array(1).fill(w)[0]! * 2 ** 24 === Math.round(w * 2 ** 24))).toBe(
      true,
    );
    expect(report.outputs[0]!.sqnr).toBeGreaterThan(35);
  });
});
