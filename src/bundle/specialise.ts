import type binaryen from "binaryen";
import { H_STATE_BYTES } from "../../assembly/format.ts";

type Binaryen = typeof binaryen;
type Module = binaryen.Module;

/** What stays of the engine's exports, beside `init`. */
const exported = [
  "memory",
  "abi_version",
  "error_detail",
  "input_ptr",
  "input_bytes",
  "output_ptr",
  "output_bytes",
  "invoke",
  "reset",
];

/** Of models that have state, also these. */
const exportedWithState = ["state_ptr", "state_bytes"];

export interface Plan {
  tier: string;
  /** Exported globals that become constants. */
  globals: Readonly<Record<string, number>>;
  /** The packed model, and where the engine wants it. */
  model: Uint8Array;
  address: number;
  /** Linear memory in pages of 64 KiB; growable where `init` may ask for more. */
  pages: number;
  growable: boolean;
}

/** One self-contained module: the engine less what the constants exclude, `init`, and the model as its data. */
export function specialise(b: Binaryen, engine: Uint8Array, plan: Plan): Uint8Array {
  return withModule(b, engine, plan.tier, (m) => {
    for (const [name, value] of Object.entries(plan.globals)) fixGlobal(b, m, name, value);
    addInit(b, m, plan.model.length);
    const hasState =
      new DataView(plan.model.buffer, plan.model.byteOffset).getUint32(H_STATE_BYTES, true) > 0;
    const kept = ["init", ...exported, ...(hasState ? exportedWithState : [])];
    for (const name of exportsOf(b, m)) if (!kept.includes(name)) m.removeExport(name);
    optimize(b, m);
    // Only now: optimizing would cut the model into pieces around its zeros.
    const { pages, growable, address, model } = plan;
    m.setMemory(
      pages,
      growable ? 65536 : pages,
      null,
      [{ offset: m.i32.const(address), data: model }],
      false,
      false,
      "0",
    );
    return m.emitBinary();
  });
}

/** Where the engine's `reserve` puts a file, asked of a module with nothing else in it: any engine runs that. */
export function fileAddress(b: Binaryen, engine: Uint8Array, tier: string): number {
  const bytes = withModule(b, engine, tier, (m) => {
    for (const name of exportsOf(b, m)) if (name !== "reserve") m.removeExport(name);
    optimize(b, m);
    return m.emitBinary();
  });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource));
  return (exports.reserve as (bytes: number) => number)(0);
}

function withModule(
  b: Binaryen,
  engine: Uint8Array,
  tier: string,
  work: (m: Module) => Uint8Array,
): Uint8Array {
  const m = b.readBinaryWithFeatures(engine, featuresOf(b, tier));
  try {
    return work(m);
  } finally {
    m.dispose();
  }
}

/** What the optimizer may use: what asconfig.json lets the compiler use. */
function featuresOf({ Features }: Binaryen, tier: string): number {
  const scalar = Features.MutableGlobals | Features.SignExt;
  if (tier === "scalar") return scalar;
  const bulk = Features.BulkMemory | Features.BulkMemoryOpt;
  const simd = scalar | bulk | Features.SIMD128;
  return tier === "relaxed" ? simd | Features.RelaxedSIMD : simd;
}

const exportsOf = (b: Binaryen, m: Module): string[] =>
  Array.from({ length: m.getNumExports() }, (_, i) => b.getExportInfo(m.getExportByIndex(i)).name);

const internalName = (b: Binaryen, m: Module, name: string): string =>
  b.getExportInfo(m.getExport(name)).value;

function fixGlobal(b: Binaryen, m: Module, name: string, value: number): void {
  const global = internalName(b, m, name);
  m.removeExport(name);
  m.removeGlobal(global);
  m.addGlobal(global, b.i32, false, m.i32.const(value));
}

/**
 * `init`: what loading the model answered, which happens once: it writes addresses into the model's records, so
 * that their checksum would fail a second time.
 */
function addInit(b: Binaryen, m: Module, bytes: number): void {
  const result = "init_result";
  const pending = 1;
  m.addGlobal(result, b.i32, true, m.i32.const(pending));
  const reserve = m.call(internalName(b, m, "reserve"), [m.i32.const(bytes)], b.i32);
  const load = m.call(internalName(b, m, "load"), [reserve, m.i32.const(bytes)], b.i32);
  const isPending = m.i32.eq(m.global.get(result, b.i32), m.i32.const(pending));
  const answer = m.global.get(result, b.i32);
  const body = m.block(null, [m.if(isPending, m.global.set(result, load)), answer], b.i32);
  m.addFunction("init", b.none, b.i32, [], body);
  m.addFunctionExport("init", "init");
}

function optimize(b: Binaryen, m: Module): void {
  // As asconfig.json: the kernels come optimized and stay as they are.
  b.setOptimizeLevel(3);
  b.setShrinkLevel(1);
  m.optimize();
  // Functions that were inlined before the constants arrived shrink once more.
  m.optimize();
}
