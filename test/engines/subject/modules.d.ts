declare module "*.bin" {
  const bytes: ArrayBuffer;
  export default bytes;
}
/** The staged package (stage.ts): the same entry as the sources' index. */
declare module "nibblenet" {
  type Entry = typeof import("../../../src/index.ts");
  export const compileEngine: Entry["compileEngine"];
  export const loadModel: Entry["loadModel"];
  export const loadModelSync: Entry["loadModelSync"];
  export type LoadOptions = import("../../../src/index.ts").LoadOptions;
  export type Tier = import("../../../src/index.ts").Tier;
}

declare module "*.nbl" {
  const bytes: ArrayBuffer;
  export default bytes;
}
