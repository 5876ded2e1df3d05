import { describe, expect, test } from "vitest";
import { OP_GEMM_F32 } from "../../assembly/codes.ts";
import {
  DTYPE_FLOAT32,
  H_ARENA_BYTES,
  H_STATE_BYTES,
  HEADER_BYTES,
  O_CODE,
  O_INPUT,
  O_OUTPUT,
  S_FLAGS,
  S_KIND,
  S_OFFSET,
  SECTION_BYTES,
  SECTION_IO,
  SECTION_REQUIRED,
  SECTION_WEIGHTS,
  T_DTYPE,
  T_OFFSET,
  T_SIZE,
} from "../../assembly/format.ts";
import { M_BIAS, M_K, M_SCRATCH, M_WEIGHTS } from "../../assembly/records.ts";
import { decode } from "../../src/format/decode.ts";
import { loadModelSync, NibbleError } from "../../src/index.ts";
import { pack } from "../../src/pack/pack.ts";
import { type Anatomy, anatomyOf, repair } from "../fuzz/mutate.ts";
import { convGraph, fullyConnectedGraph, randomFrom } from "../helpers/graphs.ts";
import { tiers } from "../helpers/tiers.ts";

/** A sound file in the middle of being damaged. */
interface Patient {
  view: DataView;
  anatomy: Anatomy;
  /** Start of the section of that kind, and of its entry in the section table. */
  section(kind: number): number;
  entry(kind: number): number;
}

/** x [1, 6] → y [1, 4]: one GEMM with two values of padding in each block of weights. */
const gemm = () => pack(fullyConnectedGraph(randomFrom(1), [1], 4, 6, { kind: "int8" })).bytes;
const conv = () =>
  pack(convGraph(randomFrom(2), { padding: { top: 1, left: 1, bottom: 1, right: 1 } })).bytes;

function damaged(bytes: Uint8Array, change: (patient: Patient) => void): Uint8Array {
  const view = new DataView(bytes.buffer);
  const entry = (kind: number): number => {
    let at = HEADER_BYTES;
    while (view.getUint32(at + S_KIND, true) !== kind) at += SECTION_BYTES;
    return at;
  };
  change({
    view,
    anatomy: anatomyOf(bytes),
    entry,
    section: (kind) => view.getUint32(entry(kind) + S_OFFSET, true),
  });
  return repair(bytes);
}

const record = ({ anatomy }: Patient): number => anatomy.operators[0]!.from;
const tensorOf = (patient: Patient, field: number): number =>
  patient.anatomy.tensors[patient.view.getUint32(record(patient) + field, true)]!.from;

