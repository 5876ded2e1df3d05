import { unzipSync } from "fflate";
import { NibbleError } from "../runtime/errors.ts";
import { type NpyArray, readNpy } from "./npy.ts";

/** DEFLATE makes at most 1032 bytes of one; entries that claim more, or lie on each other, exhaust memory. */
const mostInflation = 1032;

/**
 * The arrays of a .npz file by name, in the file's order.
 *
 * @throws NibbleError "bad-input" naming `file`, and the array inside it where one is to blame.
 */
export function readNpz(bytes: Uint8Array, file: string): Map<string, NpyArray> {
  let entries: Record<string, Uint8Array>;
  let room = mostInflation * bytes.length;
  try {
    entries = unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        room -= originalSize;
        if (room < 0) throw new Error(`"${name}" would be larger than DEFLATE can make it`);
        return true;
      },
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NibbleError("bad-input", `${file}: not a readable .npz file (${reason})`, { cause });
  }
  const arrays = new Map<string, NpyArray>();
  for (const [entry, content] of Object.entries(entries)) {
    arrays.set(entry.replace(/\.npy$/, ""), readNpy(content, `${file}: ${entry}`));
  }
  if (arrays.size === 0) throw new NibbleError("bad-input", `${file}: no arrays inside`);
  return arrays;
}
