/** Runs graphs on the engine inside a poisoned arena and holds the result against the reference. */

import { expect } from "vitest";
import {
  OP_CONV_F32,
  OP_CONV_QS8,
  OP_CONV_QS16,
  OP_DWCONV_F32,
  OP_DWCONV_QS8,
  OP_GEMM_QD8,
  OP_INTEGER_CONV,
  OP_LSTM_QS8,
  OP_MATMUL_F32,
  OP_MICRO_FEATURES,
  OP_RECURRENT_F32,
  OP_SPECTRUM,
} from "../../assembly/codes.ts";
import { FIRST_WIDE, O_VARIABLE, O_VARIABLE2, REGION_ARENA, SLACK } from "../../assembly/format.ts";
import { M_SCRATCH, M_SCRATCH_BYTES } from "../../assembly/records.ts";
import type { Graph, TensorData } from "../../src/graph/graph.ts";
import { type Packed, pack } from "../../src/pack/pack.ts";
import { createModel, type InspectableModel } from "../../src/runtime/model.ts";
import type { Tier } from "../../src/runtime/tiers.ts";
import { wasm } from "../../src/wasm.ts";
import type { Case } from "../helpers/graphs.ts";
import { tiers } from "../helpers/tiers.ts";
import { runReference } from "../reference/run.ts";

const word = new DataView(new ArrayBuffer(4));

function bitsOf(value: number | bigint, isFloat: boolean): number | bigint {
  if (!isFloat) return value;
  word.setFloat32(0, value as number);
  return word.getUint32(0);
}

/** The first place where the bits differ, in words, or undefined. NaN equals NaN of any payload. */
function firstDifference(found: TensorData, expected: TensorData): string | undefined {
  if (found.constructor !== expected.constructor || found.length !== expected.length)
    return `${found.constructor.name}(${found.length}) is not ${expected.constructor.name}(${expected.length})`;
  const isFloat = found instanceof Float32Array;
  for (let i = 0; i < found.length; i++) {
    const [a, b] = [found[i]!, expected[i]!];
    if (Number.isNaN(a) && Number.isNaN(b)) continue;
    if (bitsOf(a, isFloat) !== bitsOf(b, isFloat)) {
      const sign = (v: number | bigint) => (Object.is(v, -0) ? "-0" : String(v));
      return `element ${i} of ${found.length}: ${sign(a)} instead of ${sign(b)}`;
    }
  }
  return undefined;
}

const withScratch = new Set([
  OP_CONV_F32,
  OP_CONV_QS8,
  OP_CONV_QS16,
  OP_DWCONV_F32,
  OP_DWCONV_QS8,
  OP_GEMM_QD8,
  OP_INTEGER_CONV,
  OP_LSTM_QS8,
  OP_MATMUL_F32,
  OP_MICRO_FEATURES,
  OP_RECURRENT_F32,
  OP_SPECTRUM,
]);

/** Where an inference may write, as offsets in the arena. */
function writable({ contents }: InspectableModel): [from: number, to: number][] {
  return contents.operators.flatMap(({ code, record, output }) => {
    const { offset, bytes } = contents.tensors[output]!;
    const ranges: [number, number][] = [[offset, offset + bytes]];
    for (const field of code >= FIRST_WIDE ? [O_VARIABLE, O_VARIABLE2] : []) {
      const variable = contents.tensors[record.getUint32(field, true)];
      if (variable?.region === REGION_ARENA) ranges.push([variable.offset, variable.offset + variable.bytes]);
    }
    if (withScratch.has(code)) {
      const scratch = record.getUint32(M_SCRATCH, true);
      ranges.push([scratch, scratch + record.getUint32(M_SCRATCH_BYTES, true)]);
    }
    return ranges;
  });
}

/** Address of the arena in the model's memory. */
function arenaAddress({ contents, tensor }: InspectableModel): number {
  const index = contents.tensors.findIndex((t) => t.region === REGION_ARENA);
  return tensor(index).byteOffset - contents.tensors[index]!.offset;
}

/** Where the engine's own scratch begins, behind arena and state: prepared rows and windows (assembly/engine/prepare.ts). */
function scratchAddress(model: InspectableModel, arena: number): number {
  const behind = (bytes: number) => Math.ceil((bytes + SLACK) / 64) * 64;
  return behind(behind(arena + model.memory.arena) + model.memory.state);
}

/**
 * One inference with every byte of the arena set to `poison` beforehand, inputs apart. Asserts that from the
 * file's first byte to the engine's own scratch only outputs and scratch have changed.
 */
function runPoisoned(
  graph: Graph,
  packed: Packed,
  inputs: readonly TensorData[],
  tier: Tier,
  poison: number,
): InspectableModel {
  const model = createModel(wasm, packed.bytes, { tier, name: graph.name });
  const memory = new Uint8Array(model.tensor(0).buffer as ArrayBuffer);
  const arena = arenaAddress(model);
  memory.fill(poison, arena, arena + model.memory.arena + SLACK);
  for (const [i, input] of graph.inputs.entries())
    (model.input(input.name) as Float32Array).set(inputs[i] as Float32Array);
  const before = memory.slice();
  model.invoke();
  const file = arena - packed.bytes.length;
  for (const [from, to] of writable(model))
    before.set(memory.subarray(arena + from, arena + to), arena + from);
  const end = scratchAddress(model, arena);
  const same = Buffer.compare(before.subarray(file, end), memory.subarray(file, end)) === 0;
  expect(same, `${tier}: bytes outside of outputs and scratch changed`).toBe(true);
  return model;
}

/**
 * The engine equals the reference in every tensor, bit for bit, in every tier, whatever lay in the arena before,
 * and writes nothing but outputs and scratch.
 */
export function expectExact({ graph, inputs }: Case, label = ""): void {
  const expected = runReference(graph, inputs);
  const packed = pack(graph, { keepAll: true });
  for (const tier of tiers) {
    for (const poison of [0x80, 0x7f]) {
      const model = runPoisoned(graph, packed, inputs, tier, poison);
      for (const y of graph.nodes.flatMap((n) => n.outputs)) {
        const index = packed.tensorIndex.get(y);
        // A uint8 tensor between two nodes lives on as int8; what reads it is compared.
        if (index === undefined && y.dtype === "uint8" && !graph.outputs.includes(y)) continue;
        const found = model.tensor(index!);
        const difference = firstDifference(found, expected.get(y)!);
        if (difference)
          expect.fail(`${label} ${graph.nodes[0]!.op} "${y.name}" ${tier}, poison ${poison}: ${difference}`);
      }
      model.dispose();
    }
  }
}
