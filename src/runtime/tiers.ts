import { ABI_VERSION, DOT_BROKEN, TIER_RELAXED, TIER_SIMD } from "../../assembly/abi.ts";
import {
  type Build,
  type Builds,
  type Engine,
  type HandedModules,
  type Tier,
  tiers,
  type WasmTier,
} from "./engine.ts";
import { NibbleError } from "./errors.ts";

export { type Engine, type Tier, tiers } from "./engine.ts";

type Started = { engine: Engine; tier: Tier };

/** A module that runs here. `spare`: the engine that showed it, in its first state, for the first model. */
type Usable = { module: WebAssembly.Module; tier: WasmTier; spare: Engine | undefined };

/** What became of a build: a module that runs here, or why it does not. Kept for the life of the process. */
type Verdict = Usable | { reason: string; cause?: unknown };

const verdicts = new WeakMap<object, Verdict>();

/**
 * A fresh instance of the tier asked for, or with "auto" of the best that runs here: of the modules handed in if
 * there are any, else of the entry's own builds. A build runs here if the JavaScript engine accepts its very bytes
 * and its dot products pass a known-answer test; that is found out once per process.
 * @throws NibbleError "unsupported-engine" naming what is missing and what to do.
 */
export function startEngine(builds: Builds, wanted: Tier | "auto", handed?: HandedModules): Started {
  const modules = handed === undefined ? [] : listOf(handed);
  if (wanted !== "auto") return startTier(builds, wanted, modules);
  const reasons: string[] = [];
  const found = modules.length > 0 ? bestOf(builds, modules, reasons) : bestBuild(builds, reasons);
  if (found) return found;
  throw new NibbleError(
    "unsupported-engine",
    modules.length > 0
      ? `none of the modules handed in as \`wasm\` runs here: ${reasons.join("; ")}`
      : `no tier of this entry runs here: ${reasons.join("; ") || "it brings none"}`,
  );
}

/** The tiers that startEngine can give for these builds in this JavaScript engine, best first. */
export function tiersHere(builds: Builds): Tier[] {
  return tiers.filter((tier) =>
    tier === "script" ? builds.script : builds[tier] && "module" in verdictOn(builds, builds[tier], tier),
  );
}

function listOf(handed: HandedModules): readonly WebAssembly.Module[] {
  if (typeof WebAssembly !== "undefined" && handed instanceof WebAssembly.Module) return [handed];
  const list = Array.isArray(handed) ? handed : Object.keys(handed).map((key) => (handed as never)[key]);
  if (list.length > 0 && list.every((m) => m instanceof WebAssembly.Module)) return list;
  throw new TypeError("`wasm` expected a WebAssembly.Module or several, got something else");
}

function startTier(builds: Builds, tier: Tier, modules: readonly WebAssembly.Module[]): Started {
  if (tier === "script") {
    if (builds.script) return { engine: builds.script(), tier };
    throw new NibbleError("unsupported-engine", `tier "script" is not part of this entry of the package`);
  }
  const refused: string[] = [];
  for (const module of modules) {
    const verdict = verdictOn(builds, module);
    if ("reason" in verdict) refused.push(verdict.reason);
    else if (verdict.tier === tier) return start(builds, verdict);
  }
  const own = builds[tier];
  if (own === undefined || !builds.instantiate) {
    const among = modules.length > 0 ? " nor among the modules handed in as `wasm`" : "";
    throw new NibbleError(
      "unsupported-engine",
      `tier "${tier}" is not part of this entry of the package${among}` +
        `${refused.length > 0 ? ` (${refused.join("; ")})` : ""}; leave \`tier\` at "auto" or hand in its module as \`wasm\``,
    );
  }
  const verdict = verdictOn(builds, own, tier);
  if ("module" in verdict) return start(builds, verdict);
  const instead = builds.script ? '; with `tier` at "auto" another one is taken' : "";
  throw new NibbleError(
    "unsupported-engine",
    `tier "${tier}" does not run here: ${verdict.reason}${instead}`,
    verdict.cause === undefined ? {} : { cause: verdict.cause },
  );
}

