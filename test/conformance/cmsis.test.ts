import { describe, expect, test } from "vitest";
import { cmsisCases, loadCmsisCase, loadCmsisNetwork } from "../helpers/cmsis.ts";
import { tiers } from "../helpers/tiers.ts";
import { runLayer, runNetwork } from "./cmsis.ts";

describe.skipIf(cmsisCases.length === 0)("CMSIS-NN vectors on the engine (skipped without test data)", () => {
  describe.each(tiers)("%s", (tier) => {
    test.each(cmsisCases)("%s", (file) => {
      const layer = loadCmsisCase(file);
      const y = runLayer(layer, Int8Array.from(layer.tensors.input.values), tier);
      expect(Array.from(y)).toEqual(layer.tensors.output.values);
    });

    test("ds_cnn_s, a whole network", () => {
      expect(Array.from(runNetwork(tier))).toEqual(loadCmsisNetwork().output.values);
    });
  });
});
