/** Resource variables and the variable tensors of an LSTM become states. */
import { describe, expect, test } from "vitest";
import type { State } from "../../src/graph/graph.ts";
import { importTflite } from "../../src/import/tflite/index.ts";
import { loadModelSync } from "../../src/index.ts";
import { pack } from "../../src/pack/pack.ts";
import {
  buildTflite,
  fused,
  type OperatorSpec,
  plainOptions,
  type SubgraphSpec,
  type TensorSpec,
} from "../helpers/tflite-builder.ts";
import { load, refusal } from "../helpers/tflite-load.ts";
import { activation8, float } from "../helpers/tflite-models.ts";

const resource = (name: string): TensorSpec => ({ name, type: "resource", shape: [] });
const handle = (tensor: string, shared: string): OperatorSpec => ({
  op: "VAR_HANDLE",
  inputs: [],
  outputs: [tensor],
  options: plainOptions(111, { text: "" }, { text: shared }),
});
const readVariable = (from: string, to: string): OperatorSpec => ({
  op: "READ_VARIABLE",
  inputs: [from],
  outputs: [to],
});
const assign = (to: string, value: string): OperatorSpec => ({
  op: "ASSIGN_VARIABLE",
  inputs: [to, value],
  outputs: [],
});
const callOnce = (subgraph: number): OperatorSpec => ({
  op: "CALL_ONCE",
  inputs: [],
  outputs: [],
  options: plainOptions(103, { int32: subgraph }),
});
const add = (a: string, b: string, y: string): OperatorSpec => ({
  op: "ADD",
  inputs: [a, b],
  outputs: [y],
  options: plainOptions(11, { int8: fused.none }),
});

/** y = sum of all x, held in the variable "sum". */
const accumulator: SubgraphSpec = {
  tensors: [float("x", [2]), resource("v"), float("before", [2]), float("y", [2])],
  operators: [handle("v", "sum"), readVariable("v", "before"), add("x", "before", "y"), assign("v", "y")],
  inputs: ["x"],
  outputs: ["y"],
};

/** Assigns 5, 7 to the variable "sum". */
const initialization: SubgraphSpec = {
  tensors: [resource("handle"), { ...float("start", [2]), data: Float32Array.of(5, 7) }],
  operators: [handle("handle", "sum"), assign("handle", "start")],
  inputs: [],
  outputs: [],
};

const withOperators = (
  model: SubgraphSpec,
  operators: OperatorSpec[],
  ...tensors: TensorSpec[]
): SubgraphSpec => ({
  ...model,
  operators,
  tensors: [...model.tensors, ...tensors],
});

const summary = (states: State[] | undefined) =>
  states?.map(({ name, value, next }) => [name, value.name, next.name]);

function outputsOf(steps: number[][], ...subgraphs: SubgraphSpec[]): number[][] {
  const model = loadModelSync(pack(importTflite(buildTflite(...subgraphs), { file: "v.tflite" })).bytes);
  return steps.map((x) => [
    ...(model.run({ x: Float32Array.from(x) })[model.outputs[0]!.name] as Float32Array),
  ]);
}

