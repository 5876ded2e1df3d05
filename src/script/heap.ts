/** The engine's memory as typed arrays; pointers are turned into indices with >>> 2 where elements have 4 bytes. */
export interface Heap {
  i8: Int8Array;
  i32: Int32Array;
  f32: Float32Array;
}

/** A heap over an empty buffer, to be pointed at the engine's memory when there is one. */
export function createHeap(): Heap {
  const buffer = new ArrayBuffer(0);
  return { i8: new Int8Array(buffer), i32: new Int32Array(buffer), f32: new Float32Array(buffer) };
}

/** The heap over this buffer: the memory's first, or another one after it has grown. */
export function follow(heap: Heap, buffer: ArrayBuffer): void {
  heap.i8 = new Int8Array(buffer);
  heap.i32 = new Int32Array(buffer);
  heap.f32 = new Float32Array(buffer);
}
