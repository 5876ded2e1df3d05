/** Hostile files: a Graph or a NibbleError, and soon. Damage by chance is in test/fuzz. */
import { Builder } from "flatbuffers";
import { describe, expect, test } from "vitest";
import { importTflite } from "../../src/import/tflite/index.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import { buildTflite, plainOptions, type SubgraphSpec } from "../helpers/tflite-builder.ts";
import { graphProblems } from "../helpers/tflite-invariants.ts";
import { float, sampleFiles } from "../helpers/tflite-models.ts";

type Outcome = "imported" | "bad-file" | "unsupported";

/** Anything thrown but a NibbleError fails the test, and so does a graph that is not sound. */
function outcome(bytes: Uint8Array): Outcome {
  try {
    const graph = importTflite(bytes, { file: "damaged.tflite" });
    expect(graphProblems(graph)).toEqual([]);
    return "imported";
  } catch (error) {
    if (error instanceof NibbleError) return error.code as Outcome;
    throw error;
  }
}

describe("damaged files", () => {
  test("what is not a TFLite file is said to be none", () => {
    for (const bytes of [
      new Uint8Array(0),
      new Uint8Array(7),
      new Uint8Array(100),
      new Uint8Array(100).fill(255),
    ]) {
      expect(() => importTflite(bytes, { file: "x.bin" })).toThrow(/^x\.bin: not a TFLite model/);
    }
  });
});

describe("hostile files", () => {
  test("a large constant that is dequantized again and again does not exhaust memory", () => {
    const data = new Uint16Array(1 << 20);
    const copies = Array.from({ length: 200 }, (_, i) => i);
    const model: SubgraphSpec = {
      tensors: [
        float("x", [1]),
        float("y", [1]),
        ...copies.flatMap((i) => [
          { name: `h${i}`, type: "float16" as const, shape: [1 << 20], data },
          float(`f${i}`, [1 << 20]),
        ]),
      ],
      operators: [
        { op: "RELU", inputs: ["x"], outputs: ["y"] },
        ...copies.map((i) => ({ op: "DEQUANTIZE" as const, inputs: [`h${i}`], outputs: [`f${i}`] })),
      ],
      inputs: ["x"],
      outputs: ["y"],
    };
    expect(outcome(buildTflite(model))).toBe("bad-file");
  });

  test("tensors that share one long list of dimensions do not exhaust time", () => {
    const builder = new Builder(1 << 20);
    builder.startVector(4, 100_000, 4);
    for (let i = 0; i < 100_000; i++) builder.addInt32(1);
    const shape = builder.endVector();
    const tensors = Array.from({ length: 10_000 }, () => {
      builder.startObject(1);
      builder.addFieldOffset(0, shape, 0);
      return builder.endObject();
    });
    const list = (offsets: number[]) => {
      builder.startVector(4, offsets.length, 4);
      for (const offset of offsets) builder.addOffset(offset);
      return builder.endVector();
    };
    const tensorList = list(tensors);
    builder.startObject(4);
    builder.addFieldOffset(0, tensorList, 0);
    const subgraphs = list([builder.endObject()]);
    builder.startObject(5);
    builder.addFieldInt32(0, 3, 0);
    builder.addFieldOffset(2, subgraphs, 0);
    builder.finish(builder.endObject(), "TFL3");
    expect(outcome(builder.asUint8Array())).toBe("bad-file");
  });

  test("a file that is not aligned in memory, or a Node Buffer, is read alike", () => {
    const file = sampleFiles.conv();
    const { nodes } = importTflite(file, { file: "plain.tflite" });
    const shifted = new Uint8Array(file.length + 3);
    shifted.set(file, 3);
    expect(importTflite(shifted.subarray(3), { file: "shifted.tflite" }).nodes).toEqual(nodes);
    const buffer = importTflite(Buffer.from(file), { file: "buffer.tflite" });
    expect(buffer.nodes).toEqual(nodes);
    expect(buffer.nodes[0].inputs[1]!.data!.buffer.byteLength).toBe(54);
  });

  test("a long chain of operators costs no stack", () => {
    expect(importTflite(buildChain(3000), { file: "chain" }).nodes).toHaveLength(2999);
  });
});

/** x → RELU → RELU → …, of `count` tensors. */
function buildChain(count: number): Uint8Array {
  return buildTflite({
    tensors: Array.from({ length: count }, (_, i) => float(`t${i}`, [1])),
    operators: Array.from({ length: count - 1 }, (_, i) => ({
      op: "RELU" as const,
      inputs: [`t${i}`],
      outputs: [`t${i + 1}`],
      options: plainOptions(0),
    })),
    inputs: ["t0"],
    outputs: [`t${count - 1}`],
  });
}
