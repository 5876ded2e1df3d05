import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { createListener } from "../../src/listen/listener.ts";

import { createModel, type Model } from "../../src/runtime/model.ts";
import { wasm } from "../../src/wasm.ts";
import { scriptedWords } from "./words.ts";

const absent = existsSync("build/tools.js") ? undefined : "not built";

describe.skipIf(absent)(`the keyword example as a stream${absent ? ` (skipped: ${absent})` : ""}`, () => {
  const { samples, words } = scriptedWords();
  let model: Model;

  beforeAll(async () => {
    const { packKeyword } = await import(pathToFileURL("examples/keyword/pack.mjs").href);
    model = createModel(wasm, packKeyword());
  });

  it("hears every word once, soon, wherever its windows begin, loud or soft", () => {
    for (const [shift, gain] of Array.from({ length: 16 }, (_, i) => [40 * i, [1, 0.25, 0.5][i % 3]])) {
      model.reset();
      const found: { label: string; time: number }[] = [];
      const listener = createListener(model, {
        onDetect: ({ label, time }) => found.push({ label, time: time - shift / 16000 }),
      });
      listener.push(new Float32Array(shift));
      listener.push(samples.map((sample) => gain * sample));
      expect(found.map(({ label }) => label)).toEqual(words.map(({ label }) => label));
      for (const [i, { label, time }] of found.entries()) {
        const delay = Math.round(1000 * (time - words[i].end));
        expect(Math.abs(delay), `${label} at shift ${shift}, gain ${gain}: ${delay} ms`).toBeLessThan(250);
      }
    }
  });
});
