import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Element types of TensorProto. */
const elementType = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  float8e4m3fn: 17,
  float8e4m3fnuz: 18,
  float8e5m2: 19,
  uint4: 21,
  int4: 22,
  float4e2m1: 23,
} as const;

export const elementTypeOf = (type: ElementType): number => elementType[type];

type ElementType = keyof typeof elementType;

export interface TensorSpec {
  name?: string;
  dims: number[];
  type: ElementType;
  raw?: Uint8Array;
  floats?: number[];
  int32s?: number[];
  int64s?: (number | bigint)[];
  doubles?: number[];
  external?: boolean;
}

/** A number is an int, a string a string, an array ints; floats and tensors are marked. */
export type AttributeSpec =
  | number
  | string
  | number[]
  | { float: number }
  | { floats: number[] }
  | { strings: string[] }
  | { tensor: TensorSpec }
  | { graph: Uint8Array }
  /** The parameter of the function around the node. */
  | { refersTo: string };

export interface NodeSpec {
  op: string;
  name?: string;
  domain?: string;
  inputs?: string[];
  outputs?: string[];
  attributes?: Record<string, AttributeSpec>;
}

export interface ValueSpec {
  name: string;
  type?: ElementType;
  /** A string is a symbolic dimension. Left out: no shape in the file. */
  shape?: (number | string)[];
}

export interface ModelSpec {
  nodes: NodeSpec[];
  inputs: ValueSpec[];
  outputs: ValueSpec[];
  initializers?: TensorSpec[];
  opset?: number;
  domains?: Record<string, number>;
  name?: string;
  functions?: Uint8Array[];
}

export interface FunctionSpec {
  name: string;
  domain: string;
  inputs: string[];
  outputs: string[];
  nodes: NodeSpec[];
  opset: number;
}

const message = (write: (w: BinaryWriter) => void): Uint8Array => {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
};

const bytesField = (w: BinaryWriter, field: number, bytes: Uint8Array): void => {
  w.tag(field, WireType.LengthDelimited).bytes(bytes);
};

const stringField = (w: BinaryWriter, field: number, text: string): void => {
  w.tag(field, WireType.LengthDelimited).string(text);
};

const intField = (w: BinaryWriter, field: number, value: number | bigint): void => {
  w.tag(field, WireType.Varint).int64(value);
};

const packed = <T>(
  w: BinaryWriter,
  field: number,
  values: T[],
  write: (w: BinaryWriter, value: T) => void,
): void => {
  bytesField(
    w,
    field,
    message((p) => {
      for (const value of values) write(p, value);
    }),
  );
};

function tensor(spec: TensorSpec): Uint8Array {
  return message((w) => {
    for (const d of spec.dims) intField(w, 1, d);
    intField(w, 2, elementType[spec.type]);
    if (spec.floats) packed(w, 4, spec.floats, (p, v) => p.float(v));
    if (spec.int32s) packed(w, 5, spec.int32s, (p, v) => p.int64(v));
    if (spec.int64s) packed(w, 7, spec.int64s, (p, v) => p.int64(v));
    if (spec.name) stringField(w, 8, spec.name);
    if (spec.raw) bytesField(w, 9, spec.raw);
    if (spec.doubles) packed(w, 10, spec.doubles, (p, v) => p.double(v));
    if (spec.external) intField(w, 14, 1);
  });
}

/** AttributeType, which onnxruntime wants and the importer does not need. */
function attributeType(spec: AttributeSpec): number {
  if (typeof spec === "number") return 2;
  if (typeof spec === "string") return 3;
  if (Array.isArray(spec)) return 7;
  if ("float" in spec) return 1;
  if ("floats" in spec) return 6;
  if ("refersTo" in spec) return 1;
  return "tensor" in spec ? 4 : 5;
}

function attribute(name: string, spec: AttributeSpec): Uint8Array {
  return message((w) => {
    stringField(w, 1, name);
    intField(w, 20, attributeType(spec));
    if (typeof spec === "number") intField(w, 3, spec);
    else if (typeof spec === "string") stringField(w, 4, spec);
    else if (Array.isArray(spec)) for (const v of spec) intField(w, 8, v);
    else if ("float" in spec) w.tag(2, WireType.Bit32).float(spec.float);
    else if ("floats" in spec) for (const v of spec.floats) w.tag(7, WireType.Bit32).float(v);
    else if ("strings" in spec) for (const v of spec.strings) stringField(w, 9, v);
    else if ("refersTo" in spec) stringField(w, 21, spec.refersTo);
    else if ("tensor" in spec) bytesField(w, 5, tensor(spec.tensor));
    else bytesField(w, 6, spec.graph);
  });
}

