import { WireType } from "@bufbuild/protobuf/wire";
import { NibbleError } from "../../runtime/errors.ts";
import {
  type FieldReader,
  readBigInt,
  readBytes,
  readDouble,
  readFloat,
  readInt,
  readMessage,
  readRepeated,
  readString,
} from "./wire.ts";

/** TensorProto: dims and the one place its elements are in. */
export interface OnnxTensor {
  name: string;
  dims: number[];
  dataType: number;
  floats: number[];
  int32s: number[];
  int64s: bigint[];
  doubles: number[];
  raw: Uint8Array | undefined;
  isExternal: boolean;
}

/** AttributeProto; lists of strings, tensors and graphs stay unread. */
export interface OnnxAttribute {
  name: string;
  f: number | undefined;
  i: number | undefined;
  s: string | undefined;
  tensor: OnnxTensor | undefined;
  graph: OnnxGraph | undefined;
  floats: number[];
  ints: number[];
  strings?: string[];
  /** The parameter of the function around it whose value it has; "" when it has its own. */
  refersTo: string;
}

export interface OnnxNode {
  name: string;
  opType: string;
  domain: string;
  inputs: string[];
  outputs: string[];
  attributes: Map<string, OnnxAttribute>;
}

/** One dimension of a declared shape: a size, or a symbol's name ("" when it has none). */
export type OnnxDimension = number | string;

export interface OnnxValue {
  name: string;
  /** 0 when the value is no tensor, or has no declared type. */
  elementType: number;
  shape: OnnxDimension[] | undefined;
  /** What it is instead of a tensor. */
  otherType?: string;
}

export interface OnnxGraph {
  graphName: string;
  nodes: OnnxNode[];
  initializers: OnnxTensor[];
  hasSparseInitializers: boolean;
  inputs: OnnxValue[];
  outputs: OnnxValue[];
}

/** FunctionProto: an operator that the model itself defines. */
export interface OnnxFunction {
  name: string;
  domain: string;
  inputs: string[];
  outputs: string[];
  nodes: OnnxNode[];
  /** Values of parameters that a node may leave out. */
  defaults: Map<string, OnnxAttribute>;
  opsets: Map<string, number>;
}

export interface OnnxModel extends OnnxGraph {
  /** Version by domain; the default domain is "". */
  opsets: Map<string, number>;
  functions: OnnxFunction[];
}

const externalLocation = 1;

/** Graphs inside attributes of graphs: more than any exporter nests, and few enough to read one inside the other. */
const deepestGraph = 16;

const normalDomain = (domain: string): string => (domain === "ai.onnx" ? "" : domain);

export function readTensor(bytes: Uint8Array, what: string): OnnxTensor {
  const tensor: OnnxTensor = {
    name: "",
    dims: [],
    dataType: 0,
    floats: [],
    int32s: [],
    int64s: [],
    doubles: [],
    raw: undefined,
    isExternal: false,
  };
  readMessage(bytes, what, {
    1: readRepeated(tensor.dims, WireType.Varint, readInt),
    2: (r, w) => {
      tensor.dataType = readInt(r, w);
    },
    4: readRepeated(tensor.floats, WireType.Bit32, readFloat),
    5: readRepeated(tensor.int32s, WireType.Varint, readInt),
    7: readRepeated(tensor.int64s, WireType.Varint, readBigInt),
    8: (r, w) => {
      tensor.name = readString(r, w);
    },
    9: (r, w) => {
      tensor.raw = readBytes(r, w);
    },
    10: readRepeated(tensor.doubles, WireType.Bit64, readDouble),
    13: (r, w) => {
      readBytes(r, w);
      tensor.isExternal = true;
    },
    14: (r, w) => {
      if (readInt(r, w) === externalLocation) tensor.isExternal = true;
    },
  });
  return tensor;
}

function readAttribute(bytes: Uint8Array, what: string, depth: number): OnnxAttribute {
  const attribute: OnnxAttribute = {
    name: "",
    f: undefined,
    i: undefined,
    s: undefined,
    tensor: undefined,
    graph: undefined,
    floats: [],
    ints: [],
    refersTo: "",
  };
  readMessage(bytes, `an attribute of ${what}`, {
    1: (r, w) => {
      attribute.name = readString(r, w);
    },
    2: (r, w) => {
      attribute.f = readFloat(r, w);
    },
    3: (r, w) => {
      attribute.i = readInt(r, w);
    },
    4: (r, w) => {
      attribute.s = readString(r, w);
    },
    5: (r, w) => {
      attribute.tensor = readTensor(readBytes(r, w), `a tensor attribute of ${what}`);
    },
    6: (r, w) => {
      if (depth === deepestGraph)
        throw new NibbleError("unsupported", `${what}: graphs nested more than ${deepestGraph} deep`);
      attribute.graph = emptyGraph();
      readGraph(readBytes(r, w), attribute.graph, depth + 1);
    },
    7: readRepeated(attribute.floats, WireType.Bit32, readFloat),
    8: readRepeated(attribute.ints, WireType.Varint, readInt),
    9: (r, w) => {
      attribute.strings ??= [];
      attribute.strings.push(readString(r, w));
    },
    21: (r, w) => {
      attribute.refersTo = readString(r, w);
    },
  });
  return attribute;
}

