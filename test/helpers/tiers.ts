import { tiersHere } from "../../src/runtime/tiers.ts";
import { wasm } from "../../src/wasm.ts";

/** The tiers that this JavaScript engine runs: all four, but relaxed only from Node 22 on. */
export const tiers = tiersHere(wasm);
