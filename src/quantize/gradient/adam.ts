/** Adam: steps along averaged gradients, each weight's over its own root mean square. */

export interface Adam {
  /** Moves `value` against `gradient`, which is set to 0. */
  step(rate: number): void;
}

/** What is trained, and what its gradient adds up to. */
interface Moved {
  value: Float64Array | Float32Array;
  gradient: Float64Array | Float32Array;
}

const [momentum, floor] = [0.9, 1e-8];

/** @param memory how much of the mean square is kept in one step */
export function adam(parameters: readonly Moved[], memory = 0.999): Adam {
  const means = parameters.map(({ value }) => ({
    first: new Float64Array(value.length),
    second: new Float64Array(value.length),
  }));
  let steps = 0;
  return {
    step(rate) {
      steps++;
      const [firstBias, secondBias] = [1 - momentum ** steps, 1 - memory ** steps];
      for (const [p, { value, gradient }] of parameters.entries()) {
        const { first, second } = means[p];
        for (let i = 0; i < value.length; i++) {
          const g = gradient[i];
          first[i] = momentum * first[i] + (1 - momentum) * g;
          second[i] = memory * second[i] + (1 - memory) * g * g;
          value[i] -= (rate * (first[i] / firstBias)) / (Math.sqrt(second[i] / secondBias) + floor);
          gradient[i] = 0;
        }
      }
    },
  };
}
