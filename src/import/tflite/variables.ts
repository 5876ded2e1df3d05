/**
 * Resource variables as states: in a graph without side effects, reading one gives the tensor that was last
 * assigned to it, or what the inference began with.
 */
import { type DType, elementCount, type State, type Tensor, type TensorData } from "../../graph/graph.ts";
import { sameQuantization } from "../../graph/passes/rewrite.ts";
import { badFile, quote, unsupported } from "./errors.ts";
import type { OperatorRecord, Subgraph } from "./model.ts";
import {
  checkShape,
  input,
  type Operator,
  output,
  refused,
  requiredIndex,
  requiredOptions,
  show,
} from "./operator.ts";
import { readQuantization } from "./quantization.ts";
import { readInt32, readString, type Table } from "./reader.ts";
import { options } from "./schema.ts";
import { isConstant, openTensors, tensorAt } from "./tensors.ts";

interface Variable {
  name: string;
  /** What the inference begins with, once something has read it. */
  value?: Tensor;
  /** What a read gives now. */
  current?: Tensor;
  /** The constant that the initialization assigns. */
  initial?: Tensor;
}

export interface Variables {
  /** By container and shared name, in order of appearance. */
  byName: Map<string, Variable>;
  /** By the index of a resource tensor. */
  handles: Map<number, Variable>;
  /** States that belong to one operator, such as those of an LSTM. */
  own: State[];
  /** Indices of the variable tensors that they begin with. */
  taken: Set<number>;
  readSubgraph: (index: number) => Subgraph;
  /** Initialization subgraphs that have been run: once, as the operator says. */
  run: Set<number>;
}

export const openVariables = (readSubgraph: Variables["readSubgraph"]): Variables => ({
  byName: new Map(),
  handles: new Map(),
  own: [],
  taken: new Set(),
  readSubgraph,
  run: new Set(),
});

function variableNamed(variables: Variables, table: Table): Variable {
  const name = readString(table, options.varHandle.sharedName);
  const key = `${readString(table, options.varHandle.container)}\0${name}`;
  const known = variables.byName.get(key);
  if (known) return known;
  const made: Variable = { name: name || `variable ${variables.byName.size}` };
  variables.byName.set(key, made);
  return made;
}

export function convertVarHandle(operator: Operator): void {
  const variable = variableNamed(operator.variables, requiredOptions(operator, options.varHandle.type));
  operator.variables.handles.set(operator.record.outputs[0], variable);
}

function handled(operator: Operator): Variable {
  const variable = operator.variables.handles.get(requiredIndex(operator, 0));
  if (!variable) throw refused(operator, "expected a variable of this subgraph's own VAR_HANDLE");
  return variable;
}

const sameKind = (a: Tensor, b: Tensor): boolean =>
  sameQuantization(a, b) && elementCount(a.shape) === elementCount(b.shape);

export function convertReadVariable(operator: Operator): void {
  const variable = handled(operator);
  const read = output(operator);
  if (!variable.current) {
    variable.value = read;
    variable.current = read;
    return;
  }
  const { current } = variable;
  if (!sameKind(current, read)) {
    throw refused(
      operator,
      `reads ${show(read)} where ${show(current)} was assigned; both need one type and scale`,
    );
  }
  checkShape(operator, read, current.shape);
  operator.tensors.made.set(operator.record.outputs[0], current);
}

export function convertAssignVariable(operator: Operator): void {
  const variable = handled(operator);
  const assigned = input(operator, 1);
  const { value } = variable;
  if (value && !sameKind(value, assigned)) {
    throw refused(
      operator,
      `assigns ${show(assigned)} to ${show(value)}; both need one type, size and scale`,
    );
  }
  variable.current = assigned;
}

/** The initialization subgraph may assign constants to variables and do nothing else. */
export function convertCallOnce(operator: Operator): void {
  const { variables } = operator;
  const index = readInt32(requiredOptions(operator, options.callOnce.type), options.callOnce.subgraph);
  if (variables.run.has(index)) return;
  variables.run.add(index);
  const subgraph = variables.readSubgraph(index);
  const tensors = openTensors(subgraph);
  const handles = new Map<number, Variable>();
  const refuse = (record: OperatorRecord, why: string) =>
    unsupported(
      `CALL_ONCE: ${record.name} in subgraph ${index} ${why}; it may only assign constants to variables`,
    );
  for (const record of subgraph.operators) {
    const [first, second] = record.inputs;
    if (record.name === "VAR_HANDLE" && record.options && record.outputs.length === 1) {
      handles.set(record.outputs[0], variableNamed(variables, record.options));
    } else if (record.name === "ASSIGN_VARIABLE") {
      const variable = handles.get(first);
      if (!variable || second === undefined || second < 0)
        throw refuse(record, "has no variable or no value");
      if (!isConstant(tensors, second)) throw refuse(record, "assigns what is no constant");
      variable.initial = tensorAt(tensors, second);
    } else throw refuse(record, "can't be run once");
  }
}

const ownTypes: Record<string, DType> = { float32: "float32", int8: "int8", int16: "int16" };

/**
 * Operand `i`, a variable tensor that the operator changes, as a state of its own: what it begins with, and what
 * the operator has to write. It begins as real 0.
 */
export function ownState(operator: Operator, i: number): { value: Tensor; next: Tensor } {
  const index = requiredIndex(operator, i);
  const { tensors, variables } = operator;
  const record = tensors.records[index];
  const dtype = ownTypes[record.type];
  if (!record.isVariable || !dtype || record.bytes || record.shape.some((d) => d < 1)) {
    throw refused(
      operator,
      `operand ${quote(record.name)}: expected an empty variable tensor of a fixed shape`,
    );
  }
  if (variables.taken.has(index))
    throw refused(operator, `shares the variable ${quote(record.name)} with another`);
  variables.taken.add(index);
  const quantization = dtype === "float32" ? undefined : readQuantization(record);
  const value: Tensor = {
    name: record.name,
    dtype,
    shape: record.shape,
    ...(quantization && { quantization }),
  };
  const next: Tensor = { ...value, name: tensors.uniqueName(`${record.name}/next`) };
  const zero = quantization?.zeroPoint[0] ?? 0;
  const initial = zero === 0 ? undefined : Int8Array.from({ length: elementCount(record.shape) }, () => zero);
  variables.own.push({ name: record.name, value, next, ...(initial && { initial }) });
  return { value, next };
}

/** The states that the converted operators have; a variable that is written before it is read is none. */
export function statesOf({ byName, own }: Variables): State[] {
  const states = [...byName.values()].flatMap(({ name, value, current, initial }) => {
    if (!value || !current) return [];
    return [{ name, value, next: current, ...(initial && { initial: initialData(name, value, initial) }) }];
  });
  return [...states, ...own];
}

function initialData(name: string, value: Tensor, initial: Tensor): TensorData {
  if (initial.dtype !== value.dtype || initial.data?.length !== elementCount(value.shape)) {
    throw badFile(`variable ${quote(name)}: initialized with ${show(initial)}, read as ${show(value)}`);
  }
  return initial.data;
}
