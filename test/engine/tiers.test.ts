import { afterEach, describe, expect, test, vi } from "vitest";
import { ABI_VERSION, DOT_BROKEN, TIER_RELAXED } from "../../assembly/abi.ts";
import { loadModelSync, NibbleError, type Tier } from "../../src/index.ts";
import * as native from "../../src/native.ts";
import type { Builds, Engine, WasmTier } from "../../src/runtime/engine.ts";
import { startEngine, tiersHere } from "../../src/runtime/tiers.ts";
import { createScriptEngine } from "../../src/script/engine.ts";
import { wasm, wasmBytes } from "../../src/wasm.ts";
import { tiers } from "../helpers/tiers.ts";
import { smallModel } from "./build.ts";

const refusal = (act: () => unknown): NibbleError => {
  try {
    act();
  } catch (error) {
    if (error instanceof NibbleError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

/** The entry's builds under functions of their own, which no earlier test has had judged. */
const fresh = (): Builds => ({
  relaxed: () => wasmBytes.relaxed,
  simd: () => wasmBytes.simd,
  scalar: () => wasmBytes.scalar,
  script: wasm.script,
  instantiate: wasm.instantiate,
});

const isWasm = (tier: Tier): tier is WasmTier => tier !== "script";
const wasmTiers = tiers.filter(isWasm);
const moduleOf = (tier: WasmTier): WebAssembly.Module => new WebAssembly.Module(wasmBytes[tier]);

afterEach(() => vi.unstubAllGlobals());

/** Page with a Content-Security-Policy, or a Worker: bytes validate, and do not compile. */
function refuseToCompile(): void {
  const { CompileError, Instance, Module, validate } = WebAssembly;
  const Refusing = new Proxy(Module, {
    construct() {
      throw new CompileError("Wasm code generation disallowed by embedder");
    },
  });
  vi.stubGlobal("WebAssembly", { CompileError, Instance, Module: Refusing, validate });
}

describe("auto", () => {
  test("takes the best that runs here, and simd at least in every Node", () => {
    const { tier, engine } = startEngine(wasm, "auto");
    expect(tier).toBe(tiers[0]);
    expect(["relaxed", "simd"]).toContain(tier);
    expect(engine.abi_version()).toBe(ABI_VERSION);
    expect(tiers.slice(-3)).toEqual(["simd", "scalar", "script"]);
  });

  test("passes by what does not validate", () => {
    const damaged = () => Uint8Array.of(0, 0x61, 0x73, 0x6d, 9);
    const builds = { ...fresh(), relaxed: damaged, simd: damaged };
    expect(startEngine(builds, "auto").tier).toBe("scalar");
    expect(tiersHere(builds)).toEqual(["scalar", "script"]);
  });

  test("runs the script tier where compiling is refused", () => {
    refuseToCompile();
    expect(startEngine(fresh(), "auto").tier).toBe("script");
  });

  test("runs the script tier where there is no WebAssembly", () => {
    vi.stubGlobal("WebAssembly", undefined);
    expect(startEngine(fresh(), "auto").tier).toBe("script");
    expect(tiersHere(fresh())).toEqual(["script"]);
  });

  test("names every reason where nothing runs", () => {
    refuseToCompile();
    const { script: _, ...builds } = fresh();
    const { code, message } = refusal(() => startEngine(builds, "auto"));
    expect(code).toBe("unsupported-engine");
    expect(message).toMatch(/no tier.*simd: .*disallowed by embedder.*wasm-unsafe-eval.*scalar: /);
  });

  test("never takes a relaxed build whose dot products are wrong", () => {
    const engineOf = (mode: number): Engine => ({
      ...createScriptEngine(),
      tier: () => TIER_RELAXED,
      dot_mode: () => mode,
    });
    for (const [mode, expected] of [
      [DOT_BROKEN, "script"],
      [DOT_BROKEN - 1, "relaxed"],
    ] as const) {
      const builds = {
        relaxed: () => wasmBytes.scalar,
        script: wasm.script,
        instantiate: () => engineOf(mode),
      };
      expect(startEngine(builds, "auto").tier).toBe(expected);
      if (mode === DOT_BROKEN)
        expect(refusal(() => startEngine(builds, "relaxed")).message).toMatch(/dot products wrongly/);
    }
  });

  test("judges a build once", () => {
    const instantiate = vi.fn(wasm.instantiate);
    const builds = { ...fresh(), instantiate };
    const first = startEngine(builds, "auto").engine;
    expect(instantiate).toHaveBeenCalledTimes(1);
    expect(startEngine(builds, "auto").engine).not.toBe(first);
    expect(instantiate).toHaveBeenCalledTimes(2);
  });
});

describe("a tier asked for", () => {
  test.each(tiers)("%s is what runs, and model.tier says so", (tier) => {
    expect(loadModelSync(smallModel(), { tier }).tier).toBe(tier);
  });

  test("is refused with cause and remedy where it does not validate", () => {
    const damaged = () => Uint8Array.of(0, 0x61, 0x73, 0x6d, 9);
    const { code, message } = refusal(() => startEngine({ ...fresh(), simd: damaged }, "simd"));
    expect(code).toBe("unsupported-engine");
    expect(message).toMatch(/tier "simd" does not run here.*lacks WebAssembly SIMD.*"auto"/);
  });

  test("is refused with cause and remedy where compiling is", () => {
    refuseToCompile();
    const error = refusal(() => startEngine(fresh(), "scalar"));
    expect(error.code).toBe("unsupported-engine");
    expect(error.message).toMatch(
      /tier "scalar".*disallowed by embedder.*wasm-unsafe-eval.*WebAssembly\.Module as `wasm`/,
    );
    expect(error.cause).toBeInstanceOf(WebAssembly.CompileError);
  });

  test("is refused where there is no WebAssembly", () => {
    vi.stubGlobal("WebAssembly", undefined);
    expect(refusal(() => startEngine(fresh(), "simd")).message).toMatch(/has no WebAssembly.*"auto"/);
  });

  test("is refused by an entry without it", () => {
    const load = () => native.loadModelSync(smallModel(), { tier: "simd" });
    expect(refusal(load)).toMatchObject({
      code: "unsupported-engine",
      message: expect.stringMatching(/tier "simd" is not part of this entry/),
    });
    const { script: _, ...builds } = fresh();
    expect(refusal(() => startEngine(builds, "script")).message).toMatch(/"script" is not part/);
  });
});

describe("modules handed in", () => {
  test("are used where nothing compiles from bytes", () => {
    const modules = wasmTiers.map(moduleOf);
    refuseToCompile();
    for (const [i, module] of modules.entries())
      expect(startEngine(fresh(), "auto", module).tier).toBe(wasmTiers[i]);
  });

  test("the best of several is taken, by list or by name", () => {
    const list = [...wasmTiers].reverse().map(moduleOf);
    expect(startEngine(fresh(), "auto", list).tier).toBe(wasmTiers[0]);
    const byName = Object.fromEntries(wasmTiers.map((tier) => [tier, moduleOf(tier)]));
    expect(startEngine(fresh(), "auto", byName).tier).toBe(wasmTiers[0]);
  });

  test("a tier asked for is looked for among them, then among the entry's own", () => {
    const scalar = moduleOf("scalar");
    expect(startEngine(fresh(), "scalar", [moduleOf("simd"), scalar]).tier).toBe("scalar");
    expect(startEngine(fresh(), "simd", scalar).tier).toBe("simd");
    expect(startEngine(fresh(), "script", scalar).tier).toBe("script");
    const { instantiate } = wasm;
    expect(refusal(() => startEngine({ instantiate }, "simd", scalar)).message).toMatch(
      /"simd" is not part of this entry.*nor among the modules/,
    );
  });

  test("other modules are refused, by ABI", () => {
    const empty = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    const { code, message } = refusal(() => startEngine(fresh(), "auto", empty));
    expect(code).toBe("unsupported-engine");
    expect(message).toMatch(
      new RegExp(`expected an engine module of ABI version ${ABI_VERSION}, found another`),
    );
  });

  test("what is no module is a TypeError", () => {
    for (const wrong of [wasmBytes.simd, {}, [], "simd"])
      expect(() => startEngine(fresh(), "auto", wrong as never)).toThrow(TypeError);
  });
});

test("the native entry runs the script tier, with the same bytes", () => {
  const x = Int8Array.of(1, -2, 3, -4, 5, -6);
  const model = native.loadModelSync(smallModel());
  expect(model.tier).toBe("script");
  expect(model.run({ x }).y).toEqual(loadModelSync(smallModel()).run({ x }).y);
});
