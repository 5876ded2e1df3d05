/**
 * A graph with batch normalization as operators of its own: each convolution's weights have a norm of 1 per channel, as
 * before training scaled them, behind it comes a multiplication by that norm, an addition of the bias, and the bounds.
 * It computes what `graph` does, up to float rounding.
 */
export function unfolded(graph) {
  const nodes = graph.nodes.flatMap((node) => {
    const [input, weights, bias] = node.inputs;
    const isDepthwise = node.op === "depthwiseConv2d";
    if ((node.op !== "conv2d" && !isDepthwise) || !weights?.data || !bias?.data) return [node];
    const [output] = node.outputs;
    const channels = output.shape.at(-1);
    const channelOf = (i) => (isDepthwise ? i % channels : Math.floor(i / (weights.data.length / channels)));
    const squares = new Float64Array(channels);
    for (const [i, w] of weights.data.entries()) squares[channelOf(i)] += w * w;
    const norms = Float32Array.from(squares, (sum) => Math.sqrt(sum) || 1);
    const constant = (name, data) => ({ ...bias, name: `${node.name}/${name}`, shape: [channels], data });
    const made = (name) => ({ ...output, name: `${output.name}/${name}` });
    const [sums, scaled] = [made("sums"), made("scaled")];
    const free = { ...node.attributes, activation: { min: -Infinity, max: Infinity } };
    const alone = { ...weights, data: weights.data.map((w, i) => w / norms[channelOf(i)]) };
    const step = (op, name, from, factor, to, activation) => ({
      op,
      name: `${node.name}/${name}`,
      inputs: [from, factor],
      outputs: [to],
      attributes: { activation },
    });
    return [
      { ...node, inputs: [input, alone, null], outputs: [sums], attributes: free },
      step("mul", "scale", sums, constant("scales", norms), scaled, free.activation),
      step("add", "shift", scaled, bias, output, node.attributes.activation),
    ];
  });
  return { ...graph, nodes };
}
