import {
  type Attributes,
  type DType,
  elementCount,
  type Node,
  type OperatorName,
  type Quantization,
  type Tensor,
} from "../../graph/graph.ts";
import { type Constant, isConstant } from "../../graph/passes/constant.ts";
import { makeNode, sameQuantization } from "../../graph/passes/rewrite.ts";
import { NibbleError } from "../../runtime/errors.ts";
import { describeNode } from "./order.ts";
import type { OnnxAttribute, OnnxNode } from "./proto.ts";
import { checkRoom, type Room } from "./room.ts";
import { checkedCount } from "./shape.ts";
import { decodeTensor } from "./tensor-data.ts";

/** More values than any list of axes, pads or sizes can have. */
const maxListLength = 64;

/** What a result is besides its shape; float32 unless said otherwise. */
interface ResultType {
  dtype?: DType;
  quantization?: Quantization | undefined;
}

/** One of several results. */
interface ResultOf extends ResultType {
  shape: number[];
}

/** One ONNX node while it is converted: its operands, its attributes, and where the new nodes go. */
export interface Scope {
  readonly node: OnnxNode;
  readonly opset: number;
  /** The node as messages name it. */
  readonly where: string;
  has(index: number): boolean;
  input(index: number): Tensor;
  /** A float32 input, as almost every operator wants it. */
  float(index: number): Tensor;
  optional(index: number): Tensor | undefined;
  /** As `optional`, of any type: also codes of float8 and float4, which are no numbers. */
  stored(index: number): Tensor | undefined;
  /** An input that must be constant. */
  constant(index: number, role: string): Constant;
  /** A constant input of integers (axes, pads, a shape). */
  integers(index: number, role: string): number[];
  /** A constant input of one number. */
  scalar(index: number, role: string): number;
  /** The quantized constant that a DequantizeLinear turned into `tensor`, if that is what it is. */
  quantizedConstant(tensor: Tensor): Constant | undefined;
  /**
   * An integer tensor that carries `quantization`: itself when it is an input, a copy when it is constant; undefined
   * when it has another one, or none although something computes it.
   */
  annotate(tensor: Tensor, quantization: Quantization): Tensor | undefined;
  attribute(name: string): OnnxAttribute | undefined;
  intAttribute(name: string, otherwise: number): number;
  floatAttribute(name: string, otherwise: number): number;
  stringAttribute(name: string, otherwise: string): string;
  intsAttribute(name: string): number[] | undefined;
  tensorAttribute(name: string): Constant | undefined;
  /** A name for something that belongs to this node, not taken by any other. */
  nameFor(part: string): string;
  /** Appends a node and returns its output. */
  emit<K extends OperatorName>(
    op: K,
    inputs: (Tensor | null)[],
    attributes: Attributes[K],
    shape: number[],
    type?: ResultType,
  ): Tensor;
  /** As `emit`, for an operator with several outputs. */
  emitSeveral<K extends OperatorName>(
    op: K,
    inputs: (Tensor | null)[],
    attributes: Attributes[K],
    results: readonly ResultOf[],
  ): Tensor[];
  unsupported(reason: string): NibbleError;
  bad(reason: string): NibbleError;
  /** To be asked before a constant of so many elements is made, where its size does not follow from an operand's. */
  checkRoom(elements: number): void;
}

/** What all scopes of one model share. */
export interface Conversion {
  nodes: Node[];
  values: Map<string, Tensor>;
  names: Set<string>;
  nodeNames: Set<string>;
  inputs: Set<Tensor>;
  producers: Map<Tensor, Node>;
  room: Room;
}

function uniqueName(names: Set<string>, name: string): string {
  let unique = name;
  for (let n = 2; names.has(unique); n++) unique = `${name}_${n}`;
  names.add(unique);
  return unique;
}

