import type { BinaryKind } from "../graph/graph.ts";
import { powf } from "./power.ts";

const f = Math.fround;

/** A binary operator on two float32, one rounded operation after another; comparisons give 0 or 1. */
export function floatBinary(kind: BinaryKind, a: number, b: number): number {
  switch (kind) {
    case "equal":
      return Number(a === b);
    case "notEqual":
      return Number(a !== b);
    case "less":
      return Number(a < b);
    case "lessEqual":
      return Number(a <= b);
    case "greater":
      return Number(a > b);
    case "greaterEqual":
      return Number(a >= b);
    case "maximum":
      return Math.max(a, b);
    case "minimum":
      return Math.min(a, b);
    case "div":
      return f(a / b);
    case "floorDiv":
      return Math.floor(f(a / b));
    case "squaredDifference": {
      const d = f(a - b);
      return f(d * d);
    }
    case "pow":
      return powf(a, b);
    case "prelu":
      return a < 0 ? f(a * b) : a;
    default:
      throw new Error(`${kind} of float32 is not defined`);
  }
}

const quotient = (a: bigint, b: bigint): bigint => (b === 0n ? 0n : a / b);
const remainder = (a: bigint, b: bigint): bigint => (b === 0n ? 0n : a % b);
const isBelow = (a: bigint, b: bigint): boolean => remainder(a, b) !== 0n && a < 0n !== b < 0n;

/** A binary operator on two whole numbers, before the result wraps to its type; division by zero gives 0. */
export function wholeBinary(kind: BinaryKind | "add" | "sub" | "mul", a: bigint, b: bigint): bigint {
  switch (kind) {
    case "equal":
      return BigInt(a === b);
    case "notEqual":
    case "xor":
      return BigInt(a !== b);
    case "less":
      return BigInt(a < b);
    case "lessEqual":
      return BigInt(a <= b);
    case "greater":
      return BigInt(a > b);
    case "greaterEqual":
      return BigInt(a >= b);
    case "maximum":
    case "or":
      return a < b ? b : a;
    case "minimum":
    case "and":
      return b < a ? b : a;
    case "div":
      return quotient(a, b);
    case "floorDiv":
      return quotient(a, b) - BigInt(isBelow(a, b));
    case "floorMod":
      return remainder(a, b) + (isBelow(a, b) ? b : 0n);
    case "remainder":
      return remainder(a, b);
    case "squaredDifference":
      return (a - b) * (a - b);
    case "add":
      return a + b;
    case "sub":
      return a - b;
    case "mul":
      return a * b;
    default:
      throw new Error(`${kind} of whole numbers is not defined`);
  }
}
