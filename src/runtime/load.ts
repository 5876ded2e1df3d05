/** What every entry's loadModel does. Written without async functions, which Hermes 0.12 does not parse. */

import type { Builds } from "./engine.ts";
import { NibbleError } from "./errors.ts";
import { createModel, type LoadOptions, type Model } from "./model.ts";

export type ModelSource = ArrayBuffer | Uint8Array | Response | URL | string;

/** @throws NibbleError "io" when fetching fails, and whatever createModel throws; as rejections. */
export function loadFrom(builds: Builds, source: ModelSource, options: LoadOptions): Promise<Model> {
  const name = options.name ?? nameOf(source);
  return bytesOf(source, name).then((bytes) => createModel(builds, bytes, { ...options, name }));
}

export const loadBytes = (builds: Builds, bytes: ArrayBuffer | Uint8Array, options: LoadOptions): Model =>
  createModel(builds, viewOf(bytes), options);

function nameOf(source: ModelSource): string {
  if (typeof source === "string") return source;
  if (typeof URL !== "undefined" && source instanceof URL) return source.href;
  if (typeof Response !== "undefined" && source instanceof Response) return source.url || "model";
  return "model";
}

const viewOf = (bytes: ArrayBuffer | Uint8Array): Uint8Array =>
  bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);

function bytesOf(source: ModelSource, name: string): Promise<Uint8Array> {
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) return Promise.resolve(viewOf(source));
  return responseOf(source)
    .then((response) => {
      if (!response.ok)
        throw new NibbleError("io", `${name}: the server answered ${response.status} ${response.statusText}`);
      return response.arrayBuffer();
    })
    .then(viewOf)
    .catch((cause) => {
      if (cause instanceof NibbleError) throw cause;
      throw new NibbleError(
        "io",
        `${name}: fetching it failed (${cause instanceof Error ? cause.message : cause})`,
        { cause },
      );
    });
}

function responseOf(source: Response | URL | string): Promise<Response> {
  if (typeof source !== "string" && !(typeof URL !== "undefined" && source instanceof URL))
    return Promise.resolve(source as Response);
  if (typeof fetch !== "undefined") return fetch(source);
  return Promise.reject(new Error("this JavaScript engine has no fetch; hand in the bytes"));
}
