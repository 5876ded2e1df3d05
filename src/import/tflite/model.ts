/** The parts of a TFLite file that an import reads, as plain records; tensors' contents stay in the file. */
import { NibbleError } from "../../runtime/errors.ts";
import { inlineComposites } from "./composite.ts";
import { badFile, quote, unsupported } from "./errors.ts";
import {
  openRoot,
  readBool,
  readInt8,
  readInt32,
  readInt32s,
  readString,
  readTable,
  readTables,
  readUint8,
  readUint32,
  readUint64,
  type Table,
  viewBytes,
  viewRange,
} from "./reader.ts";
import {
  customOperator,
  fields,
  identifier,
  operatorNames,
  options2,
  quantizationDetails,
  schemaVersion,
  tensorTypes,
} from "./schema.ts";

export interface TensorRecord {
  /** Unique within the subgraph: a repeated name gets a number. */
  name: string;
  type: string;
  shape: number[];
  /** The shape with −1 for every dimension that the source left open; empty where it left none. */
  openShape: number[];
  /** Some dimension is 0. */
  isEmpty: boolean;
  /** Contents of a constant: a view of the file; undefined for everything computed at run time. */
  bytes: Uint8Array | undefined;
  quantization: Table | undefined;
  quantizationDetails: string;
  isVariable: boolean;
  /** Parameters of a constant of which only some elements are stored. */
  sparsity: Table | undefined;
  isExternal: boolean;
  table: Table;
}

export interface OperatorRecord {
  /** Of the built-in operator, or the code of the custom one. */
  name: string;
  isCustom: boolean;
  /** Tensor indices; −1 stands for an absent optional operand. */
  inputs: number[];
  outputs: number[];
  optionsType: number;
  options: Table | undefined;
  /** Of a custom operator. */
  customOptions: Uint8Array;
  /** Of a composite: the subgraph that computes the same. */
  decomposition: number | undefined;
  /** The operators that this one stands for, see signal.ts. */
  parts?: OperatorRecord[];
}

export interface Subgraph {
  tensors: TensorRecord[];
  operators: OperatorRecord[];
  inputs: number[];
  outputs: number[];
  /** Makes a name different from those of all tensors and from those it made before. */
  uniqueName: (name: string) => string;
}

/** Bytes of each buffer; from 2 GiB on they lie behind the FlatBuffer instead of in it. */
function readBuffer(table: Table): Uint8Array | undefined {
  const offset = readUint64(table, fields.buffer.offset);
  const view =
    offset > 1
      ? viewRange(table, offset, readUint64(table, fields.buffer.size))
      : viewBytes(table, fields.buffer.data);
  return view.length === 0 ? undefined : view;
}

function readOperatorCode(table: Table): { name: string; isCustom: boolean } {
  // Codes above 127 did not fit the first field; files write the smaller of the code and 127 there.
  const code = Math.max(
    readInt8(table, fields.operatorCode.deprecatedBuiltinCode),
    readInt32(table, fields.operatorCode.builtinCode),
  );
  if (code === customOperator) {
    return { name: readString(table, fields.operatorCode.customCode), isCustom: true };
  }
  return { name: operatorNames[code] ?? `operator ${code}`, isCustom: false };
}

function readTensor(table: Table, buffers: Table[], name: string): TensorRecord {
  const buffer = readUint32(table, fields.tensor.buffer);
  // Files may omit the buffers altogether where no tensor has contents.
  if (buffer !== 0 && buffer >= buffers.length) {
    throw badFile(`tensor ${quote(name)}: refers to buffer ${buffer}, the file has ${buffers.length}`);
  }
  const type = readInt8(table, fields.tensor.type);
  const quantization = readTable(table, fields.tensor.quantization);
  const details = quantization ? readUint8(quantization, fields.quantization.detailsType) : 0;
  const shape = readInt32s(table, fields.tensor.shape);
  const signature = readInt32s(table, fields.tensor.shapeSignature);
  return {
    name,
    type: tensorTypes[type] ?? `type ${type}`,
    shape,
    openShape: signature.includes(-1) ? signature : [],
    isEmpty: shape.includes(0),
    bytes: buffer === 0 ? undefined : readBuffer(buffers[buffer]),
    quantization,
    quantizationDetails: quantizationDetails[details] ?? `details ${details}`,
    isVariable: readBool(table, fields.tensor.isVariable),
    sparsity: readTable(table, fields.tensor.sparsity),
    isExternal: readUint32(table, fields.tensor.externalBuffer) !== 0,
    table,
  };
}

/** Returns `name`, or `name#2`, `name#3`… where it was given out before. */
function uniqueNames(): (name: string) => string {
  const next = new Map<string, number>();
  return (name) => {
    let candidate = name;
    let n = next.get(name) ?? 1;
    while (next.has(candidate)) candidate = `${name}#${++n}`;
    next.set(name, n);
    if (candidate !== name) next.set(candidate, 1);
    return candidate;
  };
}

