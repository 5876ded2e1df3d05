import type { Engine } from "./engine.ts";

/**
 * An engine of its own, with its own memory; the module imports nothing. AssemblyScript's loader would do as well, but
 * wraps every export, which takes longer than compiling the module does.
 */
export const instantiate = (module: WebAssembly.Module): Engine =>
  new WebAssembly.Instance(module).exports as unknown as Engine;
