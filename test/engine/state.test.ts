import { describe, expect, test } from "vitest";
import { OP_COPY } from "../../assembly/codes.ts";
import { REGION_STATE, T_OFFSET } from "../../assembly/format.ts";
import { bundle } from "../../src/bundle/bundle.ts";
import { decode } from "../../src/format/decode.ts";
import { type Graph, noActivation, type State, type Tensor } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { loadModelSync, type Model, NibbleError } from "../../src/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { instantiate } from "../bundle/instance.ts";
import { anatomyOf, repair } from "../fuzz/mutate.ts";
import { activationTensor, graphOf, node } from "../helpers/graphs.ts";
import { tiers } from "../helpers/tiers.ts";

const f32 = (name: string, shape = [2]): Tensor => activationTensor(name, "float32", shape);
const f = (...values: number[]) => Float32Array.from(values);
const plus = (a: Tensor, b: Tensor, y: Tensor) => node("add", [a, b], y, { activation: noActivation });
const times = (a: Tensor, b: Tensor, y: Tensor) => node("mul", [a, b], y, { activation: noActivation });

/** A graph whose inputs leave out what states begin with. */
function withStates(graph: Graph, states: State[]): Graph {
  const begins = new Set(states.map(({ value }) => value));
  return { ...graph, inputs: graph.inputs.filter((t) => !begins.has(t)), states };
}

/** y = sum of all x so far, from `initial`; `copied`: y is the next state itself, which keeps its place. */
function accumulator(initial?: Float32Array, copied = true): Graph {
  const [x, before, after, y] = ["x", "before", "after", "y"].map((name) => f32(name)) as Tensor[];
  const nodes = [plus(x!, before!, copied ? y! : after!)];
  if (!copied) nodes.push(times(after!, { ...f32("two", [1]), data: f(2) }, y!));
  const next = copied ? y! : after!;
  return withStates(graphOf(nodes, "single", [y!]), [
    { name: "sum", value: before!, next, ...(initial && { initial }) },
  ]);
}

/** Two states that change places at every step, and a third that follows the first: y = a. */
function carousel(): Graph {
  const [x, a, b, c, y] = ["x", "a", "b", "c", "y"].map((name) => f32(name)) as Tensor[];
  return withStates(graphOf([plus(a!, x!, y!)], "single", [y!]), [
    { name: "a", value: a!, next: b!, initial: f(1, 2) },
    { name: "b", value: b!, next: a!, initial: f(10, 20) },
    { name: "c", value: c!, next: a!, initial: f(100, 200) },
  ]);
}

/** y(t) = x(t − 2): two delays one after the other, both plain copies. */
function delay(): Graph {
  const [x, first, second, y] = ["x", "first", "second", "y"].map((name) => f32(name)) as Tensor[];
  return withStates(graphOf([node("reshape", [second!], y!, {})], "single", [y!]), [
    { name: "second", value: second!, next: first! },
    { name: "first", value: first!, next: x! },
  ]);
}

const withInput = (graph: Graph): Graph =>
  graph.inputs.length > 0 ? graph : { ...graph, inputs: [graph.states![1]!.next] };

const bytesOf = (graph: Graph) => pack(withInput(graph)).bytes;
const storeCount = (bytes: Uint8Array): number => {
  const { operators, tensors } = decode(bytes);
  return operators.filter(({ code, output }) => code === OP_COPY && tensors[output]!.region === REGION_STATE)
    .length;
};

const step = (model: Model, ...x: number[]): number[] => [...(model.run({ x: f(...x) }).y as Float32Array)];

