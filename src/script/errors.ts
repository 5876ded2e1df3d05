import type { NibbleErrorCode } from "../runtime/errors.ts";

/** src/runtime/errors.ts in syntax that Hermes 0.12 parses; the native entry is built with it. */
export function NibbleError(
  this: unknown,
  code: NibbleErrorCode,
  message: string,
  options?: { cause?: unknown },
): Error {
  const error = new Error(message) as Error & { code: NibbleErrorCode };
  Object.setPrototypeOf(error, NibbleError.prototype);
  error.name = "NibbleError";
  error.code = code;
  if (options && "cause" in options) error.cause = options.cause;
  return error;
}

NibbleError.prototype = Object.create(Error.prototype, {
  constructor: { value: NibbleError, writable: true, configurable: true },
});
