import type { Graph, Node, Rounding, Tensor } from "../../graph/graph.ts";
import { makeNode } from "../../graph/passes/rewrite.ts";
import { NibbleError } from "../../runtime/errors.ts";
import { badFile, quote, unsupported } from "./errors.ts";
import { readSignature, readSubgraph, type Subgraph } from "./model.ts";
import { wrong } from "./operator.ts";
import { conversionOf, outputCountOf } from "./operators.ts";
import { fuseSignals } from "./signal.ts";
import { refuseUnsupported } from "./survey.ts";
import { isConstant, openTensors, type Tensors, tensorAt } from "./tensors.ts";
import { openVariables, statesOf, type Variables } from "./variables.ts";

export interface ImportTfliteOptions {
  /** Name of the file, for the graph's name and for messages. */
  file: string;
  /** How LiteRT rounds ("single", the default) or how TFLite Micro does ("double"). */
  rounding?: Rounding;
  /** Which subgraph to import; 0 by default, the others are ignored. */
  subgraph?: number;
  /** The signature to import, whose names inputs and outputs then have; instead of `subgraph`. */
  signature?: string;
}

function convertNodes({ operators, inputs }: Subgraph, tensors: Tensors, variables: Variables): Node[] {
  const nodes: Node[] = [];
  const ready = new Set(inputs);
  for (const record of operators) {
    const operator = { record, tensors, nodes, variables };
    const { least, most } = outputCountOf(record);
    if (record.outputs.length < least || record.outputs.length > most) {
      const expected = least === most ? `${least}` : `${least} to ${most}`;
      throw wrong(
        operator,
        `expected ${expected} output${most === 1 ? "" : "s"}, found ${record.outputs.length}`,
      );
    }
    for (const index of record.inputs) {
      // A variable holds what the inference before left in it.
      if (index < 0 || ready.has(index) || isConstant(tensors, index) || tensors.records[index].isVariable)
        continue;
      throw wrong(operator, `reads tensor ${quote(tensors.records[index].name)} before anything writes it`);
    }
    for (const written of record.outputs) {
      if (ready.has(written)) throw wrong(operator, "writes a tensor that already has a value");
      if (tensors.records[written].bytes) throw wrong(operator, "writes a constant");
      ready.add(written);
    }
    conversionOf(record)!(operator);
  }
  return nodes;
}

type Ends = Pick<Graph, "nodes" | "inputs" | "outputs" | "states">;

function convertSubgraph(subgraph: Subgraph, tensors: Tensors, variables: Variables): Ends {
  const inputs = subgraph.inputs.map((index) => tensorAt(tensors, index));
  if (new Set(inputs).size !== inputs.length)
    throw badFile("the graph lists a tensor twice among its inputs");
  if (subgraph.outputs.length === 0) throw badFile("the graph has no outputs");
  const nodes = convertNodes(subgraph, tensors, variables);
  const states = statesOf(variables);
  const begins = new Set(states.map(({ value }) => value));
  const outputs = subgraph.outputs.map((index) => {
    const tensor = tensorAt(tensors, index);
    if (tensor.data) throw unsupported(`graph output ${quote(tensor.name)} is a constant`);
    if (!tensors.computed.has(index)) throw badFile(`graph output ${quote(tensor.name)}: nothing writes it`);
    if (!begins.has(tensor)) return tensor;
    // By the time the output is read, the state has its next value.
    const copy: Tensor = { ...tensor, name: tensors.uniqueName(`${tensor.name}/output`) };
    nodes.push(makeNode("reshape", copy.name, [tensor], copy, {}));
    return copy;
  });
  return { nodes, inputs, outputs, ...(states.length > 0 && { states }) };
}

/**
 * Where the source left dimensions of an input open, the file says 1, with which the rest need not fit: that is
 * then no contradiction of the file's, but a shape to be fixed.
 */
function blamingOpenShapes<T>({ inputs, tensors }: Subgraph, convert: () => T): T {
  try {
    return convert();
  } catch (error) {
    // The first dimension is the batch, which is 1 everywhere.
    const open = tensors[inputs.find((index) => tensors[index].openShape.lastIndexOf(-1) > 0) ?? -1];
    if (!open || !(error instanceof NibbleError) || error.code !== "bad-file") throw error;
    throw unsupported(
      `input ${quote(open.name)} (shape [${open.openShape.join()}]) has open dimensions, and its default ` +
        `[${open.shape.join()}] does not fit: ${error.message}; convert the model with a fixed input shape`,
    );
  }
}

/** `folder/name.tflite` → `name` */
const stem = (file: string): string => file.replace(/^.*[\\/]/, "").replace(/\.[^.]*$/, "");

/**
 * The graph of a TFLite model: layout and quantization are kept as they are in the file.
 *
 * @throws NibbleError `bad-file` for a damaged or contradictory file, `unsupported` with the names of all
 * operators and tensors that can't be imported, `bad-input` for a subgraph or signature that does not exist
 */
export function importTflite(bytes: Uint8Array, options: ImportTfliteOptions): Graph {
  const { file, rounding = "single", subgraph: index = 0, signature } = options;
  if (!Number.isInteger(index) || index < 0)
    throw new RangeError(`subgraph expected from 0 up, got ${index}`);
  try {
    const subgraph = fuseSignals(
      signature === undefined ? readSubgraph(bytes, index) : readSignature(bytes, signature),
    );
    const tensors = openTensors(subgraph);
    refuseUnsupported(subgraph, tensors);
    const variables = openVariables((other) => readSubgraph(bytes, other));
    const graph = blamingOpenShapes(subgraph, () => convertSubgraph(subgraph, tensors, variables));
    return { name: stem(file), ...graph, rounding };
  } catch (error) {
    if (!(error instanceof NibbleError)) throw error;
    throw new NibbleError(error.code, `${file}: ${error.message}`, { cause: error });
  }
}
