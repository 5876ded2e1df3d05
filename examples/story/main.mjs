// Tells a story, always the likeliest token next: node main.mjs stories260K.bin tok512.bin [tokens]
import { readFileSync } from "node:fs";
import { loadModel } from "nibblenet";
import { importModel, optimize, pack } from "nibblenet/tools";

const [checkpoint, tokenizer, tokens = "200"] = process.argv.slice(2);
if (!tokenizer) throw new Error("expected a checkpoint, its tokenizer and perhaps a number of tokens");
const beginning = 1;

/** Bytes of every token: a length for the longest, then score, length and text of each. */
function readTokens(file) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const texts = [];
  for (let at = 4; at < file.length; at += 8 + texts.at(-1).length) {
    const length = view.getInt32(at + 4, true);
    texts.push(file.subarray(at + 8, at + 8 + length));
  }
  return texts.map((bytes) => {
    const raw = /^<0x([0-9A-F]{2})>$/.exec(Buffer.from(bytes).toString("latin1"));
    return raw ? Uint8Array.of(Number.parseInt(raw[1], 16)) : bytes;
  });
}

function likeliest(logits) {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i;
  return best;
}

const graph = optimize(importModel(readFileSync(checkpoint), { file: checkpoint }));
const model = await loadModel(pack(graph).bytes);
const texts = readTokens(readFileSync(tokenizer));
const context = Math.min(Number(tokens), graph.states[0].value.shape[1]);
const start = performance.now();
let token = beginning;
let position = 0;
while (position < context) {
  model.input("token")[0] = token;
  model.input("position")[0] = position++;
  model.invoke();
  const next = likeliest(model.output("logits"));
  if (next === beginning) break;
  const text = texts[next];
  // The first word has no space in front.
  process.stdout.write(token === beginning && text[0] === 32 ? text.subarray(1) : text);
  token = next;
}
const seconds = (performance.now() - start) / 1000;
process.stdout.write("\n");
console.error(`${model.tier}: ${position} tokens, ${(position / seconds).toFixed(0)} a second`);
