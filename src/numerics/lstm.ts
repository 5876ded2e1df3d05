import { type FixedPoint, multiplyByFixedPoint, quantizeMultiplier } from "./fixed.ts";
import { clamp } from "./rounding.ts";

const f = Math.fround;

/** Scale of the gates before their functions, Q3.12. */
const gateScale = 2 ** -12;
/** Scale of what the functions give, Q0.15, as TFLite Micro writes it: not exactly a power of two. */
const functionScale = f(0.00003051757);

/** The factor of a product of values with scales `a` and `b`, in a sum with scale `to`. */
const productFactor = (a: number, b: number, to: number): FixedPoint =>
  quantizeMultiplier(f(f(a) * f(b)) / f(to));

/** Scales of an int8 LSTM; weight scales by gate, in the order i, f, g, o. */
export interface LstmScales {
  input: number;
  hidden: number;
  cell: number;
  weights: readonly number[];
  recurrent: readonly number[];
}

/** Factors of an int8 LSTM: what its sums and products are multiplied by. */
export interface LstmFactors {
  input: FixedPoint[];
  hidden: FixedPoint[];
  forget: FixedPoint;
  added: FixedPoint;
  output: FixedPoint;
}

export const lstmFactors = ({ input, hidden, cell, weights, recurrent }: LstmScales): LstmFactors => ({
  input: weights.map((scale) => productFactor(input, scale, gateScale)),
  hidden: recurrent.map((scale) => productFactor(hidden, scale, gateScale)),
  forget: productFactor(functionScale, cell, cell),
  added: productFactor(functionScale, functionScale, cell),
  output: productFactor(functionScale, functionScale, hidden),
});

/** How c, of scale 2^power, enters the table of tanh: x · multiplier · 2^−shift. */
export function tanhInput(power: number): { multiplier: number; shift: number } {
  const left = 15 + power - 3;
  return left < 0 ? { multiplier: 3, shift: -left } : { multiplier: 3 * 2 ** left, shift: 0 };
}

/**
 * Logistic at i / 24 in units of 2⁻¹⁶, moved by half of what a straight line between two entries is off in its
 * middle; the last entry is the largest there is.
 */
export function logisticTable(): Uint16Array {
  const at = (i: number): number => 65536 / (1 + Math.exp(-i / 24));
  const table = Uint16Array.from({ length: 256 }, (_, i) =>
    Math.round(at(i) - (at(i + 1) - 2 * at(i) + at(i - 1)) / 16),
  );
  table[255] = 65535;
  return table;
}

/** The table's value between two entries, in units of 2^−bits, and `last` beyond the end. */
function interpolate(table: Uint16Array, magnitude: number, bits: number, last: number): number {
  const index = Math.floor(magnitude / 2 ** bits);
  if (index >= 255) return last;
  const part = magnitude % 2 ** bits;
  return table[index] * 2 ** bits + part * (table[index + 1] - table[index]);
}

/** x · multiplier · 2^−shift, rounded: what the table is indexed by. */
function tableInput(x: number, multiplier: number, shift: number): number {
  const half = shift > 0 ? 2 ** (shift - 1) : 0;
  return Math.floor((x * multiplier + half) / 2 ** shift);
}

/** x · multiplier · 2^−shift in units of 2⁻¹² / 3 → Q0.15 */
export function logistic16(table: Uint16Array, x: number, multiplier: number, shift: number): number {
  const input = tableInput(x, multiplier, shift);
  const value = interpolate(table, Math.abs(input), 9, 0x7fff * 2 ** 10);
  return Math.floor((input >= 0 ? value + 2 ** 9 : 2 ** 25 - value + 2 ** 9 - 1) / 2 ** 10);
}

/** The same for tanh. */
export function tanh16(table: Uint16Array, x: number, multiplier: number, shift: number): number {
  const input = tableInput(x, multiplier, shift);
  const value = interpolate(table, Math.abs(input), 8, 0xffff * 2 ** 8);
  return Math.floor((input >= 0 ? value - 2 ** 23 + 2 ** 7 : -value + 2 ** 23 + 2 ** 7 - 1) / 2 ** 8);
}

export const saturate16 = (v: number): number => clamp(v, -32768, 32767);

/** acc by a factor, within int16. */
export const scaled16 = (acc: number, factor: FixedPoint): number =>
  saturate16(multiplyByFixedPoint(acc, factor));