const refusal = (act: () => unknown): NibbleError => {
  try {
    act();
  } catch (error) {
    if (error instanceof NibbleError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

describe.each(tiers)("state in tier %s", (tier) => {
  const load = (graph: Graph): Model => loadModelSync(bytesOf(graph), { tier, name: "model.nbl" });

  test.each([true, false])(
    "lasts from one inference to the next and goes back with reset (copied: %s)",
    (copied) => {
      const scale = copied ? 1 : 2;
      const model = load(accumulator(f(5, -5), copied));
      for (let round = 0; round < 2; round++) {
        expect(step(model, 1, 2)).toEqual([6 * scale, -3 * scale]);
        expect(step(model, 10, 20)).toEqual([16 * scale, 17 * scale]);
        expect(step(model, 0, 0)).toEqual([16 * scale, 17 * scale]);
        model.reset();
      }
    },
  );

  test("begins as zero where nothing is said", () => {
    expect(step(load(accumulator()), 1, 2)).toEqual([1, 2]);
  });

  test("states that read each other all see the old values", () => {
    const model = load(carousel());
    expect([step(model, 0, 0), step(model, 0, 0), step(model, 0, 0)]).toEqual([
      [1, 2],
      [10, 20],
      [1, 2],
    ]);
  });

  test("an input may be the next state, and a state an output", () => {
    const model = load(delay());
    expect([1, 2, 3, 4].map((v) => step(model, v, -v))).toEqual([
      [0, 0],
      [0, 0],
      [1, -1],
      [2, -2],
    ]);
  });

  test("instances of one file do not share it", () => {
    const [a, b] = [load(accumulator()), load(accumulator())];
    const found = [1, 2, 3].map((v) => [step(a, v, v), step(b, 10 * v, 0)]);
    expect(found).toEqual([
      [
        [1, 1],
        [10, 0],
      ],
      [
        [3, 3],
        [30, 0],
      ],
      [
        [6, 6],
        [60, 0],
      ],
    ]);
  });

  test("is saved, restored in another instance, and left alone by what follows", () => {
    const [a, b] = [load(accumulator()), load(accumulator())];
    step(a, 1, 2);
    const saved = a.saveState();
    expect(step(a, 1, 1)).toEqual([2, 3]);
    b.restoreState(saved);
    expect(step(b, 1, 1)).toEqual([2, 3]);
    a.restoreState(saved);
    expect(step(a, 0, 0)).toEqual([1, 2]);
  });

  test("refuses to restore what is not its own", () => {
    const model = load(accumulator());
    const saved = model.saveState();
    const wrong = refusal(() => model.restoreState(saved.subarray(1)));
    expect([wrong.code, wrong.message]).toEqual([
      "bad-input",
      `model.nbl: expected ${saved.length} bytes of saved state, found ${saved.length - 1}; give what saveState() returned`,
    ]);
    const other = refusal(() => load(accumulator(f(1, 1))).restoreState(saved));
    expect([other.code, other.message]).toEqual([
      "bad-input",
      "model.nbl: the saved state belongs to another model; restore it where the same file is loaded",
    ]);
    model.dispose();
    expect(() => model.saveState()).toThrow(TypeError);
  });
});

describe("packing states", () => {
  test("counts their bytes and keeps them apart", () => {
    expect(decode(bytesOf(carousel())).stateBytes).toBe(3 * 64);
  });

  test("stores in place what is made after the last use of the old value", () => {
    expect(storeCount(bytesOf(accumulator(undefined, false)))).toBe(1);
    expect(storeCount(bytesOf(lateAccumulator()))).toBe(0);
    const model = loadModelSync(bytesOf(lateAccumulator()));
    expect([step(model, 1, 1), step(model, 1, 1), step(model, 2, 2)]).toEqual([
      [2, 2],
      [6, 6],
      [16, 16],
    ]);
  });

  test("survives the graph passes, which may not remove what only a state needs", () => {
    for (const graph of [accumulator(f(1, 1), false), carousel(), delay(), lateAccumulator()]) {
      const [plain, optimized] = [withInput(graph), optimize(withInput(graph))].map((g) =>
        loadModelSync(pack(g).bytes),
      );
      for (let t = 0; t < 5; t++) expect(step(optimized!, t, 1)).toEqual(step(plain!, t, 1));
    }
  });

  test("a node that nothing but a state needs stays", () => {
    const [x, value, next, y] = ["x", "value", "next", "y"].map((name) => f32(name)) as Tensor[];
    const graph = withStates(graphOf([plus(x!, value!, next!), plus(x!, x!, y!)], "single", [y!]), [
      { name: "s", value: value!, next: next! },
    ]);
    expect(optimize(graph).nodes.map(({ name }) => name)).toEqual(["next", "y"]);
    expect(optimize(graph).states).toEqual(graph.states);
  });

  test("refuses sides that do not fit", () => {
    const [x, y] = [f32("x"), f32("y")];
    const graph = withStates(graphOf([plus(x, x, y)], "single", [y]), [
      { name: "s", value: f32("v", [3]), next: y },
    ]);
    const { code, message } = refusal(() => pack(graph));
    expect([code, message]).toEqual([
      "unsupported",
      'state "s": begins as float32[3] and ends as float32[2]; both need one type and size',
    ]);
  });
});

/** next = (value · 2) + x, made when the old value is no longer needed; y = next · 2. */
function lateAccumulator(): Graph {
  const [x, value, twice, next, y] = ["x", "value", "twice", "next", "y"].map((name) =>
    f32(name),
  ) as Tensor[];
  const two = { ...f32("two", [1]), data: f(2) };
  const nodes = [times(value!, two, twice!), plus(twice!, x!, next!), times(next!, two, y!)];
  return withStates(graphOf(nodes, "single", [y!]), [{ name: "s", value: value!, next: next! }]);
}

test("tensors of different types may not share a byte of state", () => {
  const q = (name: string) => activationTensor(name, "int8", [8]);
  const [x, a, b, y, z] = [f32("x"), f32("a"), q("b"), f32("y"), q("z")];
  const graph = withStates(graphOf([plus(x, a, y), node("reshape", [b], z, {})], "single", [y, z]), [
    { name: "a", value: a, next: y },
    { name: "b", value: b, next: b },
  ]);
  const { bytes } = pack(graph);
  const model = loadModelSync(bytes);
  expect(step(model, 1, 1)).toEqual([1, 1]);
  const index = decode(bytes).tensors.findIndex(({ name }) => name === "b");
  const view = new DataView(bytes.buffer);
  const at = anatomyOf(bytes).tensors[index]!.from + T_OFFSET;
  expect(view.getUint32(at, true)).toBe(64);
  view.setUint32(at, 0, true);
  repair(bytes);
  expect(refusal(() => loadModelSync(bytes)).code).toBe("bad-file");
});

test("a bundle has it too, and lets it be saved", async () => {
  const it = (await instantiate((await bundle(bytesOf(accumulator()), { tier: "simd" })).bytes)) as Awaited<
    ReturnType<typeof instantiate>
  > & { state_ptr(): number; state_bytes(): number };
  expect(it.init()).toBe(0);
  const run = (...x: number[]): number[] => {
    new Float32Array(it.memory.buffer, it.input_ptr(0), 2).set(x);
    it.invoke();
    return [...new Float32Array(it.memory.buffer, it.output_ptr(0), 2)];
  };
  const state = () => new Uint8Array(it.memory.buffer, it.state_ptr(), it.state_bytes());
  expect(run(1, 2)).toEqual([1, 2]);
  const saved = state().slice();
  expect(run(1, 1)).toEqual([2, 3]);
  state().set(saved);
  expect(run(0, 0)).toEqual([1, 2]);
  it.reset();
  expect(run(0, 0)).toEqual([0, 0]);
});
