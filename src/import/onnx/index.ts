import { elementCount, type Graph, type Tensor } from "../../graph/graph.ts";
import { isConstant } from "../../graph/passes/constant.ts";
import { makeNode } from "../../graph/passes/rewrite.ts";
import { NibbleError } from "../../runtime/errors.ts";
import { inlineFunctions } from "./functions.ts";
import { resolveInputs } from "./inputs.ts";
import { convertNode, isKnown, type Run } from "./nodes.ts";
import { readsOf, sortNodes } from "./order.ts";
import { type OnnxModel, readModel } from "./proto.ts";
import { refusals } from "./refusals.ts";
import { openRoom, type Room } from "./room.ts";
import type { Conversion } from "./scope.ts";
import { decodeTensor } from "./tensor-data.ts";

export interface ImportOnnxOptions {
  /** What messages call the file. */
  file: string;
  /** Whole shapes of inputs whose dimensions the file leaves open, by input name. */
  inputShapes?: Record<string, number[]>;
  /** Inputs that are to be constants, such as a sampling rate: one number for all elements, or every element. */
  inputValues?: Record<string, number | number[]>;
}

const [oldestOpset, newestOpset] = [7, 25];

function opsetOf(model: OnnxModel): number {
  const opset = model.opsets.get("");
  if (opset === undefined && model.nodes.every((node) => node.domain !== "")) return newestOpset;
  if (opset !== undefined && opset >= oldestOpset && opset <= newestOpset) return opset;
  throw new NibbleError(
    "unsupported",
    `expected operator set ${oldestOpset} to ${newestOpset}, found ${opset ?? "none"}; convert the model to one ` +
      "of these with onnx.version_converter or export it again",
  );
}

/** The tensor of a model output, under the output's own name; a value that has another role is copied. */
function outputTensor(conversion: Conversion, name: string, taken: Set<Tensor>): Tensor {
  const value = conversion.values.get(name);
  if (!value)
    throw new NibbleError("bad-file", `output "${name}": expected a value of this name, found none`);
  if (elementCount(value.shape) === 0)
    throw new NibbleError(
      "unsupported",
      `output "${name}": a tensor without elements, [${value.shape.join(", ")}]`,
    );
  const isFree = !taken.has(value) && !conversion.inputs.has(value) && !isConstant(value);
  if (isFree) {
    value.name = name;
    taken.add(value);
    return value;
  }
  const copy: Tensor = { ...value, name };
  delete copy.data;
  conversion.nodes.push(makeNode("reshape", `${name}/copy`, [value], copy, {}));
  taken.add(copy);
  return copy;
}

function loadConstants(model: OnnxModel): Map<string, Tensor> {
  if (model.hasSparseInitializers) {
    throw new NibbleError(
      "unsupported",
      "sparse initializers are not supported; export the model with dense ones",
    );
  }
  const values = new Map<string, Tensor>();
  for (const tensor of model.initializers) values.set(tensor.name, decodeTensor(tensor, tensor.name));
  return values;
}

function convertModel(model: OnnxModel, room: Room, options: ImportOnnxOptions): Graph {
  const refused = refusals(model.opsets);
  const nodes = inlineFunctions(model);
  for (const node of nodes) if (!isKnown(node)) refused.operator(node);
  const opset = refused.attempt(() => opsetOf(model));
  const values = refused.attempt(() => loadConstants(model));
  const stored = new Set(model.initializers.map((tensor) => tensor.name));
  const inputs = refused.attempt(() =>
    resolveInputs(
      model.inputs.filter((input) => !stored.has(input.name)),
      options.inputShapes ?? {},
      options.inputValues ?? {},
    ),
  );
  if (opset === undefined || !values || !inputs) throw refused.error();
  for (const tensor of values.values()) room.known.add(tensor.data!);
  for (const input of inputs) values.set(input.name, input);
  const names = new Set<string>([...values.keys(), ...nodes.flatMap((node) => node.outputs)]);
  const conversion: Conversion = {
    nodes: [],
    values,
    names,
    nodeNames: new Set(),
    inputs: new Set(inputs.filter((input) => !isConstant(input))),
    producers: new Map(),
    room,
  };
  const outputNames = model.outputs.map((output) => output.name);
  const wanted = new Set([...outputNames, ...nodes.flatMap(readsOf)]);
  const run: Run = { conversion, opset, wanted, unknown: new Set(), refused };
  for (const node of sortNodes(nodes)) convertNode(run, node);
  const error = refused.error();
  if (error) throw error;

  if (outputNames.length === 0) {
    throw new NibbleError("bad-file", "expected a graph with outputs, found none");
  }
  const taken = new Set<Tensor>();
  const outputs = outputNames.map((name) => outputTensor(conversion, name, taken));
  return {
    name: model.graphName || options.file,
    nodes: conversion.nodes,
    inputs: inputs.filter((input) => !isConstant(input)),
    outputs,
    rounding: "single",
  };
}

/**
 * Reads an ONNX model (operator sets 7 to 25, one file) as a graph whose inputs and outputs keep their names,
 * shapes and layout; spatial operators are NHWC inside, between transposes that `optimize` removes.
 *
 * @throws NibbleError "bad-file" for anything damaged, "unsupported" with a list of everything that is not
 * supported, "bad-input" when `inputShapes` or `inputValues` does not fit.
 * @example importOnnx(readFileSync("model.onnx"), { file: "model.onnx", inputShapes: { audio: [1, 16000] } })
 */
export function importOnnx(bytes: Uint8Array, options: ImportOnnxOptions): Graph {
  try {
    return convertModel(readModel(bytes), openRoom(bytes.length), options);
  } catch (error) {
    if (!(error instanceof NibbleError)) throw error;
    throw new NibbleError(error.code, `${options.file}: ${error.message}`, { cause: error.cause });
  }
}