describe("resource variables", () => {
  test("what is read is the state's begin, what is assigned its end", () => {
    const graph = load(accumulator);
    expect(summary(graph.states)).toEqual([["sum", "before", "y"]]);
    expect(graph.inputs.map(({ name }) => name)).toEqual(["x"]);
    expect(graph.nodes.map(({ op }) => op)).toEqual(["add"]);
    expect(
      outputsOf(
        [
          [1, 2],
          [1, 2],
        ],
        accumulator,
      ),
    ).toEqual([
      [1, 2],
      [2, 4],
    ]);
  });

  test("CALL_ONCE gives the begin of the first inference", () => {
    const model = withOperators(accumulator, [callOnce(1), ...accumulator.operators]);
    expect(load(model, initialization).states![0]!.initial).toEqual(Float32Array.of(5, 7));
    expect(
      outputsOf(
        [
          [1, 1],
          [1, 1],
        ],
        model,
        initialization,
      ),
    ).toEqual([
      [6, 8],
      [7, 9],
    ]);
  });

  test("a read behind an assignment gives what was assigned, through any handle of the name", () => {
    const model = withOperators(
      { ...accumulator, outputs: ["z"] },
      [...accumulator.operators, handle("w", "sum"), readVariable("w", "again"), add("again", "again", "z")],
      ...[resource("w"), float("again", [2]), float("z", [2])],
    );
    expect(load(model).nodes[1]!.inputs.map((t) => t?.name)).toEqual(["y", "y"]);
    expect(
      outputsOf(
        [
          [1, 2],
          [1, 2],
        ],
        model,
      ),
    ).toEqual([
      [2, 4],
      [4, 8],
    ]);
  });

  test("a variable that is written before it is read is no state", () => {
    const model = withOperators(
      { ...accumulator, tensors: accumulator.tensors.filter(({ name }) => name !== "before") },
      [add("x", "x", "y"), handle("v", "sum"), assign("v", "y")],
    );
    expect(load(model).states).toBeUndefined();
  });

  test("an output that is the begin of a state shows the old value", () => {
    const model: SubgraphSpec = { ...accumulator, outputs: ["before"] };
    expect(
      outputsOf(
        [
          [1, 2],
          [3, 4],
          [0, 0],
        ],
        model,
      ),
    ).toEqual([
      [0, 0],
      [1, 2],
      [4, 6],
    ]);
  });

  test("refuses what an initialization does besides, and types that change", () => {
    const busy = withOperators(
      initialization,
      [...initialization.operators, add("start", "start", "sum2")],
      float("sum2", [2]),
    );
    const model = withOperators(accumulator, [callOnce(1), ...accumulator.operators]);
    expect(refusal(buildTflite(model, busy)).message).toBe(
      "bad.tflite: CALL_ONCE: ADD in subgraph 1 can't be run once; it may only assign constants to variables",
    );
    const other = withOperators(accumulator, [...accumulator.operators.slice(0, 3), assign("v", "q")], {
      ...activation8("q", [2]),
      data: Int8Array.of(1, 2),
    });
    expect(refusal(other).message).toMatch(
      /ASSIGN_VARIABLE: assigns "q" int8\[2\] to "before" float32\[2\]; both need/,
    );
    const foreign = withOperators({ ...accumulator, inputs: ["x", "v"] }, accumulator.operators.slice(1));
    expect(refusal(foreign).message).toMatch(/unsupported tensors: "v" \(resource\)/);
  });

  test("refuses an initialization of another size, and a subgraph that does not exist", () => {
    const short = {
      ...initialization,
      tensors: [resource("handle"), { ...float("start", [3]), data: new Float32Array(3) }],
    };
    const model = withOperators(accumulator, [callOnce(1), ...accumulator.operators]);
    expect(refusal(buildTflite(model, short)).message).toBe(
      'bad.tflite: variable "sum": initialized with "start" float32[3], read as "before" float32[2]',
    );
    expect(refusal(model).message).toMatch(/subgraph 1 was asked for, the model has 1/);
  });
});

/** One LSTM of 3 inputs and 2 cells, batch-major. */
function lstm(
  change: (operator: OperatorSpec, tensors: TensorSpec[]) => void = () => {},
  steps = 2,
  batch = 1,
): SubgraphSpec {
  const constant = (name: string, shape: number[]) => ({
    ...float(name, shape),
    data: Float32Array.from(
      { length: shape.reduce((a, b) => a * b, 1) },
      (_, i) => ((i * 7) % 11) / 11 - 0.4,
    ),
  });
  const gates = ["i", "f", "c", "o"];
  const tensors: TensorSpec[] = [
    float("x", [batch, steps, 3]),
    ...gates.map((gate) => constant(`w${gate}`, [2, 3])),
    ...gates.map((gate) => constant(`r${gate}`, [2, 2])),
    ...gates.map((gate) => constant(`b${gate}`, [2])),
    ...["h", "c"].map((name) => ({ ...float(name, [batch, 2]), isVariable: true })),
    float("y", [batch, steps, 2]),
  ];
  const names = (prefix: string) => gates.map((gate) => `${prefix}${gate}`);
  const nothing = (count: number) => new Array<null>(count).fill(null);
  const operator: OperatorSpec = {
    op: "UNIDIRECTIONAL_SEQUENCE_LSTM",
    inputs: [
      "x",
      ...names("w"),
      ...names("r"),
      ...nothing(3),
      ...names("b"),
      ...nothing(2),
      "h",
      "c",
      ...nothing(4),
    ],
    outputs: ["y"],
    options: plainOptions(71, { int8: fused.tanh }, { float32: 0 }, { float32: 0 }, { int8: 0 }),
  };
  change(operator, tensors);
  return { tensors, operators: [operator], inputs: ["x"], outputs: ["y"] };
}

