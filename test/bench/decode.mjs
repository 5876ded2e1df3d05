/** One token through the matrices of a small Llama: 16-wide heads aside, what decoding spends its time on. */
export function decodeStack() {
  throw new Error("not yet");
}
