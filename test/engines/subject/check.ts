/**
 * What every engine is asked to do, in the plainest JavaScript that bundling can leave: no classes, no async, no
 * TextDecoder, so that Hermes and QuickJS run the same code as browsers.
 */

export interface Job {
  tier: string;
  /** Runs every model of the archive and hashes its outputs; otherwise only the keyword model's cold start. */
  full: boolean;
}

export interface Result {
  /** The tier that ran. */
  tier: string;
  /** Bytes in memory → first keyword inference, ms. */
  cold: number;
  /** One keyword inference, µs; 0 when not measured. */
  latency: number;
  /** By model: the hash of its outputs over all runs, or the error that ended it. */
  outputs: Record<string, string>;
  /** Outputs that are not a number, whose bits WebAssembly leaves open. */
  notANumber: Record<string, number>;
}

/** The engine accepts the request but not this tier, or refuses it altogether. */
export interface Refusal {
  code: string;
  message: string;
}

export type Answer = { result: Result } | { refusal: Refusal };

type Values = Float32Array | Int8Array | Uint8Array | Int16Array | Int32Array | BigInt64Array;

/** The part of a model that is used here. */
export interface Subject {
  readonly tier: string;
  readonly inputs: readonly { name: string }[];
  readonly outputs: readonly { name: string }[];
  input(name: string): Values;
  output(name: string): Values;
  invoke(): void;
  reset(): void;
  dispose(): void;
}

/** Loads a packed model on the tier asked for. */
export type Load = (bytes: Uint8Array, name: string, tier: string) => Subject;

interface Entry {
  name: string;
  offset: number;
  bytes: number;
  positive: boolean;
}

const runs = 3;

/** Does the job; the keyword model is the first of the archive. */
export function check(load: Load, archive: Uint8Array, job: Job, now: () => number): Answer {
  const entries = contents(archive);
  const bytesOf = (entry: Entry): Uint8Array => archive.slice(entry.offset, entry.offset + entry.bytes);
  const keyword = bytesOf(entries[0]);
  let first: Subject;
  const start = now();
  try {
    first = load(keyword, entries[0].name, job.tier);
  } catch (error) {
    return { refusal: refusalOf(error) };
  }
  first.invoke();
  const cold = now() - start;
  const outputs: Record<string, string> = {};
  const notANumber: Record<string, number> = {};
  if (job.full)
    for (const entry of entries) {
      try {
        const model = load(bytesOf(entry), entry.name, job.tier);
        const { hash, strange } = hashOutputs(model, entry.positive);
        outputs[entry.name] = hash;
        if (strange) notANumber[entry.name] = strange;
        model.dispose();
      } catch (error) {
        outputs[entry.name] = `error ${refusalOf(error).message}`;
      }
    }
  const latency = job.full ? microseconds(first, now) : 0;
  const tier = first.tier;
  first.dispose();
  return { result: { tier, cold, latency, outputs, notANumber } };
}

function refusalOf(error: unknown): Refusal {
  const { code, message } = (error ?? {}) as { code?: string; message?: string };
  return { code: String(code ?? "none"), message: String(message ?? error) };
}

/** u32 length of the table of contents, the table as ASCII JSON, the files. */
export function contents(archive: Uint8Array): Entry[] {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const end = 4 + view.getUint32(0, true);
  let text = "";
  for (let i = 4; i < end; i++) text += String.fromCharCode(archive[i]);
  return (JSON.parse(text) as Entry[]).map((entry) => ({ ...entry, offset: entry.offset + end }));
}

/** A 64-bit fingerprint of all outputs over a few runs on reproducible inputs. */
export function hashOutputs(model: Subject, positive: boolean): { hash: string; strange: number } {
  let low = 0x811c9dc5;
  let high = 0x01000193;
  let strange = 0;
  let seed = 12345;
  const next = (): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed >>> 24;
  };
  for (let run = 0; run < runs; run++) {
    for (const { name } of model.inputs) fill(model.input(name), next, positive);
    model.invoke();
    for (const { name } of model.outputs) {
      const values = model.output(name);
      if (values instanceof Float32Array)
        for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) strange++;
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      for (let i = 0; i < bytes.length; i++) {
        low = Math.imul(low ^ bytes[i], 0x01000193);
        high = Math.imul(high ^ bytes[i] ^ (low >>> 24), 0x85ebca6b);
      }
    }
  }
  const hex = (n: number): string => `0000000${(n >>> 0).toString(16)}`.slice(-8);
  return { hash: hex(high) + hex(low), strange };
}

/** One byte per element, read in the element's type; floats from −4 to 4, or 0 to 8, in steps that float32 holds exactly. */
function fill(values: Values, next: () => number, positive: boolean): void {
  if (values instanceof Float32Array)
    for (let i = 0; i < values.length; i++) values[i] = (next() - (positive ? 0 : 128)) / 32;
  else if (values instanceof Int8Array || values instanceof Uint8Array || values instanceof Int16Array)
    for (let i = 0; i < values.length; i++) values[i] = next();
  else if (values instanceof Int32Array) for (let i = 0; i < values.length; i++) values[i] = next() & 7;
  else for (let i = 0; i < values.length; i++) values[i] = BigInt(next() & 7);
}

/** The median of five blocks, each long enough for a clock of 1 ms. */
function microseconds(model: Subject, now: () => number): number {
  const lap = (count: number): number => {
    const start = now();
    for (let i = 0; i < count; i++) model.invoke();
    return now() - start;
  };
  let count = 1;
  while (lap(count) < 25 && count < 1 << 14) count *= 2;
  const laps = [lap(count), lap(count), lap(count), lap(count), lap(count)].sort((a, b) => a - b);
  return (laps[2] / count) * 1000;
}
