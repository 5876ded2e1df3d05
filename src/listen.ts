/** Listening for words: `createListener` anywhere, and microphones and streams on a page's audio thread. */

import { instantiate } from "./runtime/instantiate.ts";
import { loadBytes } from "./runtime/load.ts";
import type { LoadOptions, Model } from "./runtime/model.ts";

export {
  createListener,
  type Detection,
  type Listener,
  type ListenerOptions,
  type ListenerStatistics,
  type ScoreUpdate,
} from "./listen/listener.ts";
export {
  type LiveListener,
  type LiveOptions,
  listenTo,
  listenToMicrophone,
  type MicrophoneOptions,
} from "./listen/live.ts";
export type { GateOptions } from "./listen/make-gate.ts";
export type { LiveStatistics } from "./listen/messages.ts";
export type { ListeningHints, ListeningModel } from "./listen/model.ts";
export type { Problem, ProblemKind } from "./listen/problems.ts";
export { createTimer, type Timer } from "./listen/timer.ts";
export { compileEngine } from "./runtime/compile.ts";
export { NibbleError, type NibbleErrorCode } from "./runtime/errors.ts";

/** As the default entry's loadModelSync, on builds handed in: this entry has none of its own. */
export function loadModelSync(bytes: ArrayBuffer | Uint8Array, options: LoadOptions): Model {
  return loadBytes({ instantiate }, bytes, options);
}
