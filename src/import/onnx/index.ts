import type { Graph, Tensor } from "../../graph/graph.ts";
import { isConstant } from "../../graph/passes/constant.ts";
import { makeNode } from "../../graph/passes/rewrite.ts";
import { NibbleError } from "../../runtime/errors.ts";
import { expandQuantized } from "./expand.ts";
import { foldNode, folds, shapeFolds } from "./fold.ts";
import { resolveInputs } from "./inputs.ts";
import { operators } from "./operators/index.ts";
import { describeNode, sortNodes } from "./order.ts";
import { type OnnxModel, type OnnxNode, readModel } from "./proto.ts";
import { type Refusals, refusals } from "./refusals.ts";
import { type Conversion, openScope, type Scope } from "./scope.ts";
import { decodeTensor } from "./tensor-data.ts";

export interface ImportOnnxOptions {
  /** What messages call the file. */
  file: string;
  /** Whole shapes of inputs whose dimensions the file leaves open, by input name. */
  inputShapes?: Record<string, number[]>;
}

const [oldestOpset, newestOpset] = [7, 21];

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

const isKnown = (node: OnnxNode): boolean =>
  node.domain === "" && [operators, folds, shapeFolds].some((table) => Object.hasOwn(table, node.opType));

/** What the node gives: a constant when all it needs is known, or what its conversion makes. */
function resultsOf(scope: Scope): (Tensor | undefined)[] {
  const [output] = scope.node.outputs;
  const constant = foldNode(scope);
  if (constant) return [{ ...constant, name: output }];
  const { opType } = scope.node;
  const convert = Object.hasOwn(operators, opType) ? operators[opType] : undefined;
  if (!convert) throw scope.unsupported("operands computed at run time (it is only known on constants)");
  const results = convert(scope);
  return Array.isArray(results) ? results : [results];
}

/** Converts one node; the results it could not make become unknown, and so do the results of their readers. */
function convertNode(
  conversion: Conversion,
  node: OnnxNode,
  opset: number,
  wanted: Set<string>,
  unknown: Set<string>,
  refused: Refusals,
): void {
  const giveUp = () => {
    for (const name of node.outputs) unknown.add(name);
  };
  if (!isKnown(node)) {
    refused.operator(node);
    giveUp();
    return;
  }
  if (node.inputs.some((name) => unknown.has(name))) {
    giveUp();
    return;
  }
  if (node.outputs.every((name) => name === ""))
    throw new NibbleError("bad-file", `${describeNode(node)}: expected an output, found none`);
  try {
    const scope = openScope(conversion, node, opset);
    const before = conversion.nodes.length;
    const results = resultsOf(scope);
    const made = new Set(conversion.nodes.slice(before).flatMap(({ outputs }) => outputs));
    for (const [i, name] of node.outputs.entries()) {
      if (name === "" || (i > 0 && !wanted.has(name))) continue;
      const result = results[i];
      if (!result) throw scope.unsupported(`its output ${i} "${name}" is used`);
      // One result may be given for several outputs; it has the name of the first.
      if (made.delete(result)) result.name = name;
      conversion.values.set(name, result);
    }
  } catch (error) {
    if (!(error instanceof NibbleError) || error.code !== "unsupported") throw error;
    refused.use(node, error.message);
    giveUp();
  }
}

/** The tensor of a model output, under the output's own name; a value that has another role is copied. */
function outputTensor(conversion: Conversion, name: string, taken: Set<Tensor>): Tensor {
  const value = conversion.values.get(name);
  if (!value)
    throw new NibbleError("bad-file", `output "${name}": expected a value of this name, found none`);
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

function convertModel(model: OnnxModel, options: ImportOnnxOptions): Graph {
  const refused = refusals(model.opsets);
  const nodes = expandQuantized(model.nodes);
  for (const node of nodes) if (!isKnown(node)) refused.operator(node);
  const opset = refused.attempt(() => opsetOf(model));
  const values = refused.attempt(() => loadConstants(model));
  const stored = new Set(model.initializers.map((tensor) => tensor.name));
  const inputs = refused.attempt(() =>
    resolveInputs(
      model.inputs.filter((input) => !stored.has(input.name)),
      options.inputShapes ?? {},
    ),
  );
  if (opset === undefined || !values || !inputs) throw refused.error();
  for (const input of inputs) values.set(input.name, input);
  const names = new Set<string>([...values.keys(), ...nodes.flatMap((node) => node.outputs)]);
  const conversion: Conversion = {
    nodes: [],
    values,
    names,
    nodeNames: new Set(),
    inputs: new Set(inputs),
    producers: new Map(),
  };
  const outputNames = model.outputs.map((output) => output.name);
  const wanted = new Set([...outputNames, ...nodes.flatMap((node) => node.inputs)]);
  const unknown = new Set<string>();
  for (const node of sortNodes(nodes)) convertNode(conversion, node, opset, wanted, unknown, refused);
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
    inputs,
    outputs,
    rounding: "single",
  };
}

/**
 * Reads an ONNX model (operator sets 7 to 21, one file) as a graph whose inputs and outputs keep their names,
 * shapes and layout; spatial operators are NHWC inside, between transposes that `optimize` removes.
 *
 * @throws NibbleError "bad-file" for anything damaged, "unsupported" with a list of everything that is not
 * supported, "bad-input" when `inputShapes` does not fit.
 * @example importOnnx(readFileSync("model.onnx"), { file: "model.onnx", inputShapes: { audio: [1, 16000] } })
 */
export function importOnnx(bytes: Uint8Array, options: ImportOnnxOptions): Graph {
  try {
    return convertModel(readModel(bytes), options);
  } catch (error) {
    if (!(error instanceof NibbleError)) throw error;
    throw new NibbleError(error.code, `${options.file}: ${error.message}`, { cause: error.cause });
  }
}
