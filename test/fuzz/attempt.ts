import { decode } from "../../src/format/decode.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import { explain } from "../../src/runtime/explain.ts";
import { type Engine, startEngine, type Tier } from "../../src/runtime/tiers.ts";
import { wasm } from "../../src/wasm.ts";
import { randomFrom } from "../helpers/graphs.ts";

/** What became of a file in one tier: how it was refused, or the bits of its outputs. */
export type Outcome = { refused: string; message: string } | { outputs: Uint8Array[] };

/** One engine for many files, given up when a file has made its memory large. */
export interface Subject {
  attempt(bytes: Uint8Array): Outcome;
}

const memoryLimit = 64 << 20;

export function createSubject(tier: Tier): Subject {
  let { engine } = startEngine(wasm, tier);
  return {
    attempt(bytes) {
      if (engine.memory.buffer.byteLength > memoryLimit) engine = startEngine(wasm, tier).engine;
      return attemptOn(engine, bytes);
    },
  };
}

const refusal = (error: unknown): Outcome => {
  if (!(error instanceof NibbleError)) throw error;
  return { refused: error.code, message: error.message };
};

/** createModel's steps on an engine that is used again. Throws on anything but a refusal by name. */
function attemptOn(engine: Engine, bytes: Uint8Array): Outcome {
  const pointer = engine.reserve(bytes.length);
  if (pointer === 0) return { refused: "out-of-memory", message: "reserve" };
  new Uint8Array(engine.memory.buffer).set(bytes, pointer);
  if (engine.load(pointer, bytes.length) !== 0) {
    const [code, culprit, index, expected, found] = new Uint32Array(
      engine.memory.buffer,
      engine.error_detail(),
      5,
    );
    return refusal(
      explain("fuzz", { code: code!, culprit: culprit!, index: index!, expected: expected!, found: found! }),
    );
  }
  try {
    const contents = decode(bytes, "fuzz");
    void [contents.tensors, contents.operators, contents.report];
  } catch (error) {
    return refusal(error);
  }
  const file = new Uint8Array(engine.memory.buffer, pointer, bytes.length);
  const before = file.slice();
  const outputs: Uint8Array[] = [];
  const keep = (pointer: number, length: number) =>
    outputs.push(new Uint8Array(engine.memory.buffer, pointer, length).slice());
  // The second inference begins with the state that the first one left.
  for (const _ of [1, 2]) {
    fillInputs(engine);
    const status = engine.invoke();
    if (status !== 0) throw new Error(`a loaded model answered ${status}`);
    if (Buffer.compare(before, file) !== 0) throw new Error("an inference changed the file's own bytes");
    for (let i = 0; engine.output_bytes(i) > 0; i++) keep(engine.output_ptr(i), engine.output_bytes(i));
    keep(engine.state_ptr(), engine.state_bytes());
  }
  return { outputs };
}

/** The same values in every tier; small floats, so that not all is infinite. */
function fillInputs(engine: Engine): void {
  for (let i = 0; engine.input_bytes(i) > 0; i++) {
    const random = randomFrom(i);
    const bytes = engine.input_bytes(i);
    const view = new DataView(engine.memory.buffer, engine.input_ptr(i), bytes);
    for (let at = 0; at + 4 <= bytes; at += 4)
      if (at % 32) view.setFloat32(at, random.real(-4, 4), true);
      else view.setUint32(at, random.int(0, 0xffffffff), true);
  }
}

/** NaN of any payload counts as the same where the bytes may be float32. */
export function sameOutputs(a: Uint8Array, b: Uint8Array): boolean {
  if (Buffer.compare(a, b) === 0) return true;
  if (a.length !== b.length || a.length % 4) return false;
  const [p, q] = [new Float32Array(a.buffer), new Float32Array(b.buffer)];
  const [m, n] = [new Uint32Array(a.buffer), new Uint32Array(b.buffer)];
  return p.every((v, i) => m[i] === n[i] || (Number.isNaN(v) && Number.isNaN(q[i])));
}
