/** SVDF step by step against its definition. */
import { describe, expect, test } from "vitest";
import { importTflite } from "../../src/import/tflite/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { createModel } from "../../src/runtime/model.ts";
import { wasm } from "../../src/wasm.ts";
import { randomFrom } from "../helpers/graphs.ts";
import { buildTflite, plainOptions, type TensorSpec } from "../helpers/tflite-builder.ts";
import { tiers } from "../helpers/tiers.ts";
import { runReference } from "../reference/run.ts";

const f = Math.fround;

interface Shape {
  batch: number;
  size: number;
  units: number;
  rank: number;
  steps: number;
}

const shapes: Shape[] = [
  { batch: 1, size: 3, units: 4, rank: 1, steps: 5 },
  { batch: 2, size: 5, units: 3, rank: 2, steps: 4 },
  { batch: 1, size: 2, units: 2, rank: 1, steps: 1 },
];

function modelOf({ batch, size, units, rank, steps }: Shape, activation: number, type: "float32" | "int8") {
  const random = randomFrom(size * 7 + steps);
  const filters = units * rank;
  const reals = (n: number) => Float32Array.from({ length: n }, () => random.real(-1, 1));
  const [features, times, bias] = [reals(filters * size), reals(filters * steps), reals(units)];
  const float = (name: string, shape: number[], data?: Float32Array): TensorSpec => ({
    name,
    type: "float32",
    shape,
    ...(data && { data }),
  });
  const tensors: TensorSpec[] = [
    { ...float("x", [batch, size]), type },
    float("features", [filters, size], features),
    float("times", [filters, steps], times),
    float("bias", [units], bias),
    { ...float("memory", [batch, filters * steps]), isVariable: true },
    { ...float("y", [batch, units]), type },
  ];
  if (type === "int8") for (const tensor of [tensors[0]!, tensors[5]!]) tensor.scale = [0.1];
  const operator = {
    op: "SVDF" as const,
    inputs: ["x", "features", "times", "bias", "memory"],
    outputs: ["y"],
    options: plainOptions(6, { int32: rank }, { int8: activation }),
  };
  const bytes = buildTflite({ tensors, operators: [operator], inputs: ["x"], outputs: ["y"] });
  return { bytes, features, times, bias };
}

/** What every filter remembers, oldest first, then the weighted sums of all filters of a unit. */
function expected(shape: Shape, model: ReturnType<typeof modelOf>, inputs: Float32Array[], isRelu: boolean) {
  const { batch, size, units, rank, steps } = shape;
  const memory = new Float32Array(batch * units * rank * steps);
  return inputs.map((x) => {
    const y = new Float32Array(batch * units);
    for (let b = 0; b < batch; b++)
      for (let u = 0; u < units; u++) {
        let sum = 0;
        for (let r = 0; r < rank; r++) {
          const filter = u * rank + r;
          const row = (b * units * rank + filter) * steps;
          memory.copyWithin(row, row + 1, row + steps);
          let answer = 0;
          for (let i = 0; i < size; i++)
            answer = f(answer + f(x[b * size + i]! * model.features[filter * size + i]!));
          memory[row + steps - 1] = answer;
          for (let t = 0; t < steps; t++)
            sum = f(sum + f(memory[row + t]! * model.times[filter * steps + t]!));
        }
        const out = f(sum + model.bias[u]!);
        y[b * units + u] = isRelu && out < 0 ? 0 : out;
      }
    return y;
  });
}

describe("SVDF", () => {
  test.each(shapes)("%j, seven steps, reset and again, in every tier", (shape) => {
    for (const activation of [0, 1]) {
      const model = modelOf(shape, activation, "float32");
      const random = randomFrom(3);
      const inputs = Array.from({ length: 7 }, () =>
        Float32Array.from({ length: shape.batch * shape.size }, () => random.real(-2, 2)),
      );
      const wanted = expected(shape, model, inputs, activation === 1);
      const graph = importTflite(model.bytes, { file: "svdf.tflite" });
      const [first] = graph.states!;
      const values = runReference({ ...graph, inputs: [...graph.inputs, first!.value] }, [
        inputs[0]!,
        new Float32Array(first!.value.shape[1]! * shape.batch),
      ]);
      expect(values.get(graph.outputs[0]!)).toEqual(wanted[0]);
      for (const tier of tiers) {
        const engine = createModel(wasm, pack(graph).bytes, { tier });
        for (let round = 0; round < 2; round++) {
          const found = inputs.map((x) => (engine.run({ x }).y as Float32Array).slice());
          expect(found, tier).toEqual(wanted);
          engine.reset();
        }
        engine.dispose();
      }
    }
  });

  test("int8 is refused by name", () => {
    const { bytes } = modelOf(shapes[0]!, 0, "int8");
    expect(() => importTflite(bytes, { file: "svdf.tflite" })).toThrow(/SVDF "y": tensor "x" int8.*float32/);
  });
});
