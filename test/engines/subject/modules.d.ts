declare module "*.bin" {
  const bytes: ArrayBuffer;
  export default bytes;
}
declare module "*/handed.mjs" {
  /** Engine modules to hand in, by tier; none where the package's entry has its own. */
  export const handed: Record<string, WebAssembly.Module>;
}
/** The staged package (stage.ts): the same entry as the sources' index. */
declare module "nibblenet" {
  type Entry = typeof import("../../../src/index.ts");
  export const loadModelSync: Entry["loadModelSync"];
  export type LoadOptions = import("../../../src/index.ts").LoadOptions;
  export type Tier = import("../../../src/index.ts").Tier;
}
