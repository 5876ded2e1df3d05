/** Reserving memory for a file, and accepting or refusing it: header, sections, tensors, then every operator. */

import {
  CHECK_INDEX,
  CHECK_RECORD,
  CHECK_WRITES_CONSTANT,
  CULPRIT_FILE,
  CULPRIT_OPERATOR,
  CULPRIT_SECTION,
  CULPRIT_TENSOR,
  ERROR_CHECKSUM,
  ERROR_COUNT,
  ERROR_LENGTH,
  ERROR_MAGIC,
  ERROR_MEMORY,
  ERROR_NONE,
  ERROR_NOT_LOADED,
  ERROR_OPERATOR,
  ERROR_OPERATOR_UNKNOWN,
  ERROR_SECTION,
  ERROR_SECTION_MISSING,
  ERROR_SECTION_UNKNOWN,
  ERROR_TENSOR,
  ERROR_TRUNCATED,
  ERROR_VERSION,
} from "../abi";
import {
  ALIGNMENT,
  CHECKSUM_FROM,
  HEADER_BYTES,
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
  MAGIC,
  O_BYTES,
  O_CODE,
  O_FIELDS,
  REGION_WEIGHTS,
  SECTION_BYTES,
  SECTION_IO,
  SECTION_OPERATORS,
  SECTION_REPORT,
  SECTION_REQUIRED,
  SECTION_STATE,
  SECTION_STORED,
  SECTION_TENSORS,
  SECTION_WEIGHTS,
  SLACK,
  S_BYTES,
  S_FLAGS,
  S_KIND,
  S_OFFSET,
  TENSOR_BYTES,
  T_REGION,
  VERSION,
} from "../format";
import {
  arena,
  arenaBytes,
  operators,
  setArena,
  setOperators,
  setTensors,
  setWeights,
  tensor,
  tensorCount,
  tensors,
  u32At,
  weights,
  weightsBytes,
} from "./model";
import { keepsState, kept_stored } from "./kept";
import { roundUp } from "./check";
import { arenaExtent, checkFlow, checkState, flowCulprit, flowIndex, stateExtent } from "./flow";
import { prepare, preparedBytes } from "./prepare";
import { widen, widenedBytes } from "./stored";
import { placeTensor } from "./tensors";
import { isOperator, verifyOperator } from "./verify";
import { copyBytes, fillBytes } from "../simd/copy";

/** The last error: code, culprit kind, index, expected, found. */
const detail: usize = memory.data(20, 16);
/** Offset and size of each known section, by kind; zero where absent. */
const SECTION_KINDS: u32 = SECTION_STORED + 1;
const sections: usize = memory.data((SECTION_STORED + 1) * 8, 16);

const file: usize = (__heap_base + (ALIGNMENT - 1)) & ~(ALIGNMENT - 1);
let reserved: usize = 0;
let loaded: bool = false;
let io: usize = 0;
let inputs: u32 = 0;
let outputs: u32 = 0;
let state: usize = 0;
let stateBytes: u32 = 0;
/** Where the memory that the loaded model needs ends. */
let end: f64 = 0;

function refuse(code: i32, culprit: u32, index: u32, expected: u32, found: u32): i32 {
  store<i32>(detail, code);
  store<u32>(detail, culprit, 4);
  store<u32>(detail, index, 8);
  store<u32>(detail, expected, 12);
  store<u32>(detail, found, 16);
  return -code;
}

export function errorDetail(): usize {
  return detail;
}

/** As u32, the largest one where it is more. */
function toU32(v: f64): u32 {
  return <u32>min<f64>(v, u32.MAX_VALUE);
}

/** Grows the memory to hold `end` bytes. */
function ensure(end: f64): bool {
  const pages = ceil(end / 65536) - <f64>memory.size();
  return pages <= 0 || (pages < 65536 && memory.grow(<i32>pages) >= 0);
}

/** Where the host writes the file; 0 when there is no memory for it. Forgets any model loaded before. */
export function reserveFile(bytes: u32): usize {
  loaded = false;
  reserved = 0;
  inputs = 0;
  outputs = 0;
  if (!ensure(<f64>file + bytes + SLACK)) return 0;
  reserved = bytes;
  return file;
}

