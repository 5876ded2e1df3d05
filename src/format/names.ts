import * as codes from "../../assembly/codes.ts";

/** Names of the constants that start with `prefix`, by value: OP_CONV_QS8 → "CONV_QS8". */
function namesOf(prefix: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const [name, value] of Object.entries(codes))
    if (name.startsWith(prefix) && typeof value === "number") names.set(value, name.slice(prefix.length));
  return names;
}

const operators = namesOf("OP_");

export const operatorName = (code: number): string => operators.get(code) ?? `operator ${code}`;
