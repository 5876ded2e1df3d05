/** Node, Deno and Bun: `node node.mjs ARCHIVE JOB`, the answer on the last line. */
import { readFileSync } from "node:fs";
import { argv } from "node:process";
import { loadModelSync, type Tier } from "nibblenet";
import { check, type Load } from "./check.ts";

const load: Load = (bytes, name, tier) => loadModelSync(bytes, { name, tier: tier as Tier });
const archive = new Uint8Array(readFileSync(argv[2]));
console.log(JSON.stringify(check(load, archive, JSON.parse(argv[3]), () => performance.now())));
