import type { Tensor } from "../../graph/graph.ts";
import { isConstant } from "../../graph/passes/constant.ts";
import { NibbleError } from "../../runtime/errors.ts";
import { expandNode, isExpandable, keyOf } from "./expand.ts";
import { foldNode, folds, shapeFolds } from "./fold.ts";
import { operators } from "./operators/index.ts";
import { describeNode, readsOf, sortNodes } from "./order.ts";
import type { OnnxNode } from "./proto.ts";
import type { Refusals } from "./refusals.ts";
import { inlined } from "./rename.ts";
import { takeRoom } from "./room.ts";
import { type Conversion, openScope, type Scope } from "./scope.ts";
import { decodeTensor } from "./tensor-data.ts";

/** One import while its nodes are converted. */
export interface Run {
  conversion: Conversion;
  opset: number;
  /** Names that something reads. */
  wanted: Set<string>;
  /** Names whose values could not be made. */
  unknown: Set<string>;
  refused: Refusals;
}

export const isKnown = (node: OnnxNode): boolean =>
  isExpandable(node) ||
  keyOf(node) === "If" ||
  [operators, folds, shapeFolds].some((table) => Object.hasOwn(table, keyOf(node)));

/** What the node gives: a constant when all it needs is known, or what its conversion makes. */
function resultsOf(scope: Scope): (Tensor | undefined)[] {
  const [output] = scope.node.outputs;
  const key = keyOf(scope.node);
  const constant = foldNode(scope);
  if (constant) return [{ ...constant, name: output }];
  const convert = Object.hasOwn(operators, key) ? operators[key] : undefined;
  if (!convert) {
    const isFold = Object.hasOwn(folds, key);
    throw scope.unsupported(
      isFold
        ? "operands computed at run time (it is only known on constants)"
        : "a form of it that is not known: its number of inputs, or one of its attributes",
    );
  }
  const results = convert(scope);
  return Array.isArray(results) ? results : [results];
}

function convertPlain({ conversion, opset, wanted }: Run, node: OnnxNode): void {
  const scope = openScope(conversion, node, opset);
  const before = conversion.nodes.length;
  const results = resultsOf(scope);
  const added = conversion.nodes.slice(before);
  takeRoom(conversion.room, [...results, ...added.flatMap(({ inputs }) => inputs)], scope.where);
  const made = new Set(added.flatMap(({ outputs }) => outputs));
  for (const [i, name] of node.outputs.entries()) {
    if (name === "" || (i > 0 && !wanted.has(name))) continue;
    const result = results[i];
    if (!result) throw scope.unsupported(`its output ${i} "${name}" is used`);
    // One result may be given for several outputs; it has the name of the first.
    if (made.delete(result)) result.name = name;
    conversion.values.set(name, result);
  }
}

/** The branch that a constant condition chooses, as if its nodes stood in the If's place; the other is not looked at. */
function convertIf(run: Run, node: OnnxNode): void {
  const { values, names } = run.conversion;
  const condition = values.get(node.inputs[0]);
  if (!condition)
    throw new NibbleError("bad-file", `${describeNode(node)}: expected a condition, found none`);
  if (!isConstant(condition))
    throw new NibbleError(
      "unsupported",
      `a condition computed at run time ("${condition.name}"); a condition that follows from an input is known when ` +
        "inputValues fixes that input",
    );
  const branch = node.attributes.get(Number(condition.data[0]) ? "then_branch" : "else_branch")?.graph;
  if (!branch || branch.outputs.length !== node.outputs.length)
    throw new NibbleError(
      "bad-file",
      `${describeNode(node)}: expected a branch of ${node.outputs.length} outputs, found ${branch?.outputs.length ?? "none"}`,
    );
  const { initializers, nodes, outputs } = inlined(node, branch, names);
  for (const tensor of initializers) {
    const constant = decodeTensor(tensor, tensor.name);
    takeRoom(run.conversion.room, [constant], describeNode(node));
    values.set(tensor.name, constant);
  }
  for (const name of [...outputs, ...nodes.flatMap(readsOf)]) run.wanted.add(name);
  for (const inner of sortNodes(nodes)) convertNode(run, inner);
  for (const [i, name] of node.outputs.entries()) {
    if (name === "") continue;
    const value = values.get(outputs[i]);
    if (value) values.set(name, value);
    else if (run.unknown.has(outputs[i])) run.unknown.add(name);
    else throw new NibbleError("bad-file", `${describeNode(node)}: nothing makes the branch's output ${i}`);
  }
}

/** Converts one node; the results it could not make become unknown, and so do the results of their readers. */
export function convertNode(run: Run, node: OnnxNode): void {
  const { conversion, unknown, refused } = run;
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
    if (keyOf(node) === "If") return convertIf(run, node);
    const parts = expandNode(node, conversion.values) ?? [node];
    for (const part of parts) convertPlain(run, part);
  } catch (error) {
    if (!(error instanceof NibbleError) || error.code !== "unsupported") throw error;
    refused.use(node, error.message);
    giveUp();
  }
}