const cases: [string, () => Uint8Array, (patient: Patient) => void, string, RegExp][] = [
  [
    "an opcode of another type than its tensors",
    gemm,
    (p) => p.view.setUint32(record(p) + O_CODE, OP_GEMM_F32, true),
    "bad-file",
    /operator 0: its types do not agree/,
  ],
  [
    "an unknown opcode",
    gemm,
    (p) => p.view.setUint32(record(p) + O_CODE, 250, true),
    "unsupported",
    /operator 0 has code 250/,
  ],
  [
    "a missing tensor",
    gemm,
    (p) => p.view.setUint32(record(p) + O_INPUT, 99, true),
    "bad-file",
    /operator 0: .*does not exist/,
  ],
  [
    "K that is not the input's",
    gemm,
    (p) => p.view.setUint32(record(p) + M_K, 5, true),
    "bad-file",
    /operator 0/,
  ],
  [
    "weights past their section",
    gemm,
    (p) => p.view.setUint32(record(p) + M_WEIGHTS, 1 << 20, true),
    "bad-file",
    /operator 0: .*outside/,
  ],
  [
    "a bias that is not aligned",
    gemm,
    (p) => p.view.setUint32(record(p) + M_BIAS, 4, true),
    "bad-file",
    /operator 0: .*aligned/,
  ],
  [
    "weights that are not zero beyond k",
    gemm,
    (p) =>
      p.view.setUint8(p.section(SECTION_WEIGHTS) + p.view.getUint32(record(p) + M_WEIGHTS, true) + 34, 1),
    "bad-file",
    /operator 0: a field is outside its range/,
  ],
  [
    "a bias that could overflow the sum",
    gemm,
    (p) =>
      p.view.setInt32(
        p.section(SECTION_WEIGHTS) + p.view.getUint32(record(p) + M_BIAS, true),
        0x7fffffff,
        true,
      ),
    "bad-file",
    /operator 0: its int32 sums could overflow/,
  ],
  [
    "an output over its own input",
    gemm,
    (p) =>
      p.view.setUint32(
        tensorOf(p, O_OUTPUT) + T_OFFSET,
        p.view.getUint32(tensorOf(p, O_INPUT) + T_OFFSET, true),
        true,
      ),
    "bad-file",
    /operator 0: .*output lies over/,
  ],
  [
    "an input in its operator's scratch",
    conv,
    (p) =>
      p.view.setUint32(tensorOf(p, O_INPUT) + T_OFFSET, p.view.getUint32(record(p) + M_SCRATCH, true), true),
    "bad-file",
    /operator 0: its scratch/,
  ],
  [
    "an input that nothing writes",
    gemm,
    (p) => p.view.setUint32(p.section(SECTION_IO), p.view.getUint32(p.section(SECTION_IO) + 4, true), true),
    "bad-file",
    /operator 0: it is read where nothing of its type has been written/,
  ],
  [
    "an arena larger than what lies in it",
    gemm,
    (p) => p.view.setUint32(H_ARENA_BYTES, 0x7fffffff, true),
    "bad-file",
    /header: expected \d+, found 2147483647/,
  ],
  [
    "state that no tensor uses",
    gemm,
    (p) => p.view.setUint32(H_STATE_BYTES, 0xfffffff, true),
    "bad-file",
    /header: expected 0, found 268435455/,
  ],
  [
    "more memory than there is",
    gemm,
    (p) => p.view.setUint32(H_ARENA_BYTES, 0xffffffff, true),
    "out-of-memory",
    /needs \d+ bytes of memory/,
  ],
  [
    "a tensor whose bytes are not its shape's",
    gemm,
    (p) => p.view.setUint32(tensorOf(p, O_INPUT) + T_SIZE, 7, true),
    "bad-file",
    /tensor 0: its shapes do not agree/,
  ],
  [
    "a tensor of another type",
    gemm,
    (p) => p.view.setUint8(tensorOf(p, O_INPUT) + T_DTYPE, DTYPE_FLOAT32),
    "bad-file",
    /tensor 0/,
  ],
  [
    "a tensor past the arena",
    gemm,
    (p) => p.view.setUint32(tensorOf(p, O_INPUT) + T_OFFSET, 1 << 16, true),
    "bad-file",
    /tensor 0: it lies outside/,
  ],
  [
    "a section that overlaps another",
    gemm,
    (p) => p.view.setUint32(p.entry(SECTION_WEIGHTS) + S_OFFSET, 64, true),
    "bad-file",
    /section 3/,
  ],
  [
    "a required section of an unknown kind",
    gemm,
    (p) => {
      p.view.setUint32(p.entry(6) + S_FLAGS, SECTION_REQUIRED, true);
      p.view.setUint32(p.entry(6) + S_KIND, 77, true);
    },
    "unsupported",
    /section 4 is of kind 77/,
  ],
  [
    "a missing section",
    gemm,
    (p) => p.view.setUint32(p.entry(SECTION_WEIGHTS) + S_KIND, 77, true),
    "unsupported",
    /section 3 is of kind 77/,
  ],
];

describe.each(tiers)("tier %s refuses", (tier) => {
  test.each(cases)("%s", (_, make, change, code, message) => {
    let found: unknown;
    try {
      loadModelSync(damaged(make(), change), { tier, name: "damaged.nbl" });
    } catch (error) {
      found = error;
    }
    expect(found).toBeInstanceOf(NibbleError);
    expect(found).toMatchObject({ code, message: expect.stringMatching(message) });
    expect((found as Error).message).toMatch(/^damaged\.nbl: /);
  });

  test("an input among the constants, which the host would overwrite", () => {
    const graph = fullyConnectedGraph(randomFrom(1), [1], 4, 6, { kind: "float32" });
    const constant = graph.nodes[0]!.inputs[1]!;
    const bytes = pack({ ...graph, inputs: [...graph.inputs, { ...constant, name: "constant" }] }).bytes;
    expect(() => loadModelSync(bytes, { tier })).toThrow(/writes to a constant/);
  });
});

test("an optional section of an unknown kind is passed over", () => {
  const bytes = damaged(gemm(), (p) => p.view.setUint32(p.entry(6) + S_KIND, 77, true));
  expect(decode(bytes).tensors.map((t) => t.name)).toEqual(["tensor 0", "tensor 1"]);
  for (const tier of tiers) expect(loadModelSync(bytes, { tier }).inputs[0]!.name).toBe("tensor 0");
});
