// Writes embedded.js: the packed model, and the features of a clip to try it on, as base64 in a module, because that
// loads the same way on both platforms, in development and in a release.
//   node embed.mjs keyword.nbl yes.wav
import { readFileSync, writeFileSync } from "node:fs";
import { loadModelSync } from "nibblenet";
import { openSamples } from "nibblenet/tools";

const [modelFile, clipFile] = process.argv.slice(2);
const bytes = readFileSync(modelFile);
const { inputs } = loadModelSync(bytes, { name: modelFile });
const [clip] = openSamples(clipFile, inputs, { audio: "log-mel" });
const { buffer, byteOffset, byteLength } = clip.inputs[0];
const features = Buffer.from(buffer, byteOffset, byteLength);
const text = Object.entries({ model: bytes, clip: features }).map(
  ([name, data]) => `export const ${name} =\n  "${data.toString("base64")}";\n`,
);
writeFileSync(new URL("embedded.js", import.meta.url), text.join(""));
