import { describe, expect, it } from "vitest";
import {
  CHECK_FIELD,
  CULPRIT_OPERATOR,
  ERROR_CHECKSUM,
  ERROR_NOT_LOADED,
  ERROR_OPERATOR,
  ERROR_OPERATOR_UNKNOWN,
} from "../../assembly/abi.ts";
import { OP_FILL, OP_GEMM_QS8, ROUNDING_DOUBLE } from "../../assembly/codes.ts";
import { O_CODE } from "../../assembly/format.ts";
import { M_ROUNDING } from "../../assembly/records.ts";
import { bundle } from "../../src/bundle/bundle.ts";
import { operatorName } from "../../src/format/names.ts";
import { wasmBytes } from "../../src/wasm.ts";
import { smallModel } from "../engine/build.ts";
import { fuzzModels } from "../fuzz/models.ts";
import { anatomyOf, repair } from "../fuzz/mutate.ts";
import { randomFrom } from "../helpers/graphs.ts";
import { bundleOf, detailOf, instantiate, otherTiers, pairOf, runBoth, runningTiers } from "./instance.ts";

const exports = [
  "abi_version",
  "error_detail",
  "init",
  "input_bytes",
  "input_ptr",
  "invoke",
  "memory",
  "output_bytes",
  "output_ptr",
  "reset",
];

/** The bundle with one word of its model changed, and the model's checksum made right again. */
function patched(bytes: Uint8Array, engineBytes: number, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  const model = copy.subarray(engineBytes);
  new DataView(model.buffer, model.byteOffset).setUint32(at, value, true);
  repair(model);
  return copy;
}

const small = smallModel();

describe.each(runningTiers)("a bundle of tier %s", (tier) => {
  describe.each(fuzzModels())("%s", (_, file) => {
    it("gives the bytes that the engine gives", async () => {
      const { it: bundled, model } = await pairOf(file, tier);
      expect(bundled.init()).toBe(0);
      const random = randomFrom(7);
      for (let run = 0; run < 5; run++) {
        const [found, expected] = runBoth(bundled, model, random);
        expect(found).toEqual(expected);
      }
      bundled.reset();
      model.reset();
      const [found, expected] = runBoth(bundled, model, random);
      expect(found).toEqual(expected);
    });

    it("imports nothing, exports the ABI and has the memory it needs", async () => {
      const { bundled, it: instance, model } = await pairOf(file, tier);
      const module = new WebAssembly.Module(bundled.bytes as BufferSource);
      expect(WebAssembly.Module.imports(module)).toEqual([]);
      expect(
        WebAssembly.Module.exports(module)
          .map(({ name }) => name)
          .sort(),
      ).toEqual(model.memory.state > 0 ? [...exports, "state_bytes", "state_ptr"] : exports);
      const { buffer } = instance.memory;
      expect(buffer.byteLength).toBe(bundled.memoryBytes);
      if (tier !== "relaxed") {
        expect(buffer.byteLength).toBe(model.memory.total);
        expect(() => instance.memory.grow(1)).toThrow(RangeError);
      }
    });

    it("ends with the packed file, which is all that is not engine", async () => {
      const { bytes, engineBytes } = await bundleOf(file, tier);
      expect(Buffer.compare(bytes.subarray(engineBytes), file)).toBe(0);
    });
  });

  it("is the same every time", async () => {
    const [a, b] = [await bundleOf(small, tier), await bundle(small, { tier })];
    expect(Buffer.compare(a.bytes, b.bytes)).toBe(0);
  });

  it("initialises once, however often it is asked", async () => {
    const { it: bundled, model } = await pairOf(small, tier);
    expect(bundled.invoke()).toBe(-ERROR_NOT_LOADED);
    expect([bundled.init(), bundled.init()]).toEqual([0, 0]);
    const [found, expected] = runBoth(bundled, model, randomFrom(1));
    expect(bundled.init()).toBe(0);
    expect(found).toEqual(expected);
  });

  it("has no input or output beyond the model's", async () => {
    const { it: bundled } = await pairOf(small, tier);
    expect([bundled.input_ptr(0), bundled.output_bytes(0)]).toEqual([0, 0]);
    bundled.init();
    expect([bundled.input_bytes(0), bundled.output_bytes(0)]).toEqual([6, 4]);
    expect([bundled.input_ptr(1), bundled.input_bytes(1), bundled.output_ptr(1)]).toEqual([0, 0, 0]);
  });

  it("drops what the model does not use", async () => {
    const { engineBytes, operators } = await bundleOf(small, tier);
    expect(operators).toEqual(["GEMM_QS8"]);
    expect(engineBytes).toBeLessThan(0.5 * wasmBytes[tier].length);
  });

  it("refuses every operator it dropped, by its code", async () => {
    const { bytes, engineBytes } = await bundleOf(small, tier);
    const [record] = anatomyOf(bytes.slice(engineBytes)).operators;
    for (let code = 0; code <= OP_FILL + 1; code++) {
      if (code === OP_GEMM_QS8) continue;
      const bundled = await instantiate(patched(bytes, engineBytes, record!.from + O_CODE, code));
      expect(bundled.init(), operatorName(code)).toBe(-ERROR_OPERATOR_UNKNOWN);
      expect(detailOf(bundled)).toEqual([ERROR_OPERATOR_UNKNOWN, CULPRIT_OPERATOR, 0, 0, code]);
      expect([bundled.init(), bundled.invoke()]).toEqual([-ERROR_OPERATOR_UNKNOWN, -ERROR_NOT_LOADED]);
    }
  });

  it("refuses the rounding it dropped", async () => {
    const { bytes, engineBytes } = await bundleOf(small, tier);
    const [record] = anatomyOf(bytes.slice(engineBytes)).operators;
    const bundled = await instantiate(
      patched(bytes, engineBytes, record!.from + M_ROUNDING, ROUNDING_DOUBLE),
    );
    expect(bundled.init()).toBe(-ERROR_OPERATOR);
    expect(detailOf(bundled)).toEqual([ERROR_OPERATOR, CULPRIT_OPERATOR, 0, OP_GEMM_QS8, CHECK_FIELD]);
  });

  it("notices that its model has changed", async () => {
    const { bytes } = await bundleOf(small, tier);
    const changed = bytes.slice();
    changed[changed.length - 1]! ^= 1;
    expect((await instantiate(changed)).init()).toBe(-ERROR_CHECKSUM);
  });

  it("refuses what is no sound model", async () => {
    const damaged = smallModel();
    damaged[200]! ^= 1;
    const unsound = expect.objectContaining({
      code: "bad-file",
      message: expect.stringContaining("m.nbl: "),
    });
    await expect(bundle(damaged, { tier, name: "m.nbl" })).rejects.toThrow(unsound);
    await expect(bundle(new Uint8Array(8), { tier, name: "m.nbl" })).rejects.toThrow(unsound);
  });
});

describe.each(otherTiers)("a bundle of tier %s, whose engine does not run here", (tier) => {
  it("is made all the same, with its model at the end", async () => {
    const { bytes, engineBytes } = await bundleOf(small, tier);
    expect(Buffer.compare(bytes.subarray(engineBytes), small)).toBe(0);
    expect(engineBytes).toBeLessThan(0.6 * wasmBytes[tier].length);
  });
});
