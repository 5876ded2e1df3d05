import { describe, expect, it } from "vitest";
import { cmsisCases, loadCmsisCase, loadCmsisNetwork } from "../helpers/cmsis.ts";
import { dataFolder } from "../helpers/data.ts";
import { tiers } from "../helpers/tiers.ts";
import { runLayer, runNetwork } from "./cmsis.ts";
import { conformancePage } from "./conformance-page.ts";
import { runOnnxCases } from "./onnx.ts";
import { countOf } from "./outcome.ts";
import { runSeanet } from "./seanet.ts";

const absent = dataFolder() === undefined;

function runCmsis(): { cases: number; exact: number } {
  const isExact = tiers.every(
    (tier) => String(Array.from(runNetwork(tier))) === String(loadCmsisNetwork().output.values),
  );
  const exact = cmsisCases.filter((file) => {
    const layer = loadCmsisCase(file);
    const input = Int8Array.from(layer.tensors.input.values);
    return tiers.every(
      (tier) => String(Array.from(runLayer(layer, input, tier))) === String(layer.tensors.output.values),
    );
  });
  return { cases: cmsisCases.length + 1, exact: exact.length + (isExact ? 1 : 0) };
}

describe.skipIf(absent)(`conformance${absent ? " (skipped: no test data, set NIBBLENET_DATA)" : ""}`, () => {
  const onnx = absent ? [] : runOnnxCases();
  const seanet = absent ? [] : runSeanet();
  const cmsis = absent ? { cases: 0, exact: 0 } : runCmsis();

  it("no ONNX case gives a wrong answer", () => {
    expect(onnx.filter(({ result }) => result === "wrong")).toEqual([]);
    expect(onnx.length).toBeGreaterThan(1900);
  });

  it("every ONNX refusal names an operator or a type", () => {
    expect(onnx.filter(({ isNamed }) => !isNamed)).toEqual([]);
  });

  it("far more ONNX cases pass than were asked for", () => {
    expect(countOf(onnx, "passed")).toBeGreaterThanOrEqual(940);
    const passed = onnx.filter(({ result }) => result === "passed").map(({ name }) => name);
    expect(passed).toEqual(
      expect.arrayContaining([
        "test_conv_with_autopad_same",
        "test_averagepool_2d_ceil",
        "test_gemm_all_attributes",
        "test_where_long_example",
        "test_mod_broadcast",
        "test_pow_bcast_array",
      ]),
    );
  });

  it("no int16×8 model gives a wrong answer", () => {
    expect(seanet.length).toBe(66);
    expect(seanet.filter(({ result }) => result === "wrong")).toEqual([]);
  });

  it("every CMSIS-NN case is exact", () => {
    expect(cmsis).toEqual({ cases: 28, exact: 28 });
  });

  it("docs/conformance.md says so (npm run tables writes it)", async () => {
    await expect(conformancePage(onnx, seanet, cmsis)).toMatchFileSnapshot("../../docs/conformance.md");
  });
});
