import { elementCount, type Graph, type Tensor, type TensorData } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import { createModel } from "../../src/runtime/model.ts";
import { wasm } from "../../src/wasm.ts";
import { graphProblems } from "../helpers/tflite-invariants.ts";

/** Where a file ended: refused by name on the way there, too large to be tried, or run. */
export type Fate = "not imported" | "not packed" | "not loaded" | "large" | "ran";

/** A sound model may want more than its file has; these are the ones that a fuzzer has time for. */
const [mostElements, mostWork] = [1 << 22, 1 << 26];

/**
 * What a file may make of itself, as docs/conformance.md states it: constants of its graph by the file, after the passes by
 * those before, and the packed file by these; each above a floor.
 */
const floor = 64 << 20;
const multiples = { imported: 16, optimized: 5, packed: 32 };

function tensorsOf(graph: Graph): Set<Tensor> {
  const all = graph.nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
  return new Set([...graph.inputs, ...graph.outputs, ...all].filter((tensor) => tensor !== null));
}

function constantBytes(graph: Graph): number {
  const data = new Set<TensorData>([...tensorsOf(graph)].flatMap((tensor) => tensor.data ?? []));
  return [...data].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** Elements that an inference at most touches, by a bound that no operator here exceeds. */
function workOf(graph: Graph): number {
  const sizes = graph.nodes.map(({ inputs, outputs }) =>
    [...inputs, ...outputs].reduce(
      (product, tensor) => product * Math.max(1, tensor ? elementCount(tensor.shape) : 1),
      1,
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

function refused(error: unknown, fate: Fate): Fate {
  if (!(error instanceof NibbleError)) throw error;
  if (error.message.length > 20_000) throw new Error(`a message of ${error.message.length} characters`);
  return fate;
}

/**
 * The whole way of a file: import, passes, pack, load, two inferences on the best tier here. Throws on
 * anything but a result or a NibbleError, and where memory exceeds its bounds.
 */
export function attemptImport(bytes: Uint8Array, open: (bytes: Uint8Array) => Graph): Fate {
  let graph: Graph;
  try {
    graph = open(bytes);
  } catch (error) {
    return refused(error, "not imported");
  }
  // A model may hand an input on under its own name.
  const handedOn = new Set(graph.inputs.map(({ name }) => `the name ${name} is taken`));
  const problems = graphProblems(graph).filter((problem) => !handedOn.has(problem.replace(/^.*?: /, "")));
  if (problems.length > 0) throw new Error(`an unsound graph: ${problems.join("; ")}`);
  const grown = (what: keyof typeof multiples, found: number, from: number): number => {
    if (found > floor + multiples[what] * from)
      throw new Error(`${what}: ${found} bytes from ${from} in a file of ${bytes.length}`);
    return found;
  };
  const imported = grown("imported", constantBytes(graph), bytes.length);
  if ([...tensorsOf(graph)].some(({ shape }) => elementCount(shape) > mostElements)) return "large";
  let file: Uint8Array;
  let work: number;
  try {
    const optimized = optimize(graph);
    const stored = grown("optimized", constantBytes(optimized), imported);
    work = workOf(optimized);
    file = pack(optimized).bytes;
    grown("packed", file.length, stored);
  } catch (error) {
    return refused(error, "not packed");
  }
  try {
    const model = createModel(wasm, file);
    if (work <= mostWork) for (const _ of [1, 2]) model.invoke();
    model.dispose();
  } catch (error) {
    return refused(error, "not loaded");
  }
  return work <= mostWork ? "ran" : "large";
}
