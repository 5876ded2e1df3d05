import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createModel } from "../runtime/model.ts";
import { wasm } from "../wasm.ts";

export interface ScriptBundle {
  /** One ASCII script: the script tier, then the packed model in base64. */
  bytes: Uint8Array;
  /** The script without the base64. */
  engine: Uint8Array;
}

/** Base64 in plain ES5; neither atob nor TextDecoder is everywhere. */
const decoder = `function (text) {
  var digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  var bytes = new Uint8Array((text.length * 3) / 4 - (text.slice(-2) === "==" ? 2 : text.slice(-1) === "=" ? 1 : 0));
  var value = new Uint8Array(128);
  for (var d = 0; d < 64; d++) value[digits.charCodeAt(d)] = d;
  for (var i = 0, at = 0, held = 0; i < text.length; i++) {
    held = (held << 6) | value[text.charCodeAt(i)];
    if (i % 4 > 0 && at < bytes.length) bytes[at++] = held >> (6 - 2 * (i % 4));
  }
  return bytes;
}`;

/**
 * Script tier and packed model in one script for engines without WebAssembly. Running it defines `nibblenetModel`,
 * or exports it where there are CommonJS modules: a function that answers a new Model.
 *
 * @throws NibbleError "bad-file" when the bytes are not a sound packed model.
 */
export function bundleScript(model: Uint8Array, name = "model"): ScriptBundle {
  createModel(wasm, model, { name, tier: "scalar" });
  const data = Buffer.from(model.buffer, model.byteOffset, model.length).toString("base64");
  const engine = asFunctionBody(nativeEntry());
  const scriptOf = (base64: string): Uint8Array =>
    new TextEncoder().encode(`(function (root) {
"use strict";
var engine = (function () {
${engine}
})();
var decode = ${decoder};
var bytes;
function nibblenetModel() {
  bytes = bytes || decode(data);
  return engine.loadModelSync(bytes);
}
var data = "${base64}";
if (typeof module === "object" && module && module.exports) module.exports = nibblenetModel;
else root.nibblenetModel = nibblenetModel;
})(typeof globalThis === "undefined" ? this : globalThis);
`);
  return { bytes: scriptOf(data), engine: scriptOf("") };
}

/** The built entry for engines without WebAssembly. */
function nativeEntry(): string {
  const path = createRequire(import.meta.url).resolve("nibblenet/native");
  return readFileSync(path, "utf8");
}

/** `… export { a as b };` → `… return { b: a };` */
function asFunctionBody(entry: string): string {
  const [, body, list] = /^([\s\S]*)export\s*\{([^{}]*)\};?\s*$/.exec(entry) ?? [];
  if (body === undefined || list === undefined || /^(import|export)\b/m.test(body))
    throw new Error("expected the built entry to import nothing and to end with its only export");
  const members = list.split(",").map((item) => item.trim().split(/\s+as\s+/));
  return `${body}return {${members.map(([local, name = local]) => `${name}:${local}`).join(",")}};`;
}
