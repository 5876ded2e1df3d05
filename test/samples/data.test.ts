import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { elementCount } from "../../src/graph/graph.ts";
import { readNpz } from "../../src/samples/npz.ts";
import { openSamples } from "../../src/samples/read.ts";
import { dataFolder } from "../helpers/data.ts";

const data = dataFolder() ?? "";

describe.skipIf(!data)("files in the wild (skipped without the data folder)", () => {
  it("reads numpy's own .npz files", () => {
    const folder = join(data, "models/onnx");
    const files = readdirSync(folder).filter((file) => file.endsWith(".npz"));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const arrays = readNpz(readFileSync(join(folder, file)), file);
      for (const { shape, data: values } of arrays.values()) {
        expect(values.length).toBe(elementCount(shape));
        for (const value of values) expect(Number.isFinite(Number(value))).toBe(true);
      }
    }
  });

  it("walks folders of labelled clips as log-mel features", () => {
    const labels = "yes no up down left right on off stop go _silence_ _unknown_".split(" ");
    const input = { name: "features", dtype: "float32" as const, shape: [1, 49, 40] };
    const samples = openSamples(join(data, "audio/speech_commands/dev"), [input], { labels });
    expect(samples.length).toBe(432);
    let seen = 0;
    for (const { inputs, label, name } of samples) {
      expect(name).toContain(labels[label!]!);
      const features = inputs[0] as Float32Array;
      expect(features.length).toBe(1960);
      expect(features.every((value) => value >= Math.fround(Math.log(1e-6)) && value < 20)).toBe(true);
      if (++seen === 5) break;
    }
    expect(seen).toBe(5);
  });
});
