import { describe, expect, test } from "vitest";
import type { Attributes, Graph, Node, RecurrentCell, Tensor, TensorData } from "../../src/graph/graph.ts";
import { elementCount } from "../../src/graph/graph.ts";
import { pack } from "../../src/pack/pack.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import {
  activationTensor,
  type Case,
  constantOf,
  drawValues,
  graphOf,
  quantization,
  type Random,
  randomFrom,
  type Spread,
} from "../helpers/graphs.ts";
import { expectExact } from "./exact.ts";

const gateCounts: Record<RecurrentCell, number> = { lstm: 4, gru: 3, gruResetAfter: 3, rnn: 1 };

interface Shape {
  steps: number;
  batch: number;
  input: number;
  hidden: number;
}

interface Options extends Partial<Attributes["recurrent"]> {
  spread?: Spread;
  hasBias?: boolean;
}

const recurrentNode = (
  inputs: (Tensor | null)[],
  outputs: Tensor[],
  attributes: Attributes["recurrent"],
): Node => ({
  op: "recurrent",
  name: "cell",
  inputs,
  outputs,
  attributes,
});

function floatCase(random: Random, cell: RecurrentCell, shape: Shape, options: Options = {}): Case {
  const { steps, batch, input, hidden } = shape;
  const { spread = "random", hasBias = true, reverse = false, cellClip = Infinity } = options;
  const rows = gateCounts[cell] * hidden;
  const f32 = (name: string, dims: number[]) => activationTensor(name, "float32", dims);
  const constant = (name: string, dims: number[]) =>
    constantOf(f32(name, dims), drawValues(random, "float32", elementCount(dims)));
  const x = f32("x", [steps, batch, input]);
  const begins = [f32("h0", [batch, hidden]), ...(cell === "lstm" ? [f32("c0", [batch, hidden])] : [])];
  const ends = [f32("h", [batch, hidden]), ...(cell === "lstm" ? [f32("c", [batch, hidden])] : [])];
  const weights = [constant("w", [rows, input]), constant("r", [rows, hidden])];
  const biases = [
    hasBias ? constant("b", [rows]) : null,
    hasBias && cell === "gruResetAfter" ? constant("rb", [hidden]) : null,
  ];
  const y = f32("y", [steps, batch, hidden]);
  const made = recurrentNode([x, ...weights, ...biases, ...begins], [y, ...ends], {
    cell,
    reverse,
    cellClip,
  });
  const graph: Graph = { ...graphOf([made], "single", [y, ...ends]), inputs: [x, ...begins] };
  const draw = (t: Tensor): TensorData => drawValues(random, "float32", elementCount(t.shape), spread);
  return { graph, inputs: graph.inputs.map(draw) };
}

/** An int8 LSTM whose gates reach from one end of their functions to the other. */
function integerCase(
  random: Random,
  { steps, batch, input, hidden }: Shape,
  options: Options = {},
  power = -11,
): Case {
  const { spread = "random", hasBias = true, reverse = false, cellClip = Infinity } = options;
  const q = (name: string, dims: number[], scale: number, zeroPoint: number) =>
    activationTensor(name, "int8", dims, scale, zeroPoint);
  const zeroPoint = random.int(-128, 127);
  const x = q("x", [steps, batch, input], random.real(0.01, 0.05), random.int(-128, 127));
  const state = (name: string) => q(name, [batch, hidden], 0.0078, zeroPoint);
  const cellOf = (name: string): Tensor => ({
    name,
    dtype: "int16",
    shape: [batch, hidden],
    quantization: quantization(2 ** power, 0),
  });
  const weights = (name: string, k: number): Tensor => {
    const scales = [0, 1, 2, 3].map(() => random.real(0.002, 0.02) / Math.sqrt(k));
    return {
      name,
      dtype: "int8",
      shape: [4 * hidden, k],
      quantization: quantization(
        Array.from({ length: 4 * hidden }, (_, n) => scales[Math.floor(n / hidden)]!),
        0,
      ),
      data: drawValues(random, "int8", 4 * hidden * k),
    };
  };
  const bias: Tensor = {
    name: "b",
    dtype: "int32",
    shape: [4 * hidden],
    data: Int32Array.from({ length: 4 * hidden }, () => random.int(-20000, 20000)),
  };
  const y = q("y", [steps, batch, hidden], 0.0078, zeroPoint);
  const [h0, c0, h, c] = [state("h0"), cellOf("c0"), state("h"), cellOf("c")];
  const inputs = [x, weights("w", input), weights("r", hidden), hasBias ? bias : null, null, h0, c0];
  const made = recurrentNode(inputs, [y, h, c], { cell: "lstm", reverse, cellClip });
  const graph: Graph = { ...graphOf([made], "double", [y, h, c]), inputs: [x, h0, c0] };
  const cells = Int16Array.from({ length: batch * hidden }, () =>
    spread === "extremes" ? random.pick([-32768, 32767]) : random.int(-32768, 32767),
  );
  const int8 = (n: number) => drawValues(random, "int8", n, spread);
  return { graph, inputs: [int8(elementCount(x.shape)), int8(batch * hidden), cells] };
}

const shapes: Shape[] = [
  { steps: 1, batch: 1, input: 1, hidden: 1 },
  { steps: 3, batch: 1, input: 5, hidden: 7 },
  { steps: 2, batch: 3, input: 8, hidden: 8 },
  { steps: 4, batch: 2, input: 17, hidden: 9 },
  { steps: 1, batch: 1, input: 33, hidden: 20 },
];

describe.each(["lstm", "gru", "gruResetAfter", "rnn"] as const)("float32 %s", (cell) => {
  test.each(shapes)("$steps steps of $batch × $input to $hidden", (shape) => {
    const random = randomFrom(shape.hidden);
    expectExact(floatCase(random, cell, shape));
    expectExact(floatCase(random, cell, shape, { reverse: true }), "reverse");
    expectExact(floatCase(random, cell, shape, { hasBias: false }), "no bias");
  });

  test("NaN, infinities, tiny and huge values", () => {
    for (let seed = 0; seed < 4; seed++)
      expectExact(floatCase(randomFrom(seed), cell, shapes[1]!, { spread: "special" }), `seed ${seed}`);
  });
});

test("the cell of a float32 LSTM stays within its bound", () => {
  const bounded = floatCase(randomFrom(3), "lstm", shapes[3]!, { cellClip: 0.25 });
  expectExact(bounded);
});

describe("int8 LSTM", () => {
  test.each(shapes)("$steps steps of $batch × $input to $hidden", (shape) => {
    const random = randomFrom(shape.input);
    expectExact(integerCase(random, shape));
    expectExact(integerCase(random, shape, { reverse: true }), "reverse");
    expectExact(integerCase(random, shape, { spread: "extremes" }), "extremes");
    expectExact(integerCase(random, shape, { hasBias: false, cellClip: 3 }), "bounded cell");
  });

  test.each([-15, -12, -10, -8])("a cell of scale 2^%i", (power) => {
    expectExact(integerCase(randomFrom(5), shapes[3]!, {}, power));
  });

  test("refuses a cell whose scale is no power of two", () => {
    const { graph } = integerCase(randomFrom(6), shapes[1]!);
    for (const t of [graph.nodes[0]!.outputs[2]!, graph.inputs[2]!]) t.quantization = quantization(0.001, 0);
    expect(() => pack(graph)).toThrow(NibbleError);
    expect(() => pack(graph)).toThrow(
      /recurrent "cell": the cell "c" has scale 0\.001\d*; a power of two from 2\^-27 to 2 was expected/,
    );
  });
});
