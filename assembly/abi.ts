/** What the engine and its host say to each other beside the file: refusals, tiers. Read by both compilers. */

// What load() can refuse. error_detail() gives { code, kind, index, expected, found }, each u32.
export const ERROR_NONE: u32 = 0;
export const ERROR_TRUNCATED: u32 = 1;
export const ERROR_MAGIC: u32 = 2;
export const ERROR_VERSION: u32 = 3;
export const ERROR_LENGTH: u32 = 4;
export const ERROR_CHECKSUM: u32 = 5;
export const ERROR_SECTION: u32 = 6;
export const ERROR_SECTION_UNKNOWN: u32 = 7;
export const ERROR_SECTION_MISSING: u32 = 8;
export const ERROR_TENSOR: u32 = 9;
export const ERROR_OPERATOR_UNKNOWN: u32 = 10;
export const ERROR_OPERATOR: u32 = 11;
export const ERROR_MEMORY: u32 = 12;
export const ERROR_NOT_LOADED: u32 = 13;
export const ERROR_COUNT: u32 = 14;

/** What the culprit's index counts. */
export const CULPRIT_FILE: u32 = 0;
export const CULPRIT_SECTION: u32 = 1;
export const CULPRIT_TENSOR: u32 = 2;
export const CULPRIT_OPERATOR: u32 = 3;

/** The check that failed, in `found` of tensor and operator errors. */
export const CHECK_FIELD: u32 = 1; // a field is outside its range
export const CHECK_INDEX: u32 = 2; // no such tensor
export const CHECK_DTYPE: u32 = 3;
export const CHECK_SHAPE: u32 = 4; // the shapes do not agree
export const CHECK_REGION: u32 = 5; // outside its section or region
export const CHECK_ALIGNMENT: u32 = 6;
export const CHECK_QUANTIZATION: u32 = 7; // scale, multiplier, shift or zero point
export const CHECK_ACCUMULATOR: u32 = 8; // int32 could overflow
export const CHECK_RECORD: u32 = 9; // the record's own length
export const CHECK_WRITES_CONSTANT: u32 = 10;
export const CHECK_OVERLAP: u32 = 11; // scratch or output lies over a tensor of its operator
export const CHECK_UNDEFINED: u32 = 12; // reads arena bytes that nothing of its type has written

// The engine's own interface.
export const ABI_VERSION: u32 = 1;
export const TIER_SCALAR: u32 = 0;
export const TIER_SIMD: u32 = 1;
export const TIER_RELAXED: u32 = 2;

/** How relaxed dot products read a second operand outside 0…127. */
export const DOT_UNSIGNED: u32 = 0; // as unsigned, exactly
export const DOT_SIGNED: u32 = 1; // as signed, exactly
export const DOT_SATURATES: u32 = 2; // in some other way: kernels keep out of it
export const DOT_BROKEN: u32 = 3; // wrong inside 0…127 too: the tier must not be used
