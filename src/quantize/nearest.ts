/** What second-order rounding is worth: the same schemes by nearest values. */

import type { Recipe } from "./recipe.ts";
import type { Report } from "./report.ts";
import { isSecondOrder, type LayerScheme } from "./schemes.ts";

/** How the graph of the same size does whose weights went to the nearest values. */
export type NearestReport = Pick<Report, "outputs" | "agreement" | "accuracy">;

/** `recipe` by nearest values where it has second-order methods; undefined where it has none. */
export function nearestRecipe({ default: base, layers = [] }: Recipe): Recipe | undefined {
  const isOrdered = ({ method }: Partial<LayerScheme>) => method !== undefined && isSecondOrder(method);
  if (![base ?? {}, ...layers].some(isOrdered)) return undefined;
  const plain = <T extends Partial<LayerScheme>>(layer: T): T =>
    isOrdered(layer) ? { ...layer, method: "rtn" } : layer;
  return { ...(base && { default: plain(base) }), layers: layers.map(plain) };
}
