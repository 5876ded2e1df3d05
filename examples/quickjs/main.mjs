// Recognition where there is nothing but the language (QuickJS, Hermes): the script tier, the model inside the script.
//   esbuild main.mjs --bundle --platform=neutral --target=es2015 --loader:.nbl=binary --loader:.f32=binary --outfile=main.js
//   qjs main.js
import { loadModelSync } from "nibblenet/native";
import clip from "./clip.f32";
import bytes from "./keyword.nbl";

const model = loadModelSync(bytes, { name: "keyword.nbl" });
const features = new Float32Array(clip.buffer, clip.byteOffset, clip.length >> 2);
const { logits } = model.run({ features });
const heard = model.metadata.labels[logits.indexOf(Math.max.apply(null, logits))];
print(JSON.stringify({ heard, tier: model.tier, logits: Array.from(logits) }));
