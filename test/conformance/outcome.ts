/** How one case fared, in every tier of this engine alike. */
export type Result = "exact" | "within tolerance" | "unsupported" | "wrong";

export const countOf = (outcomes: readonly { result: string }[], result: string): number =>
  outcomes.filter((outcome) => outcome.result === result).length;

/** The bytes of all arrays, one behind the other. */
export const bytesOf = (list: readonly ArrayBufferView[]): Buffer =>
  Buffer.concat(list.map((d) => new Uint8Array(d.buffer, d.byteOffset, d.byteLength)));
