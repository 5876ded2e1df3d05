import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { root } from "./installed.ts";

let makeEager: (text: string) => string;
beforeAll(async () => {
  ({ makeEager } = await import(pathToFileURL(join(root, "compiler/eager.mjs")).href));
});

describe("functions that are compiled with their file", () => {
  test("stand in parentheses, whole, and the rest stays as it was", () => {
    const body = "if(e){return`{$" + "{t?`}$" + "{e}`:'{'}\\``}return'\\'}'}";
    const text = `var x=1;function a(e,t="}"){"eager";${body}function b(){return 2}function $c({y:z}){"eager";return z}`;
    expect(makeEager(text)).toBe(
      `var x=1;;var a=(function(e,t="}"){${body});function b(){return 2};var $c=(function({y:z}){return z});`,
    );
  });

  test("are looked for: none, or a mark elsewhere, is an error", () => {
    expect(() => makeEager("function a(){}")).toThrow("found no function");
    expect(() => makeEager('function a(){"eager"}let b=()=>{"eager";return 1};')).toThrow(
      "found no function",
    );
    expect(() => makeEager('function a(){"eager";}let b=()=>{"eager";return 1};')).toThrow("found a mark");
  });
});