/** FNV-1a over 32-bit words, turned after each so that high bits reach low ones. */
function checksum(from: usize, to: usize): u32 {
  let hash: u32 = 0x811c9dc5;
  for (let p = from; p < to; p += 4) hash = rotl<u32>((hash ^ load<u32>(p)) * 0x01000193, 13);
  return hash;
}

// @ts-ignore: decorator
@inline
function sectionAt(kind: u32): usize {
  return file + load<u32>(sections + (<usize>kind << 3));
}

// @ts-ignore: decorator
@inline
function sectionSize(kind: u32): u32 {
  return load<u32>(sections + (<usize>kind << 3), 4);
}

function checkHeader(bytes: u32): i32 {
  if (bytes < HEADER_BYTES) return refuse(ERROR_TRUNCATED, CULPRIT_FILE, 0, HEADER_BYTES, bytes);
  if (u32At(file, H_MAGIC) != MAGIC) return refuse(ERROR_MAGIC, CULPRIT_FILE, 0, MAGIC, u32At(file, H_MAGIC));
  if (u32At(file, H_VERSION) != VERSION)
    return refuse(ERROR_VERSION, CULPRIT_FILE, 0, VERSION, u32At(file, H_VERSION));
  const length = u32At(file, H_FILE_BYTES);
  if (length != bytes || (length & (ALIGNMENT - 1)) != 0)
    return refuse(length > bytes ? ERROR_TRUNCATED : ERROR_LENGTH, CULPRIT_FILE, 0, length, bytes);
  const sum = checksum(file + CHECKSUM_FROM, file + length);
  if (sum != u32At(file, H_CHECKSUM)) return refuse(ERROR_CHECKSUM, CULPRIT_FILE, 0, u32At(file, H_CHECKSUM), sum);
  return ERROR_NONE;
}

/** Sections lie in ascending order without overlap, each aligned and at most once. */
function checkSections(bytes: u32): i32 {
  const count = u32At(file, H_SECTIONS);
  if (count > 256) return refuse(ERROR_COUNT, CULPRIT_FILE, 0, 256, count);
  fillBytes(sections, 0, SECTION_KINDS << 3);
  let end: u32 = HEADER_BYTES + count * SECTION_BYTES;
  if (end > bytes) return refuse(ERROR_COUNT, CULPRIT_FILE, 0, bytes, count);
  for (let i: u32 = 0; i < count; i++) {
    const s = file + HEADER_BYTES + <usize>i * SECTION_BYTES;
    const kind = u32At(s, S_KIND);
    const offset = u32At(s, S_OFFSET);
    const size = u32At(s, S_BYTES);
    if ((offset & (ALIGNMENT - 1)) != 0 || offset < end || offset > bytes || size > bytes - offset)
      return refuse(ERROR_SECTION, CULPRIT_SECTION, i, end, offset);
    end = offset + size;
    if (kind == 0 || kind >= SECTION_KINDS) {
      if (u32At(s, S_FLAGS) & SECTION_REQUIRED) return refuse(ERROR_SECTION_UNKNOWN, CULPRIT_SECTION, i, 0, kind);
      continue;
    }
    const slot = sections + (<usize>kind << 3);
    if (load<u32>(slot) != 0) return refuse(ERROR_SECTION, CULPRIT_SECTION, i, 1, 2);
    store<u32>(slot, offset);
    store<u32>(slot, size, 4);
  }
  for (let kind: u32 = SECTION_TENSORS; kind <= SECTION_IO; kind++)
    if (load<u32>(sections + (<usize>kind << 3)) == 0)
      return refuse(ERROR_SECTION_MISSING, CULPRIT_SECTION, 0, kind, 0);
  return ERROR_NONE;
}

