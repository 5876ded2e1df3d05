/** What went wrong, for programs; the message says where and what to do, for people. */
export type NibbleErrorCode =
  | "bad-file"
  | "bad-input"
  | "unsupported"
  | "audio"
  | "unsupported-engine"
  | "out-of-memory"
  | "interrupted"
  | "io";

/** Everything a file, an input or an engine can cause. Programming mistakes are TypeError and RangeError. */
export class NibbleError extends Error {
  readonly code: NibbleErrorCode;

  constructor(code: NibbleErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "NibbleError";
    this.code = code;
  }
}
