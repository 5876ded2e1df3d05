/** assembly/format.ts types its constants for AssemblyScript; for TypeScript they are numbers. */
declare type u32 = number;