function readOperator(
  table: Table,
  codes: { name: string; isCustom: boolean }[],
  tensors: TensorRecord[],
): OperatorRecord {
  const index = readUint32(table, fields.operator.opcodeIndex);
  if (index >= codes.length) {
    throw badFile(`an operator has code number ${index}, the file has ${codes.length} codes`);
  }
  const { name, isCustom } = codes[index];
  const operands = (field: number, absent: number) => {
    const indices = readInt32s(table, field);
    const wrong = indices.find((i) => i >= tensors.length || i < absent);
    if (wrong === undefined) return indices;
    throw badFile(`${name}: refers to tensor ${wrong}, the subgraph has ${tensors.length}`);
  };
  const { composite } = options2;
  const more = readTable(table, fields.operator.options2);
  const isComposite = readUint8(table, fields.operator.options2Type) === composite.type;
  return {
    name,
    isCustom,
    decomposition: isComposite && more ? readInt32(more, composite.decomposition) : undefined,
    inputs: operands(fields.operator.inputs, -1),
    outputs: operands(fields.operator.outputs, 0),
    optionsType: readUint8(table, fields.operator.optionsType),
    options: readTable(table, fields.operator.options),
    customOptions: viewBytes(table, fields.operator.customOptions),
  };
}

function readEnds(table: Table, field: number, what: string, tensors: TensorRecord[]): number[] {
  const indices = readInt32s(table, field);
  const wrong = indices.find((i) => i < 0 || i >= tensors.length);
  if (wrong === undefined) return indices;
  throw badFile(`graph ${what}: refers to tensor ${wrong}, the subgraph has ${tensors.length}`);
}

/** A signature's own names of a subgraph's inputs and outputs, by tensor. */
function readNames(table: Table, field: number, what: string, tensors: TensorRecord[]): Map<number, string> {
  return new Map(
    readTables(table, field).map((entry) => {
      const index = readUint32(entry, fields.tensorMap.tensor);
      if (index >= tensors.length)
        throw badFile(`signature ${what}: refers to tensor ${index}, the subgraph has ${tensors.length}`);
      return [index, readString(entry, fields.tensorMap.name)] as const;
    }),
  );
}

/** The signature called `key`. @throws NibbleError "bad-input" with the names of those there are */
function findSignature(model: Table, key: string): Table {
  const signatures = readTables(model, fields.model.signatures);
  const keys = signatures.map((table) => readString(table, fields.signature.key));
  const found = signatures[keys.indexOf(key)];
  if (found) return found;
  const list = keys.length > 0 ? `the model has ${keys.map(quote).join(", ")}` : "the model has none";
  throw new NibbleError("bad-input", `signature ${quote(key)} was asked for, ${list}`);
}

/** The subgraph of a signature, its inputs and outputs called and ordered as the signature has them. */
export function readSignature(bytes: Uint8Array, key: string): Subgraph {
  const model = openRoot(bytes, identifier);
  const signature = findSignature(model, key);
  const subgraph = readSubgraph(bytes, readUint32(signature, fields.signature.subgraph));
  const { tensors } = subgraph;
  const name = (field: number, what: string, ends: number[]): number[] => {
    const names = readNames(signature, field, what, tensors);
    if (names.size !== ends.length || ends.some((index) => !names.has(index))) {
      throw badFile(
        `signature ${quote(key)}: its ${names.size} ${what} are not the ${ends.length} of its subgraph`,
      );
    }
    for (const [index, given] of names) if (given) tensors[index].name = subgraph.uniqueName(given);
    return [...names.keys()];
  };
  const inputs = name(fields.signature.inputs, "inputs", subgraph.inputs);
  const outputs = name(fields.signature.outputs, "outputs", subgraph.outputs);
  return { ...subgraph, inputs, outputs };
}

/** Subgraph `index` with the bodies of its composites in their place. */
export function readSubgraph(bytes: Uint8Array, index: number): Subgraph {
  const model = openRoot(bytes, identifier);
  const version = readUint32(model, fields.model.version);
  if (version !== schemaVersion) {
    throw unsupported(`schema version ${version}, expected ${schemaVersion}: convert the model again`);
  }
  const subgraphs = readTables(model, fields.model.subgraphs);
  if (subgraphs.length === 0) throw badFile("the model has no subgraph");
  if (index >= subgraphs.length) {
    throw new NibbleError("bad-input", `subgraph ${index} was asked for, the model has ${subgraphs.length}`);
  }
  const buffers = readTables(model, fields.model.buffers);
  const codes = readTables(model, fields.model.operatorCodes).map(readOperatorCode);
  const uniqueName = uniqueNames();
  return inlineComposites(index, (i) => {
    if (subgraphs[i]) return readBody(subgraphs[i], buffers, codes, uniqueName);
    throw badFile(`a composite refers to subgraph ${i}, the model has ${subgraphs.length}`);
  });
}

function readBody(
  subgraph: Table,
  buffers: Table[],
  codes: { name: string; isCustom: boolean }[],
  uniqueName: (name: string) => string,
): Subgraph {
  const tensors = readTables(subgraph, fields.subgraph.tensors).map((table, i) =>
    readTensor(table, buffers, uniqueName(readString(table, fields.tensor.name) || `tensor_${i}`)),
  );
  return {
    tensors,
    operators: readTables(subgraph, fields.subgraph.operators).map((table) =>
      readOperator(table, codes, tensors),
    ),
    inputs: readEnds(subgraph, fields.subgraph.inputs, "inputs", tensors),
    outputs: readEnds(subgraph, fields.subgraph.outputs, "outputs", tensors),
    uniqueName,
  };
}
