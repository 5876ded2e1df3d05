import { CHECKSUM_FROM, H_CHECKSUM } from "../../assembly/format.ts";
import type { Engine } from "./engine.ts";
import { NibbleError } from "./errors.ts";

/** In front of the saved bytes: which file they belong to, by its checksum, and how many there are. */
const headBytes = 8;

/** A file's checksum, as its header has it. */
export const checksumOf = (file: Uint8Array): number =>
  file.length < CHECKSUM_FROM
    ? 0
    : new DataView(file.buffer, file.byteOffset, file.byteLength).getUint32(H_CHECKSUM, true);

const regionOf = (engine: Engine): Uint8Array =>
  new Uint8Array(engine.memory.buffer, engine.state_ptr(), engine.state_bytes());

/** A copy of what the model remembers, which `restoreState` takes back. */
export function saveState(engine: Engine, checksum: number): Uint8Array {
  const region = regionOf(engine);
  const saved = new Uint8Array(headBytes + region.length);
  const head = new DataView(saved.buffer);
  head.setUint32(0, checksum, true);
  head.setUint32(4, region.length, true);
  saved.set(region, headBytes);
  return saved;
}

/** @throws NibbleError "bad-input" for bytes that another file's model, or nothing, has saved. */
export function restoreState(engine: Engine, checksum: number, saved: Uint8Array, file: string): void {
  const region = regionOf(engine);
  const expected = headBytes + region.length;
  if (saved.length !== expected)
    throw new NibbleError(
      "bad-input",
      `${file}: expected ${expected} bytes of saved state, found ${saved.length}; give what saveState() returned`,
    );
  const head = new DataView(saved.buffer, saved.byteOffset, saved.byteLength);
  if (head.getUint32(0, true) !== checksum || head.getUint32(4, true) !== region.length)
    throw new NibbleError(
      "bad-input",
      `${file}: the saved state belongs to another model; restore it where the same file is loaded`,
    );
  region.set(saved.subarray(headBytes));
}