function node(spec: NodeSpec): Uint8Array {
  return message((w) => {
    for (const name of spec.inputs ?? []) stringField(w, 1, name);
    for (const name of spec.outputs ?? []) stringField(w, 2, name);
    if (spec.name) stringField(w, 3, spec.name);
    stringField(w, 4, spec.op);
    for (const [name, value] of Object.entries(spec.attributes ?? {}))
      bytesField(w, 5, attribute(name, value));
    if (spec.domain) stringField(w, 7, spec.domain);
  });
}

function value(spec: ValueSpec): Uint8Array {
  const dimension = (d: number | string) =>
    message((w) => (typeof d === "number" ? intField(w, 1, d) : stringField(w, 2, d)));
  const shape = (dimensions: (number | string)[]) =>
    message((w) => {
      for (const d of dimensions) bytesField(w, 1, dimension(d));
    });
  const tensorType = message((w) => {
    intField(w, 1, elementType[spec.type ?? "float"]);
    if (spec.shape) bytesField(w, 2, shape(spec.shape));
  });
  return message((w) => {
    stringField(w, 1, spec.name);
    bytesField(
      w,
      2,
      message((t) => bytesField(t, 1, tensorType)),
    );
  });
}

/** The bytes of a graph, as attributes hold it. */
export const onnxGraph = (spec: Pick<ModelSpec, "nodes" | "inputs" | "outputs" | "initializers" | "name">) =>
  message((w) => {
    for (const n of spec.nodes) bytesField(w, 1, node(n));
    stringField(w, 2, spec.name ?? "test");
    for (const t of spec.initializers ?? []) bytesField(w, 5, tensor(t));
    for (const v of spec.inputs) bytesField(w, 11, value(v));
    for (const v of spec.outputs) bytesField(w, 12, value(v));
  });

const opset = (domain: string, version: number) =>
  message((w) => {
    if (domain) stringField(w, 1, domain);
    intField(w, 2, version);
  });

/** The bytes of a function that a model defines. */
export const onnxFunction = (spec: FunctionSpec): Uint8Array =>
  message((w) => {
    stringField(w, 1, spec.name);
    for (const name of spec.inputs) stringField(w, 4, name);
    for (const name of spec.outputs) stringField(w, 5, name);
    for (const n of spec.nodes) bytesField(w, 7, node(n));
    bytesField(w, 9, opset("", spec.opset));
    stringField(w, 10, spec.domain);
  });

/** The bytes of an ONNX model. */
export function onnxModel(spec: ModelSpec): Uint8Array {
  return message((w) => {
    intField(w, 1, 8);
    bytesField(w, 7, onnxGraph(spec));
    bytesField(w, 8, opset("", spec.opset ?? 13));
    for (const [domain, version] of Object.entries(spec.domains ?? {}))
      bytesField(w, 8, opset(domain, version));
    for (const made of spec.functions ?? []) bytesField(w, 25, made);
  });
}

/** A float initializer; without values it counts 1, 2, 3 … */
export const floats = (name: string, dims: number[], values?: number[]): TensorSpec => ({
  name,
  dims,
  type: "float",
  floats: values ?? Array.from({ length: dims.reduce((n, d) => n * d, 1) }, (_, i) => i + 1),
});

/** A one-dimensional int64 initializer. */
export const ints = (name: string, values: number[]): TensorSpec => ({
  name,
  dims: [values.length],
  type: "int64",
  int64s: values,
});

/** One operator between input "x" and output "y"; further inputs are the initializers, in order. */
export function singleOperator(
  op: string,
  shape: (number | string)[],
  options: {
    attributes?: Record<string, AttributeSpec>;
    constants?: TensorSpec[];
    opset?: number;
    domain?: string;
  } = {},
): Uint8Array {
  const constants = options.constants ?? [];
  return onnxModel({
    nodes: [
      {
        op,
        name: "node",
        inputs: ["x", ...constants.map((t) => t.name ?? "")],
        outputs: ["y"],
        ...(options.domain && { domain: options.domain }),
        attributes: options.attributes ?? {},
      },
    ],
    inputs: [{ name: "x", shape }],
    outputs: [{ name: "y" }],
    initializers: constants.filter((t) => t.name),
    ...(options.opset && { opset: options.opset }),
  });
}
