/** What a student gives beside what its teacher gives, and the gradients of the difference. */

import type { Graph, Tensor } from "../../graph/graph.ts";
import { usesOf } from "../../graph/passes/rewrite.ts";
import { matrixOf } from "../layers/matrix.ts";
import { answersOf } from "./answers.ts";
import type { Network } from "./network.ts";
import { softmax } from "./operators.ts";

export interface Distillation {
  /** Runs both on a batch, one array an input, and adds the gradients of their difference to the student's. Answers the difference. */
  run(inputs: readonly Float32Array[]): number;
}

export interface Side {
  graph: Graph;
  network: Network;
}

/** What mean square errors of answers count beside their divergence, and those behind layers. */
const [answerShare, hiddenShare] = [0.25, 1];
/** What scores are divided by before they are compared as probabilities. */
const temperature = 2;

/**
 * Answers of one vector are compared as probabilities, by their divergence, and, unless a softmax follows, by mean squares
 * over the power of the teacher's; what layers and additions give by these alone.
 *
 * @param kept which channels of the teacher's tensors the student's have, where they differ
 */
export function distillation(
  student: Side,
  teacher: Side,
  kept?: ReadonlyMap<Tensor, { channels: Int32Array }>,
): Distillation {
  const { batch } = student.network;
  const answers = pairs(answersOf(student.graph), answersOf(teacher.graph));
  const outputs = new Set(student.graph.outputs);
  const hidden = pairs(hiddenOf(student.graph), hiddenOf(teacher.graph));
  return {
    run(inputs) {
      teacher.network.forward(inputs);
      student.network.forward(inputs);
      let loss = 0;
      for (const [own, other] of answers) {
        const [value, wanted, into] = [
          student.network.value(own),
          teacher.network.value(other),
          student.network.gradient(own),
        ];
        if (isVector(own)) loss += divergence(value, wanted, into, batch);
        // Probabilities don't tell how large scores are.
        if (outputs.has(own))
          loss += meanSquare(value, wanted, into, answerShare, { width: own.shape.at(-1) ?? 1 });
      }
      for (const [own, other] of hidden)
        loss += meanSquare(
          student.network.value(own),
          teacher.network.value(other),
          student.network.gradient(own),
          hiddenShare / hidden.length,
          { width: own.shape.at(-1) ?? 1, channels: kept?.get(own)?.channels, wide: other.shape.at(-1) ?? 1 },
        );
      student.network.backward();
      return loss;
    },
  };
}

const pairs = (own: Tensor[], other: Tensor[]): [Tensor, Tensor][] =>
  own.map((tensor, i) => [tensor, other[i]]);

/** One vector of at least two numbers. */
const isVector = ({ shape }: Tensor): boolean => shape.filter((d) => d !== 1).length === 1;

/** What additions give on the way, and layers that mix channels where no addition follows. */
function hiddenOf(graph: Graph): Tensor[] {
  const answers = new Set(answersOf(graph));
  const { consumers } = usesOf(graph);
  return graph.nodes.flatMap((node) => {
    const [output] = node.outputs;
    const mixes = matrixOf(node)?.groups === 1 && !consumers(output).some(({ op }) => op === "add");
    return (mixes || node.op === "add") && !answers.has(output) ? [output] : [];
  });
}

/** T² · KL(teacher ‖ student), mean over the batch. */
function divergence(value: Float32Array, wanted: Float32Array, into: Float32Array, batch: number): number {
  const n = value.length / batch;
  const [p, q] = [new Float64Array(n), new Float64Array(n)];
  let loss = 0;
  for (let i = 0; i < value.length; i += n) {
    softmax(wanted.subarray(i, i + n), 1 / temperature, p);
    softmax(value.subarray(i, i + n), 1 / temperature, q);
    for (let j = 0; j < n; j++) {
      if (p[j] > 0)
        loss += (temperature ** 2 * p[j] * Math.log(p[j] / Math.max(q[j], Number.MIN_VALUE))) / batch;
      into[i + j] += (temperature * (q[j] - p[j])) / batch;
    }
  }
  return loss;
}

function meanSquare(
  value: Float32Array,
  wanted: Float32Array,
  into: Float32Array,
  weight: number,
  { width, channels, wide = width }: { width: number; channels?: Int32Array | undefined; wide?: number },
): number {
  let [sum, square] = [0, 0];
  for (const v of wanted) {
    sum += v;
    square += v * v;
  }
  const power = Math.max(square / wanted.length - (sum / wanted.length) ** 2, 1e-20);
  const share = weight / (power * value.length);
  let loss = 0;
  for (let i = 0, from = 0; i < value.length; i += width, from += wide)
    for (let c = 0; c < width; c++) {
      const error = value[i + c] - wanted[from + (channels ? channels[c] : c)];
      loss += share * error * error;
      into[i + c] += 2 * share * error;
    }
  return loss;
}
