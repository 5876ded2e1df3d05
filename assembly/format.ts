/**
 * The packed file, version 1, in numbers. AssemblyScript and TypeScript both compile this very file, so writer
 * and reader cannot drift apart. docs/format.md says it in prose. Everything is little-endian; offsets are bytes.
 */

// Header, at 0.
export const MAGIC: u32 = 0x014c424e; // "NBL\x01"
export const VERSION: u32 = 1;
export const ALIGNMENT: u32 = 64;
/** Bytes a kernel may read past the end of a tensor; the arena ends with as many. */
export const SLACK: u32 = 64;
export const HEADER_BYTES: u32 = 64;
export const H_MAGIC: u32 = 0;
export const H_VERSION: u32 = 4;
export const H_FILE_BYTES: u32 = 8;
export const H_CHECKSUM: u32 = 12; // of all bytes from 16 on, see checksum()
export const H_SECTIONS: u32 = 16;
export const H_TENSORS: u32 = 20;
export const H_OPERATORS: u32 = 24;
export const H_INPUTS: u32 = 28;
export const H_OUTPUTS: u32 = 32;
export const H_ARENA_BYTES: u32 = 36;
export const H_STATE_BYTES: u32 = 40;
export const CHECKSUM_FROM: u32 = 16;

// Section table, at HEADER_BYTES.
export const SECTION_BYTES: u32 = 16;
export const S_KIND: u32 = 0;
export const S_FLAGS: u32 = 4;
export const S_OFFSET: u32 = 8;
export const S_BYTES: u32 = 12;
export const SECTION_REQUIRED: u32 = 1; // flag: a reader that does not know the kind must refuse the file

export const SECTION_TENSORS: u32 = 1;
export const SECTION_OPERATORS: u32 = 2;
export const SECTION_IO: u32 = 3; // u32 tensor indices: inputs, then outputs
export const SECTION_WEIGHTS: u32 = 4;
export const SECTION_STATE: u32 = 5; // initial bytes of the state region
export const SECTION_STRINGS: u32 = 6; // UTF-8, each ended by a zero byte
export const SECTION_METADATA: u32 = 7; // UTF-8 JSON, optional: for people and tools
export const SECTION_SIGNATURE: u32 = 8; // reserved, optional
export const SECTION_STORED: u32 = 10; // weights stored narrower than they run, in place of SECTION_WEIGHTS
export const SECTION_REPORT: u32 = 9; // UTF-8 JSON, optional: what the quantizer measured

// Parts of SECTION_STORED, see assembly/engine/stored.ts.
export const STORED_BYTES: u32 = 0;
export const STORED_NIBBLES: u32 = 1; // int8 from −8 to 7
export const STORED_CRUMBS: u32 = 2; // int8 from −2 to 1
export const STORED_CODEBOOK: u32 = 3; // indices of 16 bytes
export const STORED_HALVES: u32 = 4; // float32 that float16 holds
export const STORED_SPARSE: u32 = 256; // flag: a bit per element, and only those that are not zero

// Tensor record.
export const TENSOR_BYTES: u32 = 64;
export const MAX_RANK: u32 = 8;
export const T_DTYPE: u32 = 0;
export const T_REGION: u32 = 1;
export const T_RANK: u32 = 2;
export const T_FLAGS: u32 = 3; // zero in version 1
export const T_OFFSET: u32 = 4; // within the region
export const T_SIZE: u32 = 8; // bytes
export const T_POINTER: u32 = 12; // zero in the file; the engine writes the address here at load
export const T_SCALE: u32 = 16; // f32; 0 where the tensor is not quantized
export const T_ZERO_POINT: u32 = 20;
export const T_DIMS: u32 = 24;
export const T_NAME: u32 = 56; // offset in the strings section

export const REGION_ARENA: u32 = 0;
export const REGION_WEIGHTS: u32 = 1;
export const REGION_STATE: u32 = 2;

export const DTYPE_FLOAT32: u32 = 1;
export const DTYPE_INT8: u32 = 2;
export const DTYPE_UINT8: u32 = 3;
export const DTYPE_INT16: u32 = 4;
export const DTYPE_INT32: u32 = 5;
export const DTYPE_INT64: u32 = 6;
export const DTYPE_BOOL: u32 = 7;

// Operator record: a common head, then the fields of its family.
export const O_CODE: u32 = 0;
export const O_BYTES: u32 = 4; // of the whole record, a multiple of 4
export const O_INPUT: u32 = 8; // tensor index
export const O_INPUT2: u32 = 12; // tensor index or NONE
export const O_OUTPUT: u32 = 16; // tensor index
export const O_FIELDS: u32 = 20;
export const NONE: u32 = 0xffffffff;
/** Operators of this code and up have a longer head, any of whose tensors may be NONE. */
export const FIRST_WIDE: u32 = 32;
export const O_INPUT3: u32 = 20; // tensor index
export const O_VARIABLE: u32 = 24; // tensor index: read and written in place
export const O_VARIABLE2: u32 = 28;
export const O_WIDE_FIELDS: u32 = 32;
