import type { Command } from "commander";
import { ascending, measureLatency, quantile } from "../eval/latency.ts";
import { countMacs } from "../inspect/inspect.ts";
import { type Tier, tiersHere } from "../runtime/tiers.ts";
import { wasm } from "../wasm.ts";
import type { Io } from "./io.ts";
import { loadModel, type PackedFile, readModel } from "./model.ts";
import { examples, inputShapeOption, jsonOption, numberIn, tierOption } from "./options.ts";
import { byteSize, digits, percent, printResult, quantity, shapeText, table } from "./output.ts";
import { type OperatorProfile, profile } from "./profile.ts";

interface Options {
  tier?: Tier | "all";
  seconds: number;
  inputShape?: Record<string, number[]>;
  profile?: boolean;
  json?: boolean;
}

export function registerBench(program: Command, io: Io): void {
  program
    .command("bench")
    .summary("measure latency, load time and memory")
    .description("Measure latency, multiply-adds per second, load time and memory")
    .argument("<model>", "packed, TFLite or ONNX file")
    .addOption(tierOption(["all"]))
    .option("--seconds <s>", "how long to measure each tier", numberIn(0, 600), 2)
    .option(
      "--profile",
      "list every operator's time, multiply-adds per second, and share of what the engine allows",
    )
    .addOption(inputShapeOption())
    .addOption(jsonOption())
    .addHelpText("after", examples("bench model.nbl", "bench model.tflite --tier all --seconds 5 --profile"))
    .action((file: string, options: Options) => bench(file, options, io));
}

function bench(
  file: string,
  { tier, seconds, inputShape, profile: wantsProfile = false, json = false }: Options,
  io: Io,
): void {
  const packed = readModel(file, inputShape);
  const wanted = tier === "all" ? tiersHere(wasm) : [tier ?? ("auto" as const)];
  const results = wanted.map((name) => benchTier(packed, name, seconds, wantsProfile));
  const { macs, memory } = results[0]!;
  const value = {
    file,
    bytes: packed.packed.length,
    macs,
    memory,
    tiers: results.map(({ macs: _, memory: __, ...rest }) => rest),
  };
  printResult(io, json, value, ({ bold, dim }) =>
    [
      `${bold(file)}  ${quantity(macs)} multiply-adds, ${byteSize(packed.packed.length)} packed, ${byteSize(memory.total)} of memory`,
      ...table([
        [
          "  tier",
          "median µs",
          "min µs",
          "middle half µs",
          ...(macs ? ["GMAC/s"] : []),
          "first load ms",
          "load ms",
        ],
        ...results.map((r) => [
          `  ${r.tier}`,
          digits(r.medianMicros),
          digits(r.minMicros),
          `${digits(r.quartileMicros[0])} – ${digits(r.quartileMicros[1])}`,
          ...(macs ? [(r.macsPerSecond / 1e9).toFixed(2)] : []),
          digits(r.firstLoadMillis),
          digits(r.loadMillis),
        ]),
      ]).map((line, i) => (i === 0 ? dim(line) : line)),
      ...results.flatMap(({ tier, operators }) =>
        operators
          ? ["", bold(tier), ...profileTable(operators).map((line, i) => (i === 0 ? dim(line) : line))]
          : [],
      ),
    ].join("\n"),
  );
}

function profileTable(operators: readonly OperatorProfile[]): string[] {
  const sum = operators.reduce((total, { micros }) => total + micros, 0);
  return table([
    ["  operator", "output", "µs", "of all", "GMAC/s", "of its bound"],
    ...operators.map(({ op, shape, macs, micros, macsPerSecond, boundShare }) => [
      `  ${op}`,
      shapeText(shape),
      digits(micros),
      percent(micros / sum),
      macs > 0 ? digits(macsPerSecond / 1e9) : "",
      boundShare === null ? "" : percent(boundShare, 0),
    ]),
  ]);
}

/** Loads and runs one tier. The first load in a process compiles the engine, later ones only copy and verify. */
function benchTier(packed: PackedFile, tier: Tier | "auto", seconds: number, wantsProfile: boolean) {
  const loads: number[] = [];
  let model = timed(loads, () => loadModel(packed, tier));
  for (let i = 0; i < 10; i++) {
    model.dispose();
    model = timed(loads, () => loadModel(packed, tier));
  }
  const [firstLoadMillis, ...others] = loads;
  const latency = measureLatency(model, seconds);
  const macs = countMacs(model.contents);
  const operators = wantsProfile && profile(model, packed.packed.length, Math.min(10, 5 * seconds));
  return {
    tier: model.tier,
    runs: latency.runs,
    medianMicros: latency.median,
    minMicros: latency.min,
    quartileMicros: [latency.low, latency.high] as [number, number],
    macsPerSecond: (macs / latency.median) * 1e6,
    firstLoadMillis: firstLoadMillis!,
    loadMillis: quantile(others.sort(ascending), 0.5),
    macs,
    memory: model.memory,
    ...(operators && { operators }),
  };
}

function timed<T>(times: number[], work: () => T): T {
  const start = performance.now();
  const result = work();
  times.push(performance.now() - start);
  return result;
}