describe("UNIDIRECTIONAL_SEQUENCE_LSTM", () => {
  test("one node whose variables are states, its gates stacked", () => {
    const graph = load(lstm());
    expect(graph.nodes.map(({ op }) => op)).toEqual(["reshape", "recurrent", "reshape"]);
    const [, node] = graph.nodes;
    expect(node!.inputs.map((t) => t?.shape)).toEqual([
      [2, 1, 3],
      [8, 3],
      [8, 2],
      [8],
      undefined,
      [1, 2],
      [1, 2],
    ]);
    expect(node!.attributes).toEqual({ cell: "lstm", reverse: false, cellClip: Infinity });
    expect(summary(graph.states)).toEqual([
      ["h", "h", "h/next"],
      ["c", "c", "c/next"],
    ]);
  });

  test("several sequences are turned to time first, and a bound of the cell is kept", () => {
    const bounded = lstm(
      (operator) => {
        operator.options!.fields[1] = { float32: 1.5 };
      },
      2,
      3,
    );
    const graph = load(bounded);
    expect(graph.nodes.map(({ op }) => op)).toEqual(["transpose", "recurrent", "transpose"]);
    expect(graph.nodes[1]!.attributes).toMatchObject({ cellClip: 1.5 });
    expect(graph.nodes[1]!.outputs.map(({ shape }) => shape)).toEqual([
      [2, 3, 2],
      [3, 2],
      [3, 2],
    ]);
  });

  test("steps one by one are steps at once", () => {
    const x = Float32Array.from({ length: 6 }, (_, i) => i / 3 - 1);
    const model = (steps: number) => loadModelSync(pack(load(lstm(() => {}, steps))).bytes);
    const whole = [...(model(2).run({ x }).y as Float32Array)];
    const single = model(1);
    const found = [0, 3].flatMap((at) => [...(single.run({ x: x.subarray(at, at + 3) }).y as Float32Array)]);
    expect(found).toEqual(whole);
  });

  test.each([
    ["peephole weights", (o: OperatorSpec) => o.inputs.splice(9, 1, "bi"), /an LSTM with peephole weights/],
    ["a projection", (o: OperatorSpec) => o.inputs.splice(16, 1, "ri"), /an LSTM with a projection/],
    ["normalization", (o: OperatorSpec) => o.inputs.splice(20, 1, "bi"), /an LSTM with layer normalization/],
    ["coupled gates", (o: OperatorSpec) => o.inputs.splice(1, 1, null), /input gate is coupled/],
    [
      "another activation",
      (o: OperatorSpec) => (o.options!.fields[0] = { int8: fused.relu }),
      /cell activation RELU; TANH/,
    ],
    [
      "a state that is no variable",
      (o: OperatorSpec) => o.inputs.splice(18, 1, "bi"),
      /"bi": expected an empty variable/,
    ],
    ["a shared state", (o: OperatorSpec) => o.inputs.splice(19, 1, "h"), /shares the variable "h"/],
  ])("refuses %s", (_, change, message) => {
    const { code, message: found } = refusal(lstm((operator) => void change(operator)));
    expect(code).toBe("unsupported");
    expect(found).toMatch(message);
  });
});
