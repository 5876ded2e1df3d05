import {
  ALIGNMENT,
  CHECKSUM_FROM,
  H_ARENA_BYTES,
  H_CHECKSUM,
  H_FILE_BYTES,
  H_INPUTS,
  H_MAGIC,
  H_OPERATORS,
  H_OUTPUTS,
  H_SECTIONS,
  H_STATE_BYTES,
  H_TENSORS,
  H_VERSION,
  HEADER_BYTES,
  MAGIC,
  MAX_RANK,
  S_BYTES,
  S_FLAGS,
  S_KIND,
  S_OFFSET,
  SECTION_BYTES,
  SECTION_IO,
  SECTION_METADATA,
  SECTION_OPERATORS,
  SECTION_REPORT,
  SECTION_REQUIRED,
  SECTION_STATE,
  SECTION_STORED,
  SECTION_STRINGS,
  SECTION_TENSORS,
  SECTION_WEIGHTS,
  T_DIMS,
  T_DTYPE,
  T_NAME,
  T_OFFSET,
  T_RANK,
  T_REGION,
  T_SCALE,
  T_SIZE,
  T_ZERO_POINT,
  TENSOR_BYTES,
  VERSION,
} from "../../assembly/format.ts";
import { NibbleError } from "../runtime/errors.ts";
import { checksum } from "./checksum.ts";

/** One tensor as the file describes it. */
export interface TensorRecord {
  name: string;
  dtype: number;
  shape: number[];
  region: number;
  offset: number;
  bytes: number;
  /** 0 where the tensor is not quantized per tensor. */
  scale: number;
  zeroPoint: number;
}

/** Everything in a packed file. */
export interface PackedModel {
  tensors: TensorRecord[];
  operators: Uint8Array[];
  inputs: number[];
  outputs: number[];
  weights: Uint8Array;
  /** The weights as `storeWeights` narrowed them, to be written in their place. */
  stored?: Uint8Array;
  arenaBytes: number;
  stateBytes: number;
  /** What the state region begins with; the rest is zero. */
  state?: Uint8Array;
  /** Stored as JSON in optional sections. */
  metadata?: unknown;
  report?: unknown;
}

const align = (n: number): number => Math.ceil(n / ALIGNMENT) * ALIGNMENT;

/** The file's bytes; the same for the same model. @throws NibbleError when it passes 2 GiB or a tensor has too many dimensions. */
export function encode(model: PackedModel): Uint8Array {
  const text = new TextEncoder();
  const json = (value: unknown) => text.encode(JSON.stringify(value));
  const { names, offsets } = encodeStrings(model.tensors.map((t) => t.name));
  const io = Uint32Array.from([...model.inputs, ...model.outputs]);
  const sections: { kind: number; flags: number; bytes: Uint8Array }[] = [
    { kind: SECTION_TENSORS, flags: SECTION_REQUIRED, bytes: encodeTensors(model.tensors, offsets) },
    { kind: SECTION_OPERATORS, flags: SECTION_REQUIRED, bytes: concatenate(model.operators) },
    { kind: SECTION_IO, flags: SECTION_REQUIRED, bytes: new Uint8Array(io.buffer) },
    model.stored
      ? { kind: SECTION_STORED, flags: SECTION_REQUIRED, bytes: model.stored }
      : { kind: SECTION_WEIGHTS, flags: SECTION_REQUIRED, bytes: model.weights },
    { kind: SECTION_STRINGS, flags: 0, bytes: names },
  ];
  if (model.state?.length)
    sections.push({ kind: SECTION_STATE, flags: SECTION_REQUIRED, bytes: model.state });
  if (model.metadata !== undefined)
    sections.push({ kind: SECTION_METADATA, flags: 0, bytes: json(model.metadata) });
  if (model.report !== undefined)
    sections.push({ kind: SECTION_REPORT, flags: 0, bytes: json(model.report) });

  const starts: number[] = [];
  let end = HEADER_BYTES + sections.length * SECTION_BYTES;
  for (const section of sections) {
    starts.push(align(end));
    end = align(end) + section.bytes.length;
  }
  const fileBytes = align(end);
  if (fileBytes >= 2 ** 31)
    throw new NibbleError(
      "unsupported",
      `the packed model would have ${fileBytes} bytes; the limit is 2 GiB`,
    );
  const out = new Uint8Array(fileBytes);
  const view = new DataView(out.buffer);
  const header: [number, number][] = [
    [H_MAGIC, MAGIC],
    [H_VERSION, VERSION],
    [H_FILE_BYTES, fileBytes],
    [H_SECTIONS, sections.length],
    [H_TENSORS, model.tensors.length],
    [H_OPERATORS, model.operators.length],
    [H_INPUTS, model.inputs.length],
    [H_OUTPUTS, model.outputs.length],
    [H_ARENA_BYTES, model.arenaBytes],
    [H_STATE_BYTES, model.stateBytes],
  ];
  for (const [at, value] of header) view.setUint32(at, value, true);
  for (const [i, section] of sections.entries()) {
    const at = HEADER_BYTES + i * SECTION_BYTES;
    view.setUint32(at + S_KIND, section.kind, true);
    view.setUint32(at + S_FLAGS, section.flags, true);
    view.setUint32(at + S_OFFSET, starts[i], true);
    view.setUint32(at + S_BYTES, section.bytes.length, true);
    out.set(section.bytes, starts[i]);
  }
  view.setUint32(H_CHECKSUM, checksum(out, CHECKSUM_FROM), true);
  return out;
}

function encodeTensors(tensors: readonly TensorRecord[], nameOffsets: readonly number[]): Uint8Array {
  const out = new Uint8Array(tensors.length * TENSOR_BYTES);
  const view = new DataView(out.buffer);
  for (const [i, t] of tensors.entries()) {
    if (t.shape.length > MAX_RANK)
      throw new NibbleError(
        "unsupported",
        `tensor "${t.name}": expected at most ${MAX_RANK} dimensions, found ${t.shape.length}`,
      );
    const at = i * TENSOR_BYTES;
    out[at + T_DTYPE] = t.dtype;
    out[at + T_REGION] = t.region;
    out[at + T_RANK] = t.shape.length;
    view.setUint32(at + T_OFFSET, t.offset, true);
    view.setUint32(at + T_SIZE, t.bytes, true);
    view.setFloat32(at + T_SCALE, t.scale, true);
    view.setInt32(at + T_ZERO_POINT, t.zeroPoint, true);
    for (const [axis, n] of t.shape.entries()) view.setUint32(at + T_DIMS + 4 * axis, n, true);
    view.setUint32(at + T_NAME, nameOffsets[i], true);
  }
  return out;
}

function encodeStrings(strings: readonly string[]): { names: Uint8Array; offsets: number[] } {
  const text = new TextEncoder();
  const parts = strings.map((s) => text.encode(`${s.replaceAll("\0", "\ufffd")}\0`));
  const offsets: number[] = [];
  let at = 0;
  for (const part of parts) {
    offsets.push(at);
    at += part.length;
  }
  return { names: concatenate(parts), offsets };
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