function readNode(bytes: Uint8Array, index: number, depth: number): OnnxNode {
  const node: OnnxNode = { name: "", opType: "", domain: "", inputs: [], outputs: [], attributes: new Map() };
  const what = `node ${index}`;
  readMessage(bytes, what, {
    1: (r, w) => node.inputs.push(readString(r, w)),
    2: (r, w) => node.outputs.push(readString(r, w)),
    3: (r, w) => {
      node.name = readString(r, w);
    },
    4: (r, w) => {
      node.opType = readString(r, w);
    },
    5: (r, w) => {
      const attribute = readAttribute(readBytes(r, w), what, depth);
      node.attributes.set(attribute.name, attribute);
    },
    7: (r, w) => {
      node.domain = normalDomain(readString(r, w));
    },
  });
  return node;
}

function readDimension(bytes: Uint8Array, what: string): OnnxDimension {
  let dimension: OnnxDimension = "";
  readMessage(bytes, what, {
    1: (r, w) => {
      dimension = readInt(r, w);
    },
    2: (r, w) => {
      dimension = readString(r, w);
    },
  });
  return dimension;
}

function readValue(bytes: Uint8Array): OnnxValue {
  const value: OnnxValue = { name: "", elementType: 0, shape: undefined };
  const what = "a value of the graph";
  const readShape = (shape: Uint8Array): OnnxDimension[] => {
    const dimensions: OnnxDimension[] = [];
    readMessage(shape, what, { 1: (r, w) => dimensions.push(readDimension(readBytes(r, w), what)) });
    return dimensions;
  };
  const readTensorType = (type: Uint8Array): void =>
    readMessage(type, what, {
      1: (r, w) => {
        value.elementType = readInt(r, w);
      },
      2: (r, w) => {
        value.shape = readShape(readBytes(r, w));
      },
    });
  const isInstead =
    (type: string): FieldReader =>
    (r, w) => {
      readBytes(r, w);
      value.otherType = type;
    };
  readMessage(bytes, what, {
    1: (r, w) => {
      value.name = readString(r, w);
    },
    2: (r, w) =>
      readMessage(readBytes(r, w), what, {
        1: (tr, tw) => readTensorType(readBytes(tr, tw)),
        4: isInstead("a sequence"),
        5: isInstead("a map"),
        8: isInstead("a sparse tensor"),
        9: isInstead("an optional"),
      }),
  });
  return value;
}

const emptyGraph = (): OnnxGraph => ({
  graphName: "",
  nodes: [],
  initializers: [],
  hasSparseInitializers: false,
  inputs: [],
  outputs: [],
});

/** No node, tensor or value is described in so few bytes; a list of emptier ones would take far more memory than the file. */
const leastBytes = 8;

function checkLength(list: readonly unknown[], bytes: Uint8Array, what: string): void {
  if (leastBytes * (list.length - leastBytes) > bytes.length)
    throw new NibbleError("bad-file", `${what}: expected at least ${leastBytes} bytes for each, found fewer`);
}

function readGraph(bytes: Uint8Array, model: OnnxGraph, depth: number): void {
  readMessage(bytes, "the graph", {
    1: (r, w) => {
      checkLength(model.nodes, bytes, "nodes");
      model.nodes.push(readNode(readBytes(r, w), model.nodes.length, depth));
    },
    2: (r, w) => {
      model.graphName = readString(r, w);
    },
    5: (r, w) => {
      checkLength(model.initializers, bytes, "initializers");
      model.initializers.push(readTensor(readBytes(r, w), `initializer ${model.initializers.length}`));
    },
    11: (r, w) => {
      checkLength(model.inputs, bytes, "inputs");
      model.inputs.push(readValue(readBytes(r, w)));
    },
    12: (r, w) => {
      checkLength(model.outputs, bytes, "outputs");
      model.outputs.push(readValue(readBytes(r, w)));
    },
    15: (r, w) => {
      readBytes(r, w);
      model.hasSparseInitializers = true;
    },
  });
}

function readOpset(bytes: Uint8Array, opsets: Map<string, number>): void {
  let domain = "";
  let version = 0;
  readMessage(bytes, "the operator set", {
    1: (r, w) => {
      domain = normalDomain(readString(r, w));
    },
    2: (r, w) => {
      version = readInt(r, w);
    },
  });
  opsets.set(domain, version);
}

function readFunction(bytes: Uint8Array): OnnxFunction {
  const made: OnnxFunction = {
    name: "",
    domain: "",
    inputs: [],
    outputs: [],
    nodes: [],
    defaults: new Map(),
    opsets: new Map(),
  };
  readMessage(bytes, "a function", {
    1: (r, w) => {
      made.name = readString(r, w);
    },
    4: (r, w) => made.inputs.push(readString(r, w)),
    5: (r, w) => made.outputs.push(readString(r, w)),
    7: (r, w) => {
      checkLength(made.nodes, bytes, "nodes of a function");
      made.nodes.push(readNode(readBytes(r, w), made.nodes.length, 0));
    },
    9: (r, w) => readOpset(readBytes(r, w), made.opsets),
    10: (r, w) => {
      made.domain = normalDomain(readString(r, w));
    },
    11: (r, w) => {
      const attribute = readAttribute(readBytes(r, w), "a function", 0);
      made.defaults.set(attribute.name, attribute);
    },
  });
  return made;
}

/** ModelProto by its field numbers; what the importer does not use is skipped. */
export function readModel(bytes: Uint8Array): OnnxModel {
  const model: OnnxModel = { ...emptyGraph(), opsets: new Map(), functions: [] };
  readMessage(bytes, "the model", {
    7: (r, w) => readGraph(readBytes(r, w), model, 0),
    8: (r, w) => readOpset(readBytes(r, w), model.opsets),
    25: (r, w) => {
      checkLength(model.functions, bytes, "functions");
      model.functions.push(readFunction(readBytes(r, w)));
    },
  });
  return model;
}
