/** What every entry's loadModel does. Written without async functions, which Hermes 0.12 does not parse. */

import { MAGIC } from "../../assembly/format.ts";
import type { Builds } from "./engine.ts";
import { fetchBytes, nameOf } from "./fetch.ts";
import { createModel, type LoadOptions, type Model } from "./model.ts";

export type ModelSource = ArrayBuffer | Uint8Array | Response | URL | string;

/** @throws NibbleError "io" when fetching fails, and whatever createModel throws; as rejections. */
export function loadFrom(builds: Builds, source: ModelSource, options: LoadOptions): Promise<Model> {
  const name = options.name ?? nameOf(source, "model");
  return bytesOf(source, name).then((bytes) => createModel(builds, bytes, { ...options, name }));
}

export const loadBytes = (builds: Builds, bytes: ArrayBuffer | Uint8Array, options: LoadOptions): Model =>
  createModel(builds, viewOf(bytes), options);

const viewOf = (bytes: ArrayBuffer | Uint8Array): Uint8Array =>
  bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);

const magic = [0, 8, 16, 24].map((shift) => (MAGIC >>> shift) & 255);

function bytesOf(source: ModelSource, name: string): Promise<Uint8Array> {
  return source instanceof Uint8Array || source instanceof ArrayBuffer
    ? Promise.resolve(viewOf(source))
    : fetchBytes({ source, name, what: "a packed model (.nbl)", magic });
}
