/** Listening for words: `createListener` anywhere, and microphones and streams on a page's audio thread. */

export {
  createListener,
  type Detection,
  type GateOptions,
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
export type { LiveStatistics } from "./listen/messages.ts";
export type { ListeningHints, ListeningModel } from "./listen/model.ts";
export type { Problem, ProblemKind } from "./listen/problems.ts";
export { withFrontend } from "./listen/with-log-mel.ts";
export { compileEngine } from "./runtime/compile.ts";