/** The counts of the header fit their sections. */
function checkCounts(): i32 {
  const count = u32At(file, H_TENSORS);
  if (<f64>count * TENSOR_BYTES != <f64>sectionSize(SECTION_TENSORS))
    return refuse(ERROR_COUNT, CULPRIT_SECTION, SECTION_TENSORS, sectionSize(SECTION_TENSORS), count);
  const ends = <f64>u32At(file, H_INPUTS) + u32At(file, H_OUTPUTS);
  if (ends * 4 != <f64>sectionSize(SECTION_IO))
    return refuse(ERROR_COUNT, CULPRIT_SECTION, SECTION_IO, sectionSize(SECTION_IO), toU32(ends));
  if (sectionSize(SECTION_STATE) > u32At(file, H_STATE_BYTES))
    return refuse(ERROR_COUNT, CULPRIT_SECTION, SECTION_STATE, u32At(file, H_STATE_BYTES), sectionSize(SECTION_STATE));
  return ERROR_NONE;
}

/** Finds the weights, widening them where they are stored; moves `end` behind them. */
function placeWeights(): i32 {
  const stored = kept_stored ? sectionSize(SECTION_STORED) : 0;
  if (stored == 0) {
    setWeights(sectionAt(SECTION_WEIGHTS), sectionSize(SECTION_WEIGHTS));
    return ERROR_NONE;
  }
  const section = sectionAt(SECTION_STORED);
  const bytes = widenedBytes(section, stored);
  if (bytes == 0 || sectionSize(SECTION_WEIGHTS) != 0)
    return refuse(ERROR_COUNT, CULPRIT_SECTION, SECTION_STORED, stored, load<u32>(section));
  const at = roundUp(end, ALIGNMENT);
  end = at + bytes + SLACK;
  if (!ensure(end)) return refuseMemory();
  if (!widen(section, stored, toU32(at), bytes)) return refuse(ERROR_COUNT, CULPRIT_SECTION, SECTION_STORED, bytes, stored);
  setWeights(toU32(at), bytes);
  return ERROR_NONE;
}

/** Gives weights, arena and state their places, and every tensor its address. Nothing is read or written there. */
function placeTensors(bytes: u32): i32 {
  const arenaSize = u32At(file, H_ARENA_BYTES);
  stateBytes = u32At(file, H_STATE_BYTES);
  end = <f64>file + bytes;
  const error = placeWeights();
  if (error) return error;
  const arenaAt = roundUp(end, ALIGNMENT);
  const stateAt = roundUp(arenaAt + arenaSize + SLACK, ALIGNMENT);
  end = stateAt + stateBytes + SLACK;
  if (end > <f64>u32.MAX_VALUE) return refuseMemory();
  setArena(toU32(arenaAt), arenaSize);
  setTensors(sectionAt(SECTION_TENSORS), u32At(file, H_TENSORS));
  setOperators(sectionAt(SECTION_OPERATORS), u32At(file, H_OPERATORS));
  state = toU32(stateAt);
  for (let i: u32 = 0; i < tensorCount; i++) {
    const check = placeTensor(
      tensor(i), arena, arenaSize, weights, weightsBytes,
      state, stateBytes
    );
    if (check) return refuse(ERROR_TENSOR, CULPRIT_TENSOR, i, 0, check);
  }
  io = sectionAt(SECTION_IO);
  const ends = u32At(file, H_INPUTS) + u32At(file, H_OUTPUTS);
  for (let i: u32 = 0; i < ends; i++) {
    const index = u32At(io, <usize>i << 2);
    if (index >= tensorCount) return refuse(ERROR_TENSOR, CULPRIT_TENSOR, index, tensorCount, CHECK_INDEX);
    // What was verified must not change afterwards, and the host writes inputs.
    if (i < u32At(file, H_INPUTS) && load<u8>(tensor(index) + T_REGION) == REGION_WEIGHTS)
      return refuse(ERROR_TENSOR, CULPRIT_TENSOR, index, 0, CHECK_WRITES_CONSTANT);
  }
  return ERROR_NONE;
}

