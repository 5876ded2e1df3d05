import { describe, expect, it } from "vitest";
import { keyOf, recipeOf, summaryOf } from "../../src/search/assignment.ts";
import { pointTask } from "../../src/search/point.ts";
import { searchReport } from "../../src/search/report.ts";
import { emptyState, parseState, type SearchState } from "../../src/search/state.ts";
import { needy, net, prepare, run } from "./net.ts";

/** Every assignment of two candidates to five layers, made and measured. */
function exhaustive(prepared: ReturnType<typeof prepare>) {
  const { ground, units } = prepared;
  return Array.from({ length: 2 ** units.length }, (_, bits) => {
    const assignment = units.map((_, i) => (bits >> i) & 1);
    const point = pointTask({ recipe: recipeOf(ground.graph, units, assignment) }, ground, () => {});
    return { assignment, ...point! };
  });
}

describe("a search", () => {
  const prepared = prepare(["int8", "int2"]);
  const all = exhaustive(prepared);
  const needyAt = prepared.units.findIndex(({ name }) => name === needy);

  it("gives the bits to the layer that needs them, as trying everything does", async () => {
    const oneInt8 = all.filter(({ assignment }) => assignment.filter((choice) => choice === 0).length === 1);
    const size = Math.max(...oneInt8.map(({ bytes }) => bytes));
    const { chosen } = await run(prepared, { budget: { size } });
    const best = all.filter(({ bytes }) => bytes <= size).reduce((a, b) => (b.error < a.error ? b : a));
    expect(best.assignment[needyAt]).toBe(0);
    expect(chosen.assignment).toEqual(best.assignment);
    expect(chosen.bytes).toBe(best.bytes);
    expect(chosen.sqnr).toBeGreaterThan(20);
  });

  it("finds the smallest model above an SQNR, as trying everything does", async () => {
    const { chosen } = await run(prepared, { budget: { sqnr: 25 } });
    const best = all
      .filter(({ sqnr }) => sqnr! >= 25)
      .reduce((a, b) => (b.bytes < a.bytes || (b.bytes === a.bytes && b.error < a.error) ? b : a));
    expect(chosen.assignment).toEqual(best.assignment);
    expect(all.filter(({ sqnr }) => sqnr! < 25).length).toBeGreaterThan(8);
  });

  it("reports a front that no measured model beats", async () => {
    const found = await run(prepared, { budget: { size: Infinity } });
    const report = searchReport({ ...prepared, budget: { size: 1e6 }, state: found.state }, found);
    const front = report.models.filter(({ onFront }) => onFront);
    expect(front.length).toBeGreaterThan(2);
    for (const a of front)
      expect(report.models.some((b) => b.bytes < a.bytes && b.error < a.error)).toBe(false);
    expect(report.models.filter(({ chosen }) => chosen)).toHaveLength(1);
    expect(front.every(({ micros }) => micros! > 0)).toBe(true);
    expect(report.layers.map(({ node }) => node)).toContain(needy);
    const ofNeedy = report.layers.find(({ node }) => node === needy)!;
    const int2Error = (node: string) =>
      report.layers.find((layer) => layer.node === node)!.candidates.find(({ name }) => name === "int2")!
        .error!;
    expect(ofNeedy.candidates.map(({ name }) => name)).toEqual(["int8", "int2"]);
    for (const { name } of prepared.units)
      if (name !== needy) expect(int2Error(needy)).toBeGreaterThan(10 * int2Error(name));
    // The same recipe makes the same model.
    const again = pointTask({ recipe: report.recipe }, prepared.ground, () => {});
    expect(again!.bytes).toBe(found.chosen.bytes);
    expect(again!.error).toBe(found.chosen.error);
  });

  it("keeps to a bound on time by what was measured", async () => {
    const first = await run(prepared, { budget: { size: 1e6 } });
    const state: SearchState = { ...first.state, latency: {} };
    // Made-up times, so that the machine's moods don't matter: 2-bit layers take twice as long as others.
    for (const { name, candidates } of prepared.units)
      for (const candidate of candidates)
        state.costs[name]![candidate.name]!.micros = candidate.name === "int2" ? 20 : 10;
    const micros = (assignment: readonly number[]) =>
      assignment.reduce((sum, choice) => sum + 10 + 10 * choice, 5);
    for (let bits = 0; bits < 32; bits++) {
      const assignment = prepared.units.map((_, i) => (bits >> i) & 1);
      state.latency[keyOf(assignment)] = micros(assignment);
    }
    const { chosen } = await run(prepared, { budget: { latency: 75, sqnr: 10 }, state });
    const best = all
      .filter(({ sqnr, assignment }) => sqnr! >= 10 && micros(assignment) <= 75)
      .reduce((a, b) => (b.bytes < a.bytes || (b.bytes === a.bytes && b.error < a.error) ? b : a));
    expect(chosen.micros).toBeLessThanOrEqual(75);
    expect(chosen.bytes).toBe(best.bytes);
    const fastest = await run(prepared, { budget: { size: best.bytes, sqnr: 10 }, state });
    expect(fastest.chosen.micros).toBe(
      Math.min(
        ...all
          .filter(({ sqnr, bytes }) => sqnr! >= 10 && bytes <= best.bytes)
          .map(({ assignment }) => micros(assignment)),
      ),
    );
  });

  it("says what comes nearest where nothing keeps to the budget", async () => {
    const attempt = run(prepared, { budget: { size: 1000 } });
    await expect(attempt).rejects.toMatchObject({ code: "unsupported" });
    await expect(attempt).rejects.toThrow(
      /none of \d+ models keeps to the budget; the nearest has \d+ bytes, at most 1000/,
    );
  });
});

