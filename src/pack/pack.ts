import {
  ALIGNMENT,
  DTYPE_BOOL,
  DTYPE_FLOAT32,
  DTYPE_INT8,
  DTYPE_INT16,
  DTYPE_INT32,
  DTYPE_INT64,
  DTYPE_UINT8,
  NONE,
  O_INPUT,
  O_INPUT2,
  O_INPUT3,
  O_OUTPUT,
  O_VARIABLE,
  O_VARIABLE2,
  REGION_ARENA,
  REGION_STATE,
  REGION_WEIGHTS,
} from "../../assembly/format.ts";
import { encode, type TensorRecord } from "../format/encode.ts";
import { bytesPerElement, type DType, elementCount, type Graph, type Tensor } from "../graph/graph.ts";
import { storedBytes } from "../graph/passes/constant.ts";
import { copyWhole } from "./lower/copy.ts";
import { lowerNode } from "./lower/index.ts";
import { lowerUint8 } from "./lower-uint8.ts";
import type { Lowering } from "./lowering.ts";
import { type Buffer, planArena } from "./plan.ts";
import { type Instruction, isWide, tensorsOf } from "./record.ts";
import { checkStates, emitStores, initialBytes, type Lowered, planStates, storeInPlace } from "./states.ts";
import { storeWeights } from "./store.ts";
import { createWeights, type WeightsSection } from "./weights.ts";

export interface PackOptions {
  /** Kept as JSON in the file: source, labels, licence, how it was made. */
  metadata?: unknown;
  /** What the quantizer measured, kept as JSON. */
  report?: unknown;
  /** Weights stored narrower than they run: wherever that is smaller, or never; by default where it spares an eighth. */
  narrow?: boolean;
  /** Every tensor gets a place of its own, so that all can be read after a run. Costs memory. */
  keepAll?: boolean;
}

/** A packed file, and where the graph's tensors went. */
export interface Packed {
  bytes: Uint8Array;
  /** Index in the file of each tensor that has a place there. */
  tensorIndex: Map<Tensor, number>;
  /** Of the weights and tables as the file holds them, and whether that is narrower than they run. */
  stored: { bytes: number; isNarrow: boolean };
}

const codes: Record<DType, number> = {
  float32: DTYPE_FLOAT32,
  int8: DTYPE_INT8,
  uint8: DTYPE_UINT8,
  int16: DTYPE_INT16,
  int32: DTYPE_INT32,
  int64: DTYPE_INT64,
  bool: DTYPE_BOOL,
};

/** What packed weights may take: so much, and so many times the graph's constants. */
const [leastPacked, packedPerByte] = [64 << 20, 32];

const byteLength = (t: Tensor): number => elementCount(t.shape) * bytesPerElement(t.dtype);

/** Turns a graph into the bytes of a packed file. @throws NibbleError naming the node or tensor it cannot express. */
export function pack(graph: Graph, options: PackOptions = {}): Packed {
  const { graph: signed, twins } = lowerUint8(graph);
  const states = signed.states ?? [];
  const program = lower(signed, twins, options.keepAll ?? false);
  const tensors = listTensors(signed, program, options.keepAll ?? false);
  const tensorIndex = new Map(tensors.map((t, i) => [t, i]));
  const kept = planStates(states, ALIGNMENT);
  const inState = (t: Tensor): number | undefined => kept.offsets.get(program.root(t));
  const { place, scratch, arenaBytes } = placeAll(
    signed,
    program,
    tensors,
    inState,
    options.keepAll ?? false,
  );

  const records: TensorRecord[] = tensors.map((t) => {
    const constant = t.data !== undefined;
    const state = inState(t);
    const q = t.quantization?.scale.length === 1 ? t.quantization : undefined;
    return {
      name: t.name,
      dtype: codes[t.dtype],
      shape: t.shape,
      region: constant ? REGION_WEIGHTS : state === undefined ? REGION_ARENA : REGION_STATE,
      offset: constant ? program.weights.add(t.data!) : (state ?? place(t)),
      bytes: byteLength(t),
      scale: q?.scale[0] ?? 0,
      zeroPoint: q?.zeroPoint[0] ?? 0,
    };
  });
  const index = (t: Tensor | null): number => (t ? tensorIndex.get(t)! : NONE);
  for (const [i, instruction] of program.instructions.entries()) {
    const { record, input, input2, output, scratchField } = instruction;
    record.setUint32(O_INPUT, index(input), true);
    record.setUint32(O_INPUT2, index(input2), true);
    record.setUint32(O_OUTPUT, index(output), true);
    if (isWide(instruction)) {
      const [variable, variable2] = instruction.variables ?? [];
      record.setUint32(O_INPUT3, index(instruction.input3 ?? null), true);
      record.setUint32(O_VARIABLE, index(variable ?? null), true);
      record.setUint32(O_VARIABLE2, index(variable2 ?? null), true);
    }
    if (scratchField) record.setUint32(scratchField, scratch[i], true);
  }
  const stored =
    options.narrow === false
      ? undefined
      : storeWeights(program.weights.parts(), options.narrow ? { share: 0, bytes: 0 } : undefined);
  const bytes = encode({
    tensors: records,
    operators: program.instructions.map((i) => new Uint8Array(i.record.buffer)),
    inputs: graph.inputs.map(index),
    outputs: graph.outputs.map(index),
    weights: program.weights.bytes(),
    ...(stored && { stored }),
    arenaBytes,
    stateBytes: kept.bytes,
    state: initialBytes(states, (t) => kept.offsets.get(t)!, kept.bytes),
    ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
    ...(options.report === undefined ? {} : { report: options.report }),
  });
  const weightBytes = stored ?? program.weights.bytes();
  return { bytes, tensorIndex, stored: { bytes: weightBytes.length, isNarrow: stored !== undefined } };
}

