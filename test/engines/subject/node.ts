/** Node, Deno and Bun: `node node.mjs ARCHIVE JOB`, the answer on the last line. */
import { readFileSync } from "node:fs";
import { argv } from "node:process";
import { loadModelSync } from "nibblenet";
import { check } from "./check.ts";
import { loadWith } from "./load.ts";

const archive = new Uint8Array(readFileSync(argv[2]));
console.log(
  JSON.stringify(check(loadWith(loadModelSync), archive, JSON.parse(argv[3]), () => performance.now())),
);
