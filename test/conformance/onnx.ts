import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Graph, TensorData } from "../../src/graph/graph.ts";
import { optimize } from "../../src/graph/passes/index.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { readModel } from "../../src/import/onnx/proto.ts";
import { decodeTensor, typeName } from "../../src/import/onnx/tensor-data.ts";
import { pack } from "../../src/pack/pack.ts";
import { NibbleError } from "../../src/runtime/errors.ts";
import { createModel } from "../../src/runtime/model.ts";
import type { Tier } from "../../src/runtime/tiers.ts";
import { wasm } from "../../src/wasm.ts";
import { dataFolder } from "../helpers/data.ts";
import { tiers } from "../helpers/tiers.ts";
import { isOldest, type OnnxCase, readCases, withConstants } from "../import/onnx-cases.ts";
import { runReference } from "../reference/run.ts";

/** How one ONNX conformance case fared. */
export interface OnnxOutcome {
  name: string;
  /** The operator that the case is about, or what stands for several. */
  operator: string;
  result: "passed" | "unsupported" | "wrong";
  /** The refusal, or what is wrong. */
  detail: string;
  /** The refusal names an operator of the case or a type. */
  isNamed: boolean;
  /** All inputs are given at run time, as in the archive; else all but the first are constants. */
  isLive: boolean;
}

/** What cases without an operator of their own are listed under. */
const severalOperators = "several operators";

/** The tolerance of ONNX' own runner. */
const [rtol, atol] = [1e-3, 1e-7];

const isNear = (a: number, b: number, least: number): boolean =>
  Object.is(a, b) || a === b || Math.abs(a - b) <= least + rtol * Math.abs(b);

function run(graph: Graph, file: Uint8Array, inputs: TensorData[], tier: Tier): TensorData[] {
  const model = createModel(wasm, file, { tier, name: graph.name });
  for (const [i, { name }] of graph.inputs.entries())
    (model.input(name) as Float32Array).set(inputs[i] as Float32Array);
  model.invoke();
  const outputs = graph.outputs.map(({ name }) => model.output(name).slice() as TensorData);
  model.dispose();
  return outputs;
}

const bytesOf = (list: TensorData[]): Buffer =>
  Buffer.concat(list.map((d) => new Uint8Array(d.buffer, d.byteOffset, d.byteLength)));

/** What is wrong with the case's results, inputs from `live` on constant; "" when nothing is. */
function problemOf(given: OnnxCase, live: number): string {
  const { bytes, inputs } = withConstants(given, live);
  const values = inputs.map((tensor) => decodeTensor(tensor, tensor.name));
  const inputShapes = Object.fromEntries(values.map(({ name, shape }) => [name, shape]));
  const imported = importOnnx(bytes, { file: given.name, inputShapes });
  const expected = given.outputs.map((tensor) => decodeTensor(tensor, tensor.name));
  const elements = values.map(({ data }) => data);
  // Where the sums of a transform cancel out, the archive has the rounding errors of its own float32.
  const least = given.name.startsWith("test_dft") ? 1e-6 : atol;
  const differs = (graph: Graph, results: TensorData[], where: string): string => {
    for (const [i, output] of graph.outputs.entries()) {
      const { shape, dtype, data } = expected[i]!;
      if (output.shape.join() !== shape.join() || output.dtype !== dtype)
        return `${where}: expected ${dtype} [${shape}], found ${output.dtype} [${output.shape}]`;
      const wrong = data.findIndex((value, at) => !isNear(Number(results[i]![at]), Number(value), least));
      if (wrong >= 0)
        return `${where}: element ${wrong}: expected ${data[wrong]}, found ${results[i]![wrong]}`;
    }
    return "";
  };
  const optimized = optimize(imported);
  for (const [graph, where] of [
    [imported, "reference"],
    [optimized, "reference, optimized"],
  ] as const) {
    const results = runReference(graph, elements);
    const problem = differs(
      graph,
      graph.outputs.map((output) => results.get(output)!),
      where,
    );
    if (problem) return problem;
  }
  const file = pack(optimized).bytes;
  const [first, ...others] = tiers.map((tier) => run(optimized, file, elements, tier));
  if (others.some((other) => Buffer.compare(bytesOf(other), bytesOf(first!)) !== 0))
    return "the tiers disagree";
  return differs(optimized, first!, tiers[0]!);
}

const typeNames = Array.from({ length: 27 }, (_, i) => typeName(i)).slice(1);

/** The refusal names one of the case's operators, or one of the types. */
function namesCause(message: string, operators: string[]): boolean {
  const words = new Set(message.match(/\w+/g));
  return (
    operators.some((op) => words.has(op)) ||
    typeNames.some((type) => words.has(type)) ||
    /without elements|operator set/.test(message)
  );
}

/** With all inputs as they are; if that is refused, with all but the first constant. */
function outcomeOf(given: OnnxCase, operator: string): OnnxOutcome {
  const { nodes, inputs, opsets } = readModel(given.model);
  const operators = nodes.map(({ opType }) => opType);
  // Of what is no tensor the archive's files are no tensors either: the import is all there is to try.
  const attempt = inputs.some(({ otherType }) => otherType)
    ? () => `imported: ${importOnnx(given.model, { file: given.name }).name}`
    : (live: number) => problemOf(given, live);
  const base = { name: given.name, operator, isNamed: true };
  let refusal: NibbleError | undefined;
  for (const live of new Set([given.inputs.length, 1])) {
    if (live > given.inputs.length) continue;
    const isLive = live === given.inputs.length;
    try {
      const detail = attempt(live);
      return { ...base, result: detail ? "wrong" : "passed", detail, isLive };
    } catch (error) {
      if (!(error instanceof NibbleError)) return { ...base, result: "wrong", detail: String(error), isLive };
      // What an operator meant before the importer's oldest set may contradict what it has meant since.
      const isRefusal = error.code === "unsupported" || isOldest(opsets);
      if (!isRefusal) return { ...base, result: "wrong", detail: error.message, isLive };
      refusal ??=
        error.code === "unsupported"
          ? error
          : new NibbleError("unsupported", `an operator set before 7: ${error.message}`);
    }
  }
  const detail = refusal!.message.replace(`${given.name}: `, "");
  return { ...base, result: "unsupported", detail, isNamed: namesCause(detail, operators), isLive: true };
}

/** The one operator of a case; a case that spells an operator out belongs to the operator. */
function operatorsOf(cases: OnnxCase[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name, model } of cases) {
    const { nodes } = readModel(model);
    const kinds = new Set(nodes.map(({ domain, opType }) => (domain ? `${domain}::${opType}` : opType)));
    kinds.delete("Constant");
    found.set(name, kinds.size === 1 ? [...kinds][0]! : severalOperators);
  }
  for (const { name } of cases) {
    const [whole, rest] = name.split("_expanded");
    if (rest !== undefined) found.set(name, found.get(whole!) ?? severalOperators);
  }
  return found;
}

/** Every case of the archive, imported, packed and run in every tier of this engine. */
export function runOnnxCases(): OnnxOutcome[] {
  const cases = readCases(readFileSync(join(dataFolder()!, "conformance/onnx_node.tar.gz")));
  const operators = operatorsOf(cases);
  return cases.map((given) => outcomeOf(given, operators.get(given.name)!));
}
