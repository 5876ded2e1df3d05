import { resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { fuzzModels } from "../fuzz/models.ts";
import type { Place, Running, Stage } from "./engine.ts";
import { referenceOf, runPlace } from "./matrix.ts";
import { nodeLikeEngines } from "./node-like.ts";
import { notRun, renderPage } from "./page.ts";
import { prepareStage } from "./stage.ts";
import type { Answer, Job, Result } from "./subject/check.ts";

/** The matrix as `npm run engines` runs it, in this Node alone and without the models of the test data. */
describe("the engine matrix in this Node", () => {
  let stage: Stage;
  let node: Running;
  let reference: Result;

  beforeAll(async () => {
    ({ stage } = await prepareStage(resolve("."), undefined, resolve("test/engines/build/light")));
    node = await nodeLikeEngines[0].start(stage);
    reference = await referenceOf(node.places[0]);
  });

  it("runs every tier of the packed package on every model, without a differing byte", async () => {
    const row = await runPlace(node.places[0], node.version, stage, reference);
    expect(row.faults).toEqual([]);
    const refused = Object.keys(node.places[0].refuses ?? {});
    expect(row.tiers.map(({ tier }) => tier)).toEqual(stage.tiers.filter((tier) => !refused.includes(tier)));
    for (const { models, wrong } of row.tiers) expect([models, wrong]).toEqual([fuzzModels().length + 1, 0]);
    expect(row.cold).toBeGreaterThan(0);
  });

  /** A place whose answers are this Node's, changed by `change`. */
  const placeThat = (change: (answer: Answer, job: Job) => Answer): Place => ({
    ...node.places[0],
    tiers: ["simd"],
    run: async (job) => change(await node.places[0].run(job), job),
  });
  const faultsOf = async (place: Place): Promise<string[]> =>
    (await runPlace(place, node.version, stage, reference)).faults;

  it("reports a differing output by tier and model", async () => {
    const place = placeThat((answer) => {
      if ("result" in answer && answer.result.outputs.float32)
        answer.result.outputs.float32 = "0123456789abcdef";
      return answer;
    });
    expect(await faultsOf(place)).toEqual([
      expect.stringMatching(/tier simd, float32: expected [0-9a-f]{16}, found 0123456789abcdef$/),
    ]);
  });

  it("reports a refusal that was not announced, and a tier that should not run", async () => {
    const refusal = { code: "unsupported-engine", message: "no" };
    const refusing = placeThat((answer, { full }) => (full ? { refusal } : answer));
    expect(await faultsOf(refusing)).toEqual([
      expect.stringContaining("tier simd refused (unsupported-engine): no"),
    ]);
    const announced = { ...placeThat((answer) => answer), refuses: { simd: "none here" } };
    expect(await faultsOf(announced)).toEqual([
      expect.stringContaining("tier simd runs, though it should not"),
    ]);
  });

  it("never calls an engine exact that did not run or has faults", () => {
    const failed = { ...notRun("X", ""), notRun: undefined, faults: ["tier simd: wrong"] };
    const page = renderPage([notRun("Y", "absent"), { ...failed, engine: "X" } as never], reference, []);
    expect(page).toMatch(/^\| Y \| {2}\| not run: absent \|/m);
    expect(page).toMatch(/^\| X \|.*\*\*no\*\*/m);
    expect(page).not.toContain("yes,");
  });
});
