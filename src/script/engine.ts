/** The script tier: the scalar build as JavaScript (binaryen's wasm2js), its inner products written by hand. */

import { instantiate } from "../../build/wasm2js.js";
import type { Engine } from "../runtime/engine.ts";
import { createCopyOver, createFillOver } from "./copy.ts";
import { createDwconvF32 } from "./dwconv-f32.ts";
import { createDwconvQs8 } from "./dwconv-qs8.ts";
import { createGemmF32 } from "./gemm-f32.ts";
import { createGemmQs8 } from "./gemm-qs8.ts";
import { createHeap, follow } from "./heap.ts";
import type { PackedMatrix } from "./pack.ts";

/** A fresh engine with a memory of its own; needs no WebAssembly. Gives the bits of every other tier. */
export function createScriptEngine(): Engine {
  const heap = createHeap();
  const matrices = new Map<number, PackedMatrix>();
  const kernels = {
    qs8_qc8w_gemm: createGemmQs8(heap, matrices),
    f32_gemm: createGemmF32(heap),
    qs8_qc8w_dwconv: createDwconvQs8(heap),
    f32_dwconv: createDwconvF32(heap),
    copyOver: createCopyOver(heap),
    fillOver: createFillOver(heap),
    copyBytes: createCopyOver(heap),
    fillBytes: createFillOver(heap),
  };
  const engine = instantiate({ kernels, follow: (buffer) => follow(heap, buffer) });
  const { load, reserve } = engine;
  engine.reserve = (bytes) => {
    matrices.clear();
    return reserve(bytes);
  };
  engine.load = (pointer, bytes) => {
    matrices.clear();
    return load(pointer, bytes);
  };
  return engine;
}
