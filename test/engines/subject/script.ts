/**
 * Shells with nothing but the language and `print`: Hermes, QuickJS, jsc. The harness puts the job and the archive in
 * front as two variables, since not every shell reads files.
 */
import { loadModelSync } from "nibblenet";
import { check } from "./check.ts";
import { loadWith } from "./load.ts";

declare const job: string;
declare const archiveHex: string;
declare function print(text: string): void;

function fromHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2);
  const digit = (code: number): number => (code < 58 ? code - 48 : code - 87);
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = digit(hex.charCodeAt(2 * i)) * 16 + digit(hex.charCodeAt(2 * i + 1));
  return bytes;
}

const now = (): number => (typeof performance === "undefined" ? Date.now() : performance.now());

print(JSON.stringify(check(loadWith(loadModelSync), fromHex(archiveHex), JSON.parse(job), now)));
