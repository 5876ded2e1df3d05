/** The matrices of decode.mjs as a GGUF file of a Llama, 4 bits and a float16 per 32 weights (q4_0), for wllama. */
import { randomFillSync } from "node:crypto";

const types = { u32: 4, i32: 5, f32: 6, string: 8, array: 9 };
const tensorTypes = { f32: 0, q4_0: 2 };
const alignment = 32;
const block = 32;
const blockBytes = 2 + block / 2;
/** A token that is a byte would not always be text: those get no weights, and words are what is said. */
const bytes = 256;
const special = ["<unk>", "<s>", "</s>"];

const u32 = (value) => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const f32 = (value) => Buffer.from(Float32Array.of(value).buffer);
const text = (value) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
const writers = { u32, i32: u32, f32, string: text };

const entry = (key, type, value) => Buffer.concat([text(key), u32(types[type]), writers[type](value)]);
const list = (key, type, values) =>
  Buffer.concat([
    text(key),
    u32(types.array),
    u32(types[type]),
    u64(values.length),
    ...values.map(writers[type]),
  ]);

const padded = (length) => Math.ceil(length / alignment) * alignment;

function tokens(count) {
  const hex = (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
  const first = [...special, ...Array.from({ length: bytes }, (_, byte) => hex(byte))];
  return [...first, ...Array.from({ length: count - first.length }, (_, i) => `▁w${i}`)];
}

/** Random weights, scales small enough that no sum overflows; rows before `from` weigh nothing. */
function quantized(n, k, from = 0) {
  const data = randomFillSync(Buffer.alloc((n * k * blockBytes) / block));
  const [scale, zero] = [0x1800, 0];
  for (let i = 0; i * blockBytes < data.length; i++)
    data.writeUInt16LE(i * block < from * k ? zero : scale, i * blockBytes);
  return data;
}

const ones = (n) => Buffer.from(new Float32Array(n).fill(1).buffer);

/** The whole file. */
export function ggufOf({ width, hidden, layers, vocabulary }) {
  const heads = width / 64;
  const names = tokens(vocabulary);
  const kinds = names.map((_, i) =>
    i === 0 ? 2 : i < special.length ? 3 : i < special.length + bytes ? 6 : 1,
  );
  const fields = [
    entry("general.architecture", "string", "llama"),
    entry("general.name", "string", "decode"),
    entry("general.file_type", "u32", 2),
    entry("llama.context_length", "u32", 512),
    entry("llama.embedding_length", "u32", width),
    entry("llama.block_count", "u32", layers),
    entry("llama.feed_forward_length", "u32", hidden),
    entry("llama.attention.head_count", "u32", heads),
    entry("llama.attention.head_count_kv", "u32", heads),
    entry("llama.attention.layer_norm_rms_epsilon", "f32", 1e-5),
    entry("llama.rope.dimension_count", "u32", width / heads),
    entry("llama.vocab_size", "u32", vocabulary),
    entry("tokenizer.ggml.model", "string", "llama"),
    list("tokenizer.ggml.tokens", "string", names),
    list(
      "tokenizer.ggml.scores",
      "f32",
      names.map((_, i) => -i),
    ),
    list("tokenizer.ggml.token_type", "i32", kinds),
    entry("tokenizer.ggml.bos_token_id", "u32", 1),
    entry("tokenizer.ggml.eos_token_id", "u32", 2),
    entry("tokenizer.ggml.unknown_token_id", "u32", 0),
  ];
  const matrix = (name, n, k, from) => ({ name, dims: [k, n], type: "q4_0", data: quantized(n, k, from) });
  const norm = (name) => ({ name, dims: [width], type: "f32", data: ones(width) });
  const tensors = [
    matrix("token_embd.weight", vocabulary, width),
    norm("output_norm.weight"),
    matrix("output.weight", vocabulary, width, special.length + bytes),
    ...Array.from({ length: layers }, (_, layer) => `blk.${layer}.`).flatMap((at) => [
      norm(`${at}attn_norm.weight`),
      ...["q", "k", "v", "output"].map((part) => matrix(`${at}attn_${part}.weight`, width, width)),
      norm(`${at}ffn_norm.weight`),
      matrix(`${at}ffn_gate.weight`, hidden, width),
      matrix(`${at}ffn_up.weight`, hidden, width),
      matrix(`${at}ffn_down.weight`, width, hidden),
    ]),
  ];
  let offset = 0;
  const infos = tensors.map(({ name, dims, type, data }) => {
    const head = [text(name), u32(dims.length), ...dims.map(u64), u32(tensorTypes[type]), u64(offset)];
    offset += padded(data.length);
    return Buffer.concat(head);
  });
  const head = Buffer.concat([
    Buffer.from("GGUF"),
    u32(3),
    u64(tensors.length),
    u64(fields.length),
    ...fields,
    ...infos,
  ]);
  const gap = (length) => Buffer.alloc(padded(length) - length);
  return Buffer.concat([head, gap(head.length), ...tensors.flatMap(({ data }) => [data, gap(data.length)])]);
}