function bestOf(
  builds: Builds,
  modules: readonly WebAssembly.Module[],
  reasons: string[],
): Started | undefined {
  let best: Usable | undefined;
  for (const module of modules) {
    const verdict = verdictOn(builds, module);
    if ("reason" in verdict) reasons.push(verdict.reason);
    else if (!best || tiers.indexOf(verdict.tier) < tiers.indexOf(best.tier)) best = verdict;
  }
  return best && start(builds, best);
}

function bestBuild(builds: Builds, reasons: string[]): Started | undefined {
  for (const tier of tiers) {
    if (tier === "script") return builds.script && { engine: builds.script(), tier };
    const build = builds[tier];
    if (build === undefined) continue;
    const verdict = verdictOn(builds, build, tier);
    if ("module" in verdict) return start(builds, verdict);
    reasons.push(`${tier}: ${verdict.reason}`);
  }
  return undefined;
}

function start(builds: Builds, usable: Usable): Started {
  const engine = usable.spare ?? builds.instantiate!(usable.module);
  usable.spare = undefined;
  return { engine, tier: usable.tier };
}

function verdictOn(builds: Builds, build: Build, tier?: WasmTier): Verdict {
  let verdict = verdicts.get(build);
  if (!verdict) {
    verdict = judge(builds, build, tier);
    verdicts.set(build, verdict);
  }
  return verdict;
}

function judge(builds: Builds, build: Build, tier: WasmTier = "scalar"): Verdict {
  if (typeof WebAssembly === "undefined") return { reason: "this JavaScript engine has no WebAssembly" };
  if (!builds.instantiate) return { reason: "this entry of the package holds no WebAssembly" };
  if (build instanceof WebAssembly.Module) return tryOut(builds.instantiate, build);
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  let module: WebAssembly.Module;
  try {
    bytes = build();
    module = new WebAssembly.Module(bytes);
  } catch (cause) {
    // Compiling validates too; only a failure needs to be told apart.
    return bytes && !WebAssembly.validate(bytes)
      ? { reason: `this JavaScript engine lacks ${lacks[tier]}, or the bytes are damaged`, cause }
      : { reason: `compiling WebAssembly is refused (${messageOf(cause)}); ${compilingRemedy}`, cause };
  }
  return tryOut(builds.instantiate, module);
}

/** Where bytes are sound and yet do not compile. */
export const compilingRemedy =
  "in a page, allow 'wasm-unsafe-eval' in the script-src of its Content-Security-Policy; elsewhere, hand in a " +
  "WebAssembly.Module as `wasm`";

/** Starts an engine to ask what it is and whether its dot products are right. */
function tryOut(instantiate: (module: WebAssembly.Module) => Engine, module: WebAssembly.Module): Verdict {
  let engine: Engine;
  try {
    engine = instantiate(module);
  } catch (cause) {
    return { reason: `a module does not start (${messageOf(cause)})`, cause };
  }
  const version = engine.abi_version?.();
  if (version !== ABI_VERSION)
    return {
      reason: `expected an engine module of ABI version ${ABI_VERSION}, found ${version ?? "another module"}`,
    };
  const tier = engine.tier();
  if (tier !== TIER_RELAXED) return { module, tier: tier === TIER_SIMD ? "simd" : "scalar", spare: engine };
  if (engine.dot_mode() === DOT_BROKEN)
    return { reason: "this JavaScript engine computes relaxed SIMD dot products wrongly" };
  return { module, tier: "relaxed", spare: engine };
}

const lacks: Record<WasmTier, string> = {
  relaxed: "relaxed SIMD",
  simd: "WebAssembly SIMD",
  scalar: "something of WebAssembly",
};

const messageOf = (cause: unknown): unknown => (cause instanceof Error ? cause.message : cause);
