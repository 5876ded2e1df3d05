import { describe, expect, it } from "vitest";
import { dataFolder } from "../helpers/data.ts";
import { operatorsPage } from "./page.ts";
import { runGoldens } from "./tflite.ts";

const absent = dataFolder() === undefined;

describe.skipIf(absent)(
  `TFLite goldens${absent ? " (skipped: no test data, set NIBBLENET_DATA)" : ""}`,
  () => {
    const outcomes = absent ? [] : runGoldens();

    it.each(outcomes)("$golden: $result", ({ result, expectsExact, tiersAgree, detail }) => {
      expect(result, detail).not.toBe("wrong");
      if (expectsExact && result !== "unsupported") expect(result).toBe("exact");
      expect(tiersAgree).toBe(true);
    });

    it("docs/operators.md says so (npm run tables writes it)", async () => {
      await expect(operatorsPage(outcomes)).toMatchFileSnapshot("../../docs/operators.md");
    });
  },
);
