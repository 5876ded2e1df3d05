import { axisAttribute, type Expansion, made, partOf } from "./expand-node.ts";
import type { OnnxAttribute, OnnxNode } from "./proto.ts";

/** Clip is not among them: it takes its bounds as inputs. */
const activations = new Set(["Relu", "Tanh", "Sigmoid", "LeakyRelu", "HardSigmoid"]);

/** `opType` with the node's inputs, an addend if there is one, then the activation that the node names. */
function withActivation(
  node: OnnxNode,
  opType: string,
  inputs: string[],
  addend: string,
): OnnxNode[] | undefined {
  const activation = node.attributes.get("activation")?.s ?? "";
  if (activation !== "" && !activations.has(activation)) return undefined;
  const [y] = node.outputs;
  const parameters = node.attributes.get("activation_params")?.floats ?? [];
  const alpha = (name: string) => node.attributes.get(name)?.f;
  const steps: { opType: string; inputs: string[]; attributes: Map<string, OnnxAttribute> }[] = [
    { opType, inputs, attributes: node.attributes },
  ];
  if (addend) steps.push({ opType: "Add", inputs: ["", addend], attributes: new Map() });
  if (activation) {
    const [first, second] = [
      parameters[0] ?? alpha("activation_alpha"),
      parameters[1] ?? alpha("activation_beta"),
    ];
    const attributes = new Map<string, OnnxAttribute>();
    const base = axisAttribute(0).get("axis")!;
    if (first !== undefined) attributes.set("alpha", { ...base, name: "alpha", i: undefined, f: first });
    if (second !== undefined) attributes.set("beta", { ...base, name: "beta", i: undefined, f: second });
    steps.push({ opType: activation, inputs: [""], attributes });
  }
  return steps.map((step, i) => {
    const before = partOf(node, `step ${i - 1}`);
    const names = step.inputs.map((name, at) => (i > 0 && at === 0 ? before : name));
    return made(
      node,
      step.opType,
      names,
      i === steps.length - 1 ? y : partOf(node, `step ${i}`),
      step.attributes,
    );
  });
}

const fusedConv: Expansion = (node) =>
  withActivation(node, "Conv", node.inputs.slice(0, 3), node.inputs[3] ?? "");

const fusedGemm: Expansion = (node) => withActivation(node, "Gemm", node.inputs.slice(0, 3), "");

/** Only the plain product: transposed and scaled ones stay refused. */
const fusedMatMul: Expansion = (node) => {
  const isSet = (name: string) => (node.attributes.get(name)?.i ?? 0) !== 0;
  if (["transA", "transB", "transBatchA", "transBatchB"].some(isSet)) return undefined;
  return (node.attributes.get("alpha")?.f ?? 1) === 1
    ? [made(node, "MatMul", node.inputs, node.outputs[0])]
    : undefined;
};

const gelu: Expansion = (node) => [made(node, "Gelu", node.inputs, node.outputs[0])];

const biasGelu: Expansion = (node) => [
  made(node, "Add", node.inputs, partOf(node, "sum")),
  made(node, "Gelu", [partOf(node, "sum")], node.outputs[0]),
];

/** x, skip, gamma, beta, bias: the normalized sum; its other outputs are refused where something reads them. */
const skipLayerNormalization: Expansion = (node) => {
  const [x, skip, gamma, beta = "", bias = ""] = node.inputs;
  const epsilon = node.attributes.get("epsilon") ?? {
    ...axisAttribute(0).get("axis")!,
    name: "epsilon",
    i: undefined,
    f: 1e-12,
  };
  const sum = partOf(node, "sum");
  const attributes = new Map([...axisAttribute(-1), ["epsilon", epsilon] as [string, OnnxAttribute]]);
  return [
    made(node, "Add", [x, skip], bias ? partOf(node, "skip") : sum),
    ...(bias ? [made(node, "Add", [partOf(node, "skip"), bias], sum)] : []),
    made(node, "LayerNormalization", [sum, gamma, beta], node.outputs[0], attributes),
  ];
};

/** onnxruntime's fused operators as the plain ones that they were made of. */
export const fusedExpansions: Record<string, { least: number; expand: Expansion }> = {
  "com.microsoft::BiasGelu": { least: 2, expand: biasGelu },
  "com.microsoft::FusedConv": { least: 2, expand: fusedConv },
  "com.microsoft::FusedGemm": { least: 2, expand: fusedGemm },
  "com.microsoft::FusedMatMul": { least: 2, expand: fusedMatMul },
  "com.microsoft::Gelu": { least: 1, expand: gelu },
  "com.microsoft::SkipLayerNormalization": { least: 3, expand: skipLayerNormalization },
};
