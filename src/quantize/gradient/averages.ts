/** Running averages of what is trained: they lie nearer to the bottom than the last step does. */

export interface Averages {
  add(): void;
  /** Puts the averages in the place of the values. */
  use(): void;
}

/** @param kept what each step keeps of the average; less in the beginning */
export function averages(parameters: readonly { value: Float32Array }[], kept: number): Averages {
  const means = parameters.map(({ value }) => value.slice());
  let count = 0;
  return {
    add() {
      count++;
      const share = 1 - Math.min(kept, count / (count + 9));
      for (const [p, { value }] of parameters.entries()) {
        const mean = means[p];
        for (let i = 0; i < mean.length; i++) mean[i] += share * (value[i] - mean[i]);
      }
    },
    use() {
      for (const [p, { value }] of parameters.entries()) value.set(means[p]);
    },
  };
}