describe("a search that is stopped", () => {
  const names = ["int8", "int4", "int2", "float32"];
  const budget = { size: 21_000 };

  it("goes on to the same answer from wherever it was", async () => {
    const prepared = prepare(names);
    const whole = await run(prepared, { budget });
    const steps: SearchState[] = [];
    const recorded = emptyState("test");
    await run(prepared, { budget, state: recorded, keep: () => steps.push(structuredClone(recorded)) });
    expect(steps.length).toBeGreaterThan(20);
    // Among the layers' costs, among their sensitivities, and among the models.
    for (const i of [6, 21, Math.floor(0.6 * steps.length), steps.length - 4]) {
      const controller = new AbortController();
      const state = parseState(JSON.stringify(steps[i]), "test", "x.search.json");
      const stopped = run(prepared, {
        budget,
        state,
        signal: controller.signal,
        keep: () => controller.abort(),
      });
      const before = JSON.stringify(state).length;
      const error = await stopped.then(
        () => undefined,
        (caught: unknown) => caught,
      );
      if (error) expect(error).toMatchObject({ code: "interrupted" });
      expect(JSON.stringify(state).length).toBeGreaterThanOrEqual(before);
      const resumed = await run(prepared, { budget, state });
      expect(resumed.chosen.assignment).toEqual(whole.chosen.assignment);
      expect(
        resumed.points.map(({ assignment, bytes, error, sqnr }) => ({ assignment, bytes, error, sqnr })),
      ).toEqual(
        whole.points.map(({ assignment, bytes, error, sqnr }) => ({ assignment, bytes, error, sqnr })),
      );
    }
  });

  it("does nothing twice", async () => {
    const prepared = prepare(names);
    const first = await run(prepared, { budget });
    let added = 0;
    await run(prepared, { budget, state: structuredClone(first.state), keep: () => added++ });
    expect(added).toBe(0);
  });

  it("is not mixed up with another", () => {
    const text = JSON.stringify(emptyState("a"));
    expect(parseState(text, "a", "f")).toEqual(emptyState("a"));
    expect(() => parseState(text, "b", "f.search.json")).toThrow(/f\.search\.json: is of another search/);
    for (const bad of ["", "null", "[]", "{}", '{"format":2}', text.replace('"costs":{}', '"costs":null')])
      expect(() => parseState(bad, "a", "f.search.json")).toThrow(/f\.search\.json: expected/);
  });
});

describe("a recipe of an assignment", () => {
  it("keeps operators without weights float behind float layers, int8 behind int8 ones", () => {
    const prepared = prepare(["int8", "float32"]);
    const { ground, units } = prepared;
    expect(recipeOf(ground.graph, units, [1, 1, 1, 1, 1]).default).toEqual({ scheme: "float32" });
    const mixed = recipeOf(ground.graph, units, [0, 1, 0, 1, 0]);
    expect(mixed.default).toEqual({ scheme: "int8" });
    expect(mixed.layers!.map(({ match, scheme }) => [match, scheme])).toEqual(
      units.map(({ name }, i) => [name, i % 2 === 0 ? "int8" : "float32"]),
    );
    expect(summaryOf(units, [0, 1, 0, 1, 0])).toBe("3 × int8, 2 × float32");
    expect(net().nodes).toHaveLength(units.length);
  });
});
