/** Checkpoints as llama2.c trains and runs them, float32 version: seven int32, then all weights, no names. */

export interface Checkpoint {
  dim: number;
  hidden: number;
  layers: number;
  heads: number;
  kvHeads: number;
  vocabulary: number;
  context: number;
  /** The classifier is the embedding: the header says so by a vocabulary above zero. */
  isShared: boolean;
  weights: Weights;
}

interface Weights {
  /** [vocabulary, dim] */
  embedding: Float32Array;
  layers: LayerWeights[];
  finalNorm: Float32Array;
  /** [vocabulary, dim] */
  classifier: Float32Array;
}

/** Matrices are [outputs, inputs]. */
export interface LayerWeights {
  attentionNorm: Float32Array;
  query: Float32Array;
  key: Float32Array;
  value: Float32Array;
  output: Float32Array;
  feedForwardNorm: Float32Array;
  gate: Float32Array;
  down: Float32Array;
  up: Float32Array;
}

const headerBytes = 28;
const largest = 1 << 20;

type Header = Omit<Checkpoint, "weights">;

function readHeader(bytes: Uint8Array): Header | undefined {
  if (bytes.length < headerBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [dim, hidden, layers, heads, kvHeads, vocabulary, context] = Array.from({ length: 7 }, (_, i) =>
    view.getInt32(4 * i, true),
  );
  const sizes = [dim, hidden, layers, heads, kvHeads, Math.abs(vocabulary), context];
  if (sizes.some((n) => n < 1 || n > largest)) return undefined;
  if (dim % heads !== 0 || heads % kvHeads !== 0 || (dim / heads) % 2 !== 0) return undefined;
  return {
    dim,
    hidden,
    layers,
    heads,
    kvHeads,
    vocabulary: Math.abs(vocabulary),
    context,
    isShared: vocabulary > 0,
  };
}

/** Values of each kind of weight in file order; per-layer ones lie together for all layers. */
function sections(header: Header): Record<string, number> {
  const { dim, hidden, layers, heads, kvHeads, vocabulary, context, isShared } = header;
  const kvDim = (dim / heads) * kvHeads;
  return {
    embedding: vocabulary * dim,
    attentionNorm: layers * dim,
    query: layers * dim * dim,
    key: layers * kvDim * dim,
    value: layers * kvDim * dim,
    output: layers * dim * dim,
    feedForwardNorm: layers * dim,
    gate: layers * hidden * dim,
    down: layers * dim * hidden,
    up: layers * hidden * dim,
    finalNorm: dim,
    // Cosines and sines of an older version; every reader computes its own.
    rotations: context * (dim / heads),
    classifier: isShared ? 0 : vocabulary * dim,
  };
}

function fits(bytes: Uint8Array, header: Header): boolean {
  const values = Object.values(sections(header)).reduce((sum, n) => sum + n, 0);
  return bytes.length === headerBytes + 4 * values;
}

/** The header is possible and asks for exactly as many bytes as there are. */
export function isCheckpoint(bytes: Uint8Array): boolean {
  const header = readHeader(bytes);
  return header !== undefined && fits(bytes, header);
}

/** The checkpoint, or undefined where the bytes are none. */
export function readCheckpoint(bytes: Uint8Array): Checkpoint | undefined {
  const header = readHeader(bytes);
  if (!header || !fits(bytes, header)) return undefined;
  const lengths = sections(header);
  // A copy by constructor: slice() of Node's Buffer would be a view that ignores its own offset.
  const all = new Float32Array(new Uint8Array(bytes.subarray(headerBytes)).buffer);
  const parts: Record<string, Float32Array> = {};
  let at = 0;
  for (const [name, length] of Object.entries(lengths)) {
    parts[name] = all.subarray(at, at + length);
    at += length;
  }
  const layer = (name: string, i: number): Float32Array => {
    const size = parts[name].length / header.layers;
    return parts[name].slice(i * size, (i + 1) * size);
  };
  const embedding = parts.embedding.slice();
  return {
    ...header,
    weights: {
      embedding,
      layers: Array.from({ length: header.layers }, (_, i) => ({
        attentionNorm: layer("attentionNorm", i),
        query: layer("query", i),
        key: layer("key", i),
        value: layer("value", i),
        output: layer("output", i),
        feedForwardNorm: layer("feedForwardNorm", i),
        gate: layer("gate", i),
        down: layer("down", i),
        up: layer("up", i),
      })),
      finalNorm: parts.finalNorm.slice(),
      classifier: header.isShared ? embedding : parts.classifier.slice(),
    },
  };
}