function checkOperators(): i32 {
  const count = u32At(file, H_OPERATORS);
  const size = sectionSize(SECTION_OPERATORS);
  let at: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const record = operators + at;
    if (size - at < O_FIELDS) return refuse(ERROR_OPERATOR, CULPRIT_OPERATOR, i, size, CHECK_RECORD);
    const length = u32At(record, O_BYTES);
    if ((length & 3) != 0 || length < O_FIELDS || length > size - at)
      return refuse(ERROR_OPERATOR, CULPRIT_OPERATOR, i, size - at, CHECK_RECORD);
    if (!isOperator(u32At(record, O_CODE)))
      return refuse(ERROR_OPERATOR_UNKNOWN, CULPRIT_OPERATOR, i, 0, u32At(record, O_CODE));
    const check = verifyOperator(record);
    if (check) return refuse(ERROR_OPERATOR, CULPRIT_OPERATOR, i, u32At(record, O_CODE), check);
    at += length;
  }
  return at == size ? ERROR_NONE : refuse(ERROR_COUNT, CULPRIT_SECTION, SECTION_OPERATORS, size, at);
}

function refuseMemory(): i32 {
  return refuse(ERROR_MEMORY, CULPRIT_FILE, 0, toU32(end), <u32>memory.size() << 16);
}

/** Memory is what tensors and scratch need and no more; a damaged header cannot ask for gigabytes. */
function checkMemory(): i32 {
  const used = roundUp(arenaExtent(), ALIGNMENT);
  if (used < <f64>arenaBytes) return refuse(ERROR_COUNT, CULPRIT_FILE, 0, toU32(used), arenaBytes);
  const kept = roundUp(stateExtent(state), ALIGNMENT);
  if (kept < <f64>stateBytes) return refuse(ERROR_COUNT, CULPRIT_FILE, 0, toU32(kept), stateBytes);
  return ensure(end) ? ERROR_NONE : refuseMemory();
}

/** What this tier adds lies behind the state. */
function prepareModel(): i32 {
  const at = roundUp(end, ALIGNMENT);
  end = at + preparedBytes() + SLACK;
  if (!ensure(end)) return refuseMemory();
  prepare(toU32(at));
  return ERROR_NONE;
}

/** 0, or −code with error_detail() filled in; a refused file leaves nothing loaded. */
export function loadFile(pointer: usize, bytes: u32): i32 {
  loaded = false;
  if (pointer != file || <usize>bytes > reserved) return refuse(ERROR_NOT_LOADED, CULPRIT_FILE, 0, <u32>reserved, bytes);
  let error = checkHeader(bytes);
  if (error) return error;
  error = checkSections(bytes);
  if (error) return error;
  error = checkCounts();
  if (error) return error;
  error = placeTensors(bytes);
  if (error) return error;
  error = checkOperators();
  if (error) return error;
  error = checkMemory();
  if (error) return error;
  let flow = keepsState() ? checkState(state, stateBytes) : 0;
  if (!flow) flow = checkFlow(io, u32At(file, H_INPUTS), u32At(file, H_OUTPUTS));
  if (flow) return refuse(flowCulprit == CULPRIT_TENSOR ? ERROR_TENSOR : ERROR_OPERATOR, flowCulprit, flowIndex, 0, flow);
  error = prepareModel();
  if (error) return error;
  refuse(ERROR_NONE, CULPRIT_FILE, 0, 0, 0);
  inputs = u32At(file, H_INPUTS);
  outputs = u32At(file, H_OUTPUTS);
  loaded = true;
  resetState();
  return ERROR_NONE;
}

export function isLoaded(): bool {
  return loaded;
}

export function notLoaded(): i32 {
  return refuse(ERROR_NOT_LOADED, CULPRIT_FILE, 0, 0, 0);
}

/** Where the loaded model keeps what lives from one inference to the next, and how many bytes of it. */
export function statePointer(): usize {
  return loaded ? state : 0;
}

export function stateSize(): u32 {
  return loaded ? stateBytes : 0;
}

/** The state region as the file gives it, zero beyond. */
export function resetState(): void {
  if (!loaded || stateBytes == 0) return;
  const initial = sectionSize(SECTION_STATE);
  copyBytes(state, sectionAt(SECTION_STATE), initial);
  fillBytes(state + initial, 0, stateBytes - initial);
}

/** Tensor index of input i, then of output i; −1 when there is none. */
export function inputIndex(i: u32): i32 {
  return i < inputs ? <i32>u32At(io, <usize>i << 2) : -1;
}

export function outputIndex(i: u32): i32 {
  return i < outputs ? <i32>u32At(io, <usize>(inputs + i) << 2) : -1;
}
