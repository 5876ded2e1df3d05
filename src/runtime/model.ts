import { decode, type FileContents } from "../format/decode.ts";
import type { TensorData } from "../graph/graph.ts";
import type { Builds, Engine, HandedModules, Tier } from "./engine.ts";
import { NibbleError } from "./errors.ts";
import { explain } from "./explain.ts";
import { checksumOf, restoreState, saveState } from "./state.ts";
import { type BoundTensor, bind, type TensorInfo, write } from "./tensor.ts";
import { startEngine } from "./tiers.ts";

/** Bytes of the model's linear memory, fixed at load. */
export interface MemoryFigures {
  readonly weights: number;
  readonly arena: number;
  readonly state: number;
  /** The whole linear memory, engine and file included. */
  readonly total: number;
}

export interface LoadOptions {
  /** Which build of the engine; "auto" (the default) takes the fastest that runs here. */
  tier?: Tier | "auto";
  /** Compiled engine modules, for places that do not compile from bytes; the best that runs here is taken. */
  wasm?: HandedModules;
  /** How errors call the file. */
  name?: string;
}

type Values = TensorData | readonly number[];

/** A loaded model. Not shared between threads; any number may exist. */
export interface Model {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly tier: Tier;
  /** What the packer stored: source, labels, licence; undefined when nothing. */
  readonly metadata: unknown;
  readonly memory: MemoryFigures;
  /**
   * One inference: copies the inputs in by name, runs, and answers live views of the outputs by name.
   * The views show the next result after the next run; copy what must stay. Allocates nothing.
   * @throws NibbleError "bad-input" naming the tensor, what was expected and what was found.
   */
  run(inputs: Record<string, Values>): Record<string, TensorData>;
  /** Live view of an input, in its own type; the first one when no name is given. */
  input(name?: string): TensorData;
  /** Live view of an output. */
  output(name?: string): TensorData;
  /** Runs on what the input views hold. */
  invoke(): void;
  /** Back to the state after load. */
  reset(): void;
  /**
   * A copy of what the model remembers from one inference to the next, for this tier and every other. Models
   * without memory give a few bytes too.
   */
  saveState(): Uint8Array;
  /**
   * Goes on from a saved state, in this instance or another of the same file.
   * @throws NibbleError "bad-input" when the bytes are not of this model.
   */
  restoreState(saved: Uint8Array): void;
  /** Lets go of the memory; any later call throws. */
  dispose(): void;
}

/** A model with access to every tensor that the file describes, for tools. */
export interface InspectableModel extends Model {
  readonly contents: FileContents;
  tensor(index: number): TensorData;
  /** Runs operators first … end − 1 of the file alone, on what the tensors hold. */
  invokeRange(first: number, end: number): void;
}

/** Copies the file into a fresh engine, has it verified, and binds its tensors. */
export function createModel(builds: Builds, bytes: Uint8Array, options: LoadOptions = {}): InspectableModel {
  const file = options.name ?? "model";
  const { engine, tier } = startEngine(builds, options.tier ?? "auto", options.wasm);
  const pointer = engine.reserve(bytes.length);
  if (pointer === 0)
    throw new NibbleError(
      "out-of-memory",
      `${file}: the engine refuses ${bytes.length} bytes of memory for it`,
    );
  new Uint8Array(engine.memory.buffer).set(bytes, pointer);
  if (engine.load(pointer, bytes.length) !== 0) throw explain(file, errorOf(engine));
  // From the engine's copy: the caller's is free to change or go.
  const copy = new Uint8Array(engine.memory.buffer, pointer, bytes.length);
  return bindModel(engine, tier, decode(copy, file), file, checksumOf(copy));
}

function errorOf(engine: Engine) {
  const words = new Uint32Array(engine.memory.buffer, engine.error_detail(), 5);
  return { code: words[0], culprit: words[1], index: words[2], expected: words[3], found: words[4] };
}

function bindModel(
  started: Engine,
  tier: Tier,
  contents: FileContents,
  file: string,
  checksum: number,
): InspectableModel {
  let engine: Engine | null = started;
  const memory = started.memory;
  const bindAt = (index: number): BoundTensor =>
    bind(contents.tensor(index), memory, started.tensor_ptr(index));
  const inputs = contents.inputs.map(bindAt);
  const outputs = contents.outputs.map(bindAt);
  const byName: Record<string, TensorData> = Object.fromEntries(outputs.map((t) => [t.info.name, t.view]));
  const alive = (): Engine => {
    if (!engine) throw new TypeError(`model "${file}" has been disposed`);
    return engine;
  };
  const find = (tensors: readonly BoundTensor[], kind: string, name?: string): BoundTensor => {
    alive();
    const found = name === undefined ? tensors[0] : tensors.find((t) => t.info.name === name);
    if (found) return found;
    const names = tensors.map((t) => `"${t.info.name}"`).join(", ");
    throw new NibbleError("bad-input", `${file}: expected an ${kind} named ${names}, got "${name}"`);
  };
  const invoke = (): void => {
    if (alive().invoke() !== 0) throw explain(file, errorOf(started));
  };
  return {
    inputs: inputs.map((t) => t.info),
    outputs: outputs.map((t) => t.info),
    tier,
    get metadata() {
      return contents.metadata;
    },
    memory: {
      weights: contents.weightsBytes,
      arena: contents.arenaBytes,
      state: contents.stateBytes,
      total: memory.buffer.byteLength,
    },
    contents,
    run(values) {
      for (const input of inputs) {
        const given = values[input.info.name];
        if (given === undefined) throw missing(file, inputs, values);
        write(input, given);
      }
      invoke();
      return byName;
    },
    input: (name) => find(inputs, "input", name).view,
    output: (name) => find(outputs, "output", name).view,
    invoke,
    reset: () => alive().reset(),
    saveState: () => saveState(alive(), checksum),
    restoreState: (saved) => restoreState(alive(), checksum, saved, file),
    dispose() {
      engine = null;
    },
    tensor: (index) => bindAt(index).view,
    invokeRange: (first, end) => {
      alive().invoke_range(first, end);
    },
  };
}

function missing(file: string, inputs: readonly BoundTensor[], values: Record<string, Values>): NibbleError {
  const list = (names: readonly string[]): string => names.map((n) => `"${n}"`).join(", ") || "nothing";
  const expected = list(inputs.map((t) => t.info.name));
  return new NibbleError(
    "bad-input",
    `${file}: expected values for ${expected}, got ${list(Object.keys(values))}`,
  );
}