interface Program {
  instructions: Instruction[];
  weights: WeightsSection;
  /** The tensor whose bytes `t` shares; itself when it has its own. */
  root(t: Tensor): Tensor;
}

function lower(graph: Graph, twins: Set<Tensor>, keepAll: boolean): Program {
  const instructions: Instruction[] = [];
  const weights = createWeights(leastPacked + packedPerByte * storedBytes(graph));
  const parents = new Map<Tensor, Tensor>();
  const root = (t: Tensor): Tensor => {
    const parent = parents.get(t);
    return parent ? root(parent) : t;
  };
  const fixed = new Set([...graph.inputs, ...graph.outputs]);
  const lowering: Lowering = {
    rounding: graph.rounding,
    weights,
    emit: (instruction) => instructions.push(instruction),
    alias(from, to) {
      // Inputs, outputs and constants keep places of their own.
      if (fixed.has(to) || root(from).data) copyWhole(lowering, to.name, from, to);
      else parents.set(to, from);
    },
    wasUint8: (t) => twins.has(t),
    intermediate(name, like, shape) {
      const t: Tensor = { name, dtype: like.dtype, shape: [...shape] };
      if (like.quantization) t.quantization = like.quantization;
      if (twins.has(like)) twins.add(t);
      return t;
    },
  };
  for (const node of graph.nodes) lowerNode(lowering, node);
  const { states = [] } = graph;
  const lowered: Lowered = { instructions, fixed, root, share: (t, of) => parents.set(t, of) };
  checkStates(states, new Set(graph.nodes.flatMap(({ outputs }) => outputs)));
  emitStores(lowering, states, lowered);
  if (!keepAll) storeInPlace(states, lowered);
  return { instructions, weights, root };
}

/** Every tensor that the file must describe, in order of appearance; with `keepAll` the aliases too. */
function listTensors(graph: Graph, { instructions }: Program, keepAll: boolean): Tensor[] {
  const seen = new Set<Tensor>(graph.inputs);
  for (const instruction of instructions) for (const t of tensorsOf(instruction)) seen.add(t);
  for (const t of graph.outputs) seen.add(t);
  for (const { value } of graph.states ?? []) seen.add(value);
  if (keepAll) for (const node of graph.nodes) for (const t of node.outputs) seen.add(t);
  return [...seen];
}

/** Arena offsets of tensors and of each instruction's scratch. Inputs and outputs live from first to last. */
function placeAll(
  graph: Graph,
  { instructions, root }: Program,
  tensors: readonly Tensor[],
  inState: (t: Tensor) => number | undefined,
  keepAll: boolean,
) {
  const end = instructions.length;
  const buffers: Buffer[] = [];
  const slots = new Map<Tensor, number>();
  const touch = (t: Tensor, first: number, last: number): void => {
    const owner = root(t);
    if (owner.data || inState(owner) !== undefined) return;
    let slot = slots.get(owner);
    if (slot === undefined) {
      slot = buffers.push({ bytes: byteLength(owner), first, last }) - 1;
      slots.set(owner, slot);
    }
    const buffer = buffers[slot];
    buffer.first = Math.min(buffer.first, first);
    buffer.last = Math.max(buffer.last, last);
  };
  for (const t of [...graph.inputs, ...graph.outputs]) touch(t, 0, end);
  for (const [i, instruction] of instructions.entries())
    for (const t of tensorsOf(instruction)) touch(t, i, i);
  if (keepAll) for (const t of tensors) touch(t, 0, end);
  const scratchSlots = instructions.map(({ scratchBytes }, i) =>
    scratchBytes ? buffers.push({ bytes: scratchBytes, first: i, last: i }) - 1 : -1,
  );
  const { offsets, bytes } = planArena(buffers);
  return {
    place: (t: Tensor): number => offsets[slots.get(root(t))!],
    scratch: scratchSlots.map((slot) => (slot < 0 ? 0 : offsets[slot])),
    arenaBytes: bytes,
  };
}
