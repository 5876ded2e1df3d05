import { instantiateSync } from "@assemblyscript/loader";
import type { Engine } from "./engine.ts";

/** An engine of its own, with its own memory. The exports are the raw ones, without the loader's wrappers. */
export const instantiate = (module: WebAssembly.Module): Engine =>
  instantiateSync(module).instance.exports as unknown as Engine;
