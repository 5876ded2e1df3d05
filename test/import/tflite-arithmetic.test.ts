import { describe, expect, test } from "vitest";
import type { DType } from "../../src/graph/graph.ts";
import { importTflite } from "../../src/import/tflite/index.ts";
import {
  buildTflite,
  fused,
  type OperatorSpec,
  plainOptions,
  type SubgraphSpec,
  type TensorSpec,
} from "../helpers/tflite-builder.ts";
import { load, only, unbounded } from "../helpers/tflite-load.ts";
import { activation8 } from "../helpers/tflite-models.ts";

type Plain = Extract<DType, "float32" | "int32" | "int64" | "bool" | "int8">;

const of = (name: string, type: Plain, shape: number[]): TensorSpec => ({ name, type, shape });

/** One operator from all tensors but the last to the last; those with data are constants. */
const one = (
  op: OperatorSpec["op"],
  tensors: TensorSpec[],
  options?: OperatorSpec["options"],
): SubgraphSpec => {
  const names = tensors.map(({ name }) => name);
  const y = names.pop()!;
  return {
    tensors,
    operators: [{ op, inputs: names, outputs: [y], ...(options && { options }) }],
    inputs: tensors.slice(0, -1).flatMap(({ name, data }) => (data ? [] : [name])),
    outputs: [y],
  };
};

const refusal = (model: SubgraphSpec): string => {
  try {
    importTflite(buildTflite(model), { file: "one.tflite" });
  } catch (error) {
    return String(error);
  }
  return "";
};

describe("binary operators", () => {
  test("DIV carries its bounds, in the field of its own options", () => {
    const tensors = [of("a", "float32", [2, 3]), of("b", "float32", [3]), of("y", "float32", [2, 3])];
    const node = only(load(one("DIV", tensors, plainOptions(29, { int8: fused.relu }))), "binary");
    expect(node.attributes).toEqual({ kind: "div", activation: { min: 0, max: Infinity } });
    expect(node.inputs.map((t) => t?.name)).toEqual(["a", "b"]);
  });

  test.each([
    ["MAXIMUM", "maximum", "float32", "float32"],
    ["MAXIMUM", "maximum", "int64", "int64"],
    ["PRELU", "prelu", "float32", "float32"],
    ["FLOOR_MOD", "floorMod", "int32", "int32"],
    ["LESS", "less", "int32", "bool"],
    ["GREATER_EQUAL", "greaterEqual", "float32", "bool"],
  ] as const)("%s is %s, of %s", (op, kind, from, to) => {
    const node = only(load(one(op, [of("a", from, [3]), of("b", from, [3]), of("y", to, [3])])), "binary");
    expect(node.attributes).toEqual({ kind, activation: unbounded });
  });

  test("a scale on an int32 constant means nothing", () => {
    const b: TensorSpec = {
      ...of("b", "int32", [3]),
      data: Int32Array.of(1, 2, 3),
      scale: [0.5],
      zeroPoint: [0],
    };
    const node = only(load(one("LESS", [of("a", "int32", [3]), b, of("y", "bool", [3])])), "binary");
    expect(node.inputs[1]!.quantization).toBeUndefined();
    expect(node.inputs[1]!.data).toEqual(Int32Array.of(1, 2, 3));
  });

  test("int8 of one scale, and no other", () => {
    const same = [activation8("a", [3]), activation8("b", [3]), activation8("y", [3])];
    expect(only(load(one("MAXIMUM", same)), "binary").attributes.kind).toBe("maximum");
    const other = [activation8("a", [3]), activation8("b", [3], 0.7, 1), activation8("y", [3])];
    expect(refusal(one("MAXIMUM", other))).toMatch(/MAXIMUM "y": .*"b".* differ in scale/);
    expect(refusal(one("DIV", same))).toMatch(/DIV "y": tensor "a" int8\[3\]: only float32 has a kernel/);
  });

  test("a remainder of floats and a result of another type are refused", () => {
    const floats = [of("a", "float32", [3]), of("b", "float32", [3]), of("y", "float32", [3])];
    expect(refusal(one("FLOOR_MOD", floats))).toMatch(
      /FLOOR_MOD "y": tensor "a" float32\[3\]: .*was expected/,
    );
    expect(refusal(one("LESS", floats))).toMatch(/LESS "y": result "y" float32/);
  });
});

test("LOGICAL_NOT is an exclusive or with true", () => {
  const node = only(load(one("LOGICAL_NOT", [of("x", "bool", [3]), of("y", "bool", [3])])), "binary");
  expect(node.attributes.kind).toBe("xor");
  expect(node.inputs[1]).toMatchObject({ dtype: "bool", shape: [], data: Uint8Array.of(1) });
});

test("NEG of whole numbers is 0 − x", () => {
  const node = only(load(one("NEG", [of("x", "int64", [3]), of("y", "int64", [3])])), "sub");
  expect(node.inputs[0]!.data).toEqual(BigInt64Array.of(0n));
  expect(node.inputs[1]!.name).toBe("x");
});

describe("SELECT and SELECT_V2", () => {
  const tensors = (condition: number[], y: number[]): TensorSpec[] => [
    of("c", "bool", condition),
    of("a", "float32", y),
    of("b", "float32", y),
    of("y", "float32", y),
  ];

  test("a list as condition runs along the first dimension of SELECT, the last of SELECT_V2", () => {
    const graph = load(one("SELECT", tensors([2], [2, 3])));
    expect(graph.nodes.map(({ op }) => op)).toEqual(["reshape", "select"]);
    expect(graph.nodes[1]!.inputs.map((t) => t!.shape)).toEqual([
      [2, 1],
      [2, 3],
      [2, 3],
    ]);
    const second = load(one("SELECT_V2", tensors([3], [2, 3])));
    expect(second.nodes.map(({ op }) => op)).toEqual(["select"]);
    expect(refusal(one("SELECT_V2", tensors([2], [2, 3])))).toMatch(
      /SELECT_V2 "y": shapes of "c".* do not broadcast/,
    );
  });

  test("values of several types", () => {
    const mixed = tensors([3], [3]);
    mixed[1] = of("a", "int32", [3]);
    expect(refusal(one("SELECT_V2", mixed))).toMatch(/SELECT_V2 "y": types of "a" int32\[3\] and "y"/);
  });
});

test("CAST goes by its tensors' types, and takes no quantized values", () => {
  const graph = load(one("CAST", [of("x", "int64", [3]), of("y", "float32", [3])]));
  expect(only(graph, "cast").outputs[0]!.dtype).toBe("float32");
  expect(refusal(one("CAST", [activation8("x", [3]), of("y", "float32", [3])]))).toMatch(
    /CAST "y": tensor "x" int8\[3\]: a quantized value has no cast/,
  );
});
