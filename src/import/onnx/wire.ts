import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { NibbleError } from "../../runtime/errors.ts";

export type FieldReader = (reader: BinaryReader, wire: WireType) => void;

const expectWire = (wire: WireType, expected: WireType): void => {
  if (wire !== expected) throw new RangeError(`wire type ${wire} where ${expected} belongs`);
};

const expectInside = (reader: BinaryReader): void => {
  if (reader.pos > reader.len) throw new RangeError("premature end");
};

/**
 * Walks one protobuf message, hands known fields to `fields` and skips the others. Nothing is allocated by a
 * length that the bytes do not back.
 *
 * @throws NibbleError "bad-file" naming `what` and the byte, whatever is wrong with the encoding.
 */
export function readMessage(bytes: Uint8Array, what: string, fields: Record<number, FieldReader>): void {
  const reader = new BinaryReader(bytes);
  try {
    while (reader.pos < reader.len) {
      const [field, wire] = reader.tag();
      const read = fields[field];
      if (read) read(reader, wire);
      else reader.skip(wire, field);
      expectInside(reader);
    }
  } catch (cause) {
    if (cause instanceof NibbleError) throw cause;
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new NibbleError(
      "bad-file",
      `${what}: expected protobuf, found damaged data near byte ${Math.min(reader.pos, reader.len)} of ` +
        `${reader.len} (${problem}); the file is truncated, damaged or not ONNX`,
      { cause },
    );
  }
}

export function readBytes(reader: BinaryReader, wire: WireType): Uint8Array {
  expectWire(wire, WireType.LengthDelimited);
  return reader.bytes();
}

export function readString(reader: BinaryReader, wire: WireType): string {
  expectWire(wire, WireType.LengthDelimited);
  return reader.string();
}

export function readFloat(reader: BinaryReader, wire: WireType): number {
  expectWire(wire, WireType.Bit32);
  return reader.float();
}

export function readBigInt(reader: BinaryReader, wire: WireType): bigint {
  expectWire(wire, WireType.Varint);
  return BigInt(reader.int64());
}

/** An int64 as a number; what lies beyond 2⁵³ is rounded, which only "to the end" sentinels do. */
export const readInt = (reader: BinaryReader, wire: WireType): number => Number(readBigInt(reader, wire));

/** Appends a repeated number, which may come packed or one by one. */
export function readRepeated<T>(
  into: T[],
  single: WireType,
  read: (reader: BinaryReader, wire: WireType) => T,
): FieldReader {
  return (reader, wire) => {
    if (wire !== WireType.LengthDelimited) {
      into.push(read(reader, wire));
      return;
    }
    const packed = new BinaryReader(reader.bytes());
    while (packed.pos < packed.len) into.push(read(packed, single));
    expectInside(packed);
  };
}

export function readDouble(reader: BinaryReader, wire: WireType): number {
  expectWire(wire, WireType.Bit64);
  return reader.double();
}
