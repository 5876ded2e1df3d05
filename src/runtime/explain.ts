import {
  CHECK_ACCUMULATOR,
  CHECK_ALIGNMENT,
  CHECK_DTYPE,
  CHECK_FIELD,
  CHECK_INDEX,
  CHECK_OVERLAP,
  CHECK_QUANTIZATION,
  CHECK_RECORD,
  CHECK_REGION,
  CHECK_SHAPE,
  CHECK_UNDEFINED,
  CHECK_WRITES_CONSTANT,
  CULPRIT_OPERATOR,
  CULPRIT_SECTION,
  CULPRIT_TENSOR,
  ERROR_CHECKSUM,
  ERROR_COUNT,
  ERROR_LENGTH,
  ERROR_MAGIC,
  ERROR_MEMORY,
  ERROR_NOT_LOADED,
  ERROR_OPERATOR,
  ERROR_OPERATOR_UNKNOWN,
  ERROR_SECTION,
  ERROR_SECTION_MISSING,
  ERROR_SECTION_UNKNOWN,
  ERROR_TENSOR,
  ERROR_TRUNCATED,
  ERROR_VERSION,
} from "../../assembly/abi.ts";
import { NibbleError } from "./errors.ts";

const checks: Record<number, string> = {
  [CHECK_FIELD]: "a field is outside its range",
  [CHECK_INDEX]: "it names a tensor that does not exist",
  [CHECK_DTYPE]: "its types do not agree",
  [CHECK_SHAPE]: "its shapes do not agree",
  [CHECK_REGION]: "it lies outside its section",
  [CHECK_ALIGNMENT]: "it is not aligned",
  [CHECK_QUANTIZATION]: "a scale, multiplier or zero point is outside its range",
  [CHECK_ACCUMULATOR]: "its int32 sums could overflow",
  [CHECK_RECORD]: "its record has the wrong length",
  [CHECK_WRITES_CONSTANT]: "it writes to a constant",
  [CHECK_OVERLAP]: "its scratch or its output lies over one of its tensors",
  [CHECK_UNDEFINED]: "it is read where nothing of its type has been written",
};

/** What the engine left in error_detail(). */
export interface EngineError {
  code: number;
  culprit: number;
  index: number;
  expected: number;
  found: number;
}

/** Turns a refusal of the engine into an error that names the file, the place and the remedy. */
export function explain(file: string, error: EngineError): NibbleError {
  const { code, index, expected, found } = error;
  const hex = (n: number): string => `0x${n.toString(16).padStart(8, "0")}`;
  const remake = "convert or quantize the source model again";
  switch (code) {
    case ERROR_MEMORY:
      return new NibbleError(
        "out-of-memory",
        `${file}: the model needs ${expected} bytes of memory and the engine refuses to grow beyond ${found}`,
      );
    case ERROR_NOT_LOADED:
      return new NibbleError("bad-file", `${file}: no model is loaded`);
    case ERROR_TRUNCATED:
      return bad(
        file,
        `expected ${expected} bytes, found ${found}: the file is cut short; fetch or copy it again`,
      );
    case ERROR_LENGTH:
      return bad(file, `expected ${expected} bytes, found ${found}: something was appended to it`);
    case ERROR_MAGIC:
      return bad(
        file,
        `expected a packed model (.nbl, ${hex(expected)}), found ${hex(found)}; make one with \`nibblenet convert\``,
      );
    case ERROR_VERSION:
      return bad(
        file,
        `expected format version ${expected}, found ${found}; use the nibblenet that wrote it, or ${remake}`,
      );
    case ERROR_CHECKSUM:
      return bad(
        file,
        `expected checksum ${hex(expected)}, found ${hex(found)}: its bytes have changed; fetch or copy it again`,
      );
    case ERROR_SECTION_UNKNOWN:
      return new NibbleError(
        "unsupported",
        `${file}: section ${index} is of kind ${found}, which this version does not know and the file requires; use a newer nibblenet`,
      );
    case ERROR_SECTION_MISSING:
      return bad(file, `section kind ${expected} is missing; ${remake}`);
    case ERROR_OPERATOR_UNKNOWN:
      return new NibbleError(
        "unsupported",
        `${file}: operator ${index} has code ${found}, which this version does not know; use a newer nibblenet`,
      );
    case ERROR_COUNT:
    case ERROR_SECTION:
    case ERROR_TENSOR:
    case ERROR_OPERATOR:
      return bad(file, `${place(error)}: ${what(error)}; ${remake}`);
    default:
      return bad(file, `the engine refused it with code ${code}`);
  }
}

const bad = (file: string, text: string): NibbleError => new NibbleError("bad-file", `${file}: ${text}`);

function place({ culprit, index }: EngineError): string {
  if (culprit === CULPRIT_OPERATOR) return `operator ${index}`;
  if (culprit === CULPRIT_TENSOR) return `tensor ${index}`;
  return culprit === CULPRIT_SECTION ? `section ${index}` : "header";
}

function what({ code, expected, found }: EngineError): string {
  if (code === ERROR_COUNT) return `expected ${expected}, found ${found}`;
  if (code === ERROR_SECTION)
    return `expected it at ${expected} or later, aligned and inside the file, found ${found}`;
  return checks[found] ?? `check ${found} failed`;
}
