import { NibbleError } from "./errors.ts";
import { fetchBytes, nameOf } from "./fetch.ts";
import { compilingRemedy } from "./tiers.ts";

/**
 * Fetches and compiles one of the package's `.wasm` files, for places that get it handed in as `wasm`: an
 * AudioWorklet, a Worker, a page that loads the engine by itself. Unlike WebAssembly.compileStreaming it does not mind
 * the content type that the server gives.
 * @throws NibbleError "io" when the file does not come, "unsupported-engine" when it does not compile here.
 * @example
 * const wasm = await compileEngine("/engine/simd.wasm");
 * new AudioWorkletNode(context, "spotter", { processorOptions: { wasm, model } });
 */
export function compileEngine(source: Response | URL | string): Promise<WebAssembly.Module> {
  const name = nameOf(source, "engine");
  const what = "an engine module (.wasm)";
  return fetchBytes({ source, name, what, magic: [0, 0x61, 0x73, 0x6d] }).then((bytes) => {
    if (typeof WebAssembly === "undefined")
      throw new NibbleError("unsupported-engine", `${name}: this JavaScript engine has no WebAssembly`);
    return WebAssembly.compile(bytes).catch((cause) => {
      const remedy = WebAssembly.validate(bytes)
        ? compilingRemedy
        : "take a build that this JavaScript engine accepts (simd or scalar), or fetch the file again";
      throw new NibbleError(
        "unsupported-engine",
        `${name}: compiling it is refused (${cause.message}); ${remedy}`,
        { cause },
      );
    });
  });
}
