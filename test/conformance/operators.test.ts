/** The table of operators names every operator that the importers convert. */
import { expect, it } from "vitest";
import { operators } from "../../src/import/onnx/operators/index.ts";
import { conversionNames } from "../../src/import/tflite/operators.ts";
import { signalFeatures } from "../../src/import/tflite/signal.ts";
import { operatorsPage } from "./page.ts";

const page = operatorsPage([]);
const isNamed = (name: string): boolean => new RegExp(`\\b${name}\\b`).test(page);

it("every TFLite operator that is imported", () => {
  expect(conversionNames.length).toBeGreaterThan(80);
  // Not of a file: what its chain of Signal… operators becomes first.
  const ofFiles = conversionNames.filter((name) => name !== signalFeatures);
  expect(ofFiles.filter((name) => !isNamed(name))).toEqual([]);
});

it("every ONNX operator that is imported", () => {
  const names = Object.keys(operators).map((name) => name.slice(name.lastIndexOf(":") + 1));
  expect(names.length).toBeGreaterThan(100);
  expect(names.filter((name) => !isNamed(name))).toEqual([]);
});