export function openScope(conversion: Conversion, node: OnnxNode, opset: number): Scope {
  const where = describeNode(node);
  const base = node.outputs.find((name) => name !== "") ?? node.name;
  const bad = (reason: string) => new NibbleError("bad-file", `${where}: ${reason}`);
  const unsupported = (reason: string) => new NibbleError("unsupported", reason);
  const nameFor = (part: string) => uniqueName(conversion.names, `${base}/${part}`);

  // The first node that computes something has the source's name; helpers say what they are.
  const nodeName = (op: OperatorName) => {
    const name = node.name || `${node.opType}:${base}`;
    const isHelper = op === "transpose" || op === "reshape" || conversion.nodeNames.has(name);
    return uniqueName(
      conversion.nodeNames,
      isHelper && node.opType.toLowerCase() !== op ? `${name}/${op}` : name,
    );
  };

  const stored = (index: number): Tensor | undefined => {
    const name = node.inputs[index];
    if (name === undefined || name === "") return undefined;
    const tensor = conversion.values.get(name);
    if (!tensor) throw bad(`expected input ${index} to exist, found no value "${name}"`);
    return tensor;
  };
  const optional = (index: number): Tensor | undefined => {
    const tensor = stored(index);
    if (tensor?.minifloat) throw unsupported(`${tensor.minifloat} operand "${tensor.name}"`);
    return tensor;
  };
  const input = (index: number): Tensor => {
    const tensor = optional(index);
    if (!tensor) throw bad(`expected an input ${index}, found none`);
    return tensor;
  };
  const constant = (index: number, role: string): Constant => {
    const tensor = input(index);
    if (!isConstant(tensor)) throw unsupported(`${role} computed at run time ("${tensor.name}")`);
    return tensor;
  };
  const attribute = (name: string): OnnxAttribute | undefined => {
    const found = node.attributes.get(name);
    if (found?.refersTo) throw unsupported(`attribute ${name} that refers to a function's parameter`);
    return found;
  };

  const emitSeveral: Scope["emitSeveral"] = (op, inputs, attributes, results) => {
    const empty = inputs.find((tensor) => tensor && elementCount(tensor.shape) === 0);
    if (empty) throw unsupported(`operand "${empty.name}" without elements, [${empty.shape.join(", ")}]`);
    const outputs = results.map(({ shape, dtype = "float32", quantization }) => {
      checkedCount(shape, where);
      if (elementCount(shape) === 0) throw unsupported(`a result without elements, [${shape.join(", ")}]`);
      const output: Tensor = { name: nameFor(op), dtype, shape };
      if (quantization) output.quantization = quantization;
      return output;
    });
    const made = makeNode(op, nodeName(op), inputs, outputs, attributes);
    conversion.nodes.push(made);
    for (const output of outputs) conversion.producers.set(output, made);
    return outputs;
  };

  return {
    node,
    opset,
    where,
    has: (index) => (node.inputs[index] ?? "") !== "",
    input,
    float: (index) => {
      const tensor = input(index);
      if (tensor.dtype !== "float32") throw unsupported(`${tensor.dtype} operand "${tensor.name}"`);
      return tensor;
    },
    optional,
    stored,
    constant,
    integers: (index, role) => {
      const { data, dtype } = constant(index, role);
      if ((dtype !== "int64" && dtype !== "int32") || data.length > maxListLength) {
        throw bad(`expected ${role} to be a short list of integers, found ${data.length} × ${dtype}`);
      }
      return Array.from(data as ArrayLike<number | bigint>, Number);
    },
    scalar: (index, role) => {
      const { data } = constant(index, role);
      if (data.length !== 1) throw bad(`expected ${role} to be one number, found ${data.length}`);
      return Number(data[0]);
    },
    quantizedConstant: (tensor) => {
      const producer = conversion.producers.get(tensor);
      const source = producer?.op === "dequantize" ? producer.inputs[0] : undefined;
      return isConstant(source) ? source : undefined;
    },
    annotate: (tensor, quantization) => {
      const annotated: Tensor = { ...tensor, quantization };
      if (isConstant(tensor)) return { ...annotated, name: nameFor("quantized") };
      if (tensor.quantization && sameQuantization(tensor, annotated)) return tensor;
      if (tensor.quantization || !conversion.inputs.has(tensor)) return undefined;
      tensor.quantization = quantization;
      return tensor;
    },
    attribute,
    intAttribute: (name, otherwise) => attribute(name)?.i ?? otherwise,
    floatAttribute: (name, otherwise) => attribute(name)?.f ?? otherwise,
    stringAttribute: (name, otherwise) => attribute(name)?.s ?? otherwise,
    intsAttribute: (name) => {
      const ints = attribute(name)?.ints;
      if (ints && ints.length > maxListLength)
        throw bad(`expected a short list ${name}, found ${ints.length}`);
      return ints;
    },
    tensorAttribute: (name) => {
      const tensor = attribute(name)?.tensor;
      return tensor && decodeTensor(tensor, base);
    },
    nameFor,
    emit: (op, inputs, attributes, shape, type) => {
      const { dtype, quantization } = type ?? {};
      const result = { shape, quantization, ...(dtype && { dtype }) };
      return emitSeveral(op, inputs, attributes, [result])[0];
    },
    emitSeveral,
    unsupported,
    bad,
    checkRoom: (elements) => checkRoom(conversion.room, elements, where),
  };
}

/** A transpose node, with the type of its operand. */
export const transpose = (scope: Scope, x: Tensor, perm: number[]): Tensor =>
  scope.emit(
    "transpose",
    [x],
    { perm },
    perm.map((p) => x.shape[p]),
    x,
  );

/** A reshape node, with the type of its operand. */
export const reshape = (scope: Scope, x: Tensor, shape: number[]): Tensor =>
  scope.emit("reshape", [x], {}, shape, x);
