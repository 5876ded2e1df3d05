import { readFileSync } from "node:fs";
import { instantiateSync } from "@assemblyscript/loader";
import { expect, test } from "vitest";
import { ABI_VERSION } from "../../assembly/abi.ts";
import type { Engine } from "../../src/runtime/engine.ts";
import { createModel } from "../../src/runtime/model.ts";
import { wasm } from "../../src/wasm.ts";
import { tiers } from "../helpers/tiers.ts";
import { smallModel } from "./build.ts";

test.each(tiers.filter((tier) => tier !== "script"))(
  "%s.wasm runs under AssemblyScript's loader, with the same result",
  (tier) => {
    const bytes = readFileSync(new URL(`../../build/${tier}.wasm`, import.meta.url));
    const load = (): Engine => instantiateSync(bytes).instance.exports as unknown as Engine;
    expect(load().abi_version()).toBe(ABI_VERSION);
    const x = Int8Array.of(1, -2, 3, -4, 5, -6);
    const model = createModel({ [tier]: () => bytes, instantiate: load }, smallModel());
    expect(model.tier).toBe(tier);
    expect(model.run({ x }).y).toEqual(createModel(wasm, smallModel(), { tier }).run({ x }).y);
  },
);
