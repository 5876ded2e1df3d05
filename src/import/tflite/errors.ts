import { NibbleError } from "../../runtime/errors.ts";

const longestQuote = 120;

/** A name from the file as it may appear in a message: control characters escaped, overlong text cut. */
export function quote(name: string): string {
  return JSON.stringify(name.length > longestQuote ? `${name.slice(0, longestQuote)}…` : name);
}

export const badFile = (message: string) => new NibbleError("bad-file", message);

export const unsupported = (message: string) => new NibbleError("unsupported", message);
