// Functions that a first inference calls are compiled with the file that holds them, not each when it is called.
import { readFile } from "node:fs/promises";

/** Where those functions are: what loads a model and runs it. */
const sources =
  /src\/(index|workerd|wasm|wasm-text\/decode|format\/(decode|utf8)|numerics\/rounding|runtime\/(engine|load|model|tiers|tensor|state))\.ts$/;

/** What marks them from there to the minified file. */
const mark = '"eager";';

/** An esbuild plugin that marks them; makeEager() then has to see the output. */
export const markEager = {
  name: "eager",
  setup({ onLoad }) {
    onLoad({ filter: sources }, async ({ path }) => ({
      contents: (await readFile(path, "utf8")).replace(/^(export )?function [\s\S]*?\{$/gm, `$& ${mark}`),
      loader: "ts",
    }));
  },
};

/**
 * A minified module in which every marked function stands in parentheses. JavaScript engines compile such a function at
 * once, because it is likely to be called at once; others they read twice, when they load the file and again when the
 * function is first called, which in sum takes a fifth of a cold start.
 */
export function makeEager(text) {
  const heads = new RegExp(`function ([\\w$]+)(\\([^()]*\\)\\{)${mark}`, "g");
  let made = "";
  let from = 0;
  for (const { 0: head, 1: name, 2: signature, index } of text.matchAll(heads)) {
    const body = index + head.length;
    const end = endOf(text, body);
    made += `${text.slice(from, index)};var ${name}=(function${signature}${text.slice(body, end)});`;
    from = end;
  }
  if (from === 0) throw new Error("found no function to compile at once");
  made += text.slice(from);
  if (made.includes(mark)) throw new Error("found a mark that is not at the beginning of a plain function");
  return made;
}

/** Behind the brace that closes the body which begins at `at`; regular expressions with quotes or braces would mislead it. */
function endOf(text, at) {
  /** What is open: braces, and templates. */
  const open = ["{"];
  for (; open.length > 0; at++) {
    const c = text[at];
    if (c === "\\") at++;
    else if (open.at(-1) === "`") {
      if (c === "`") open.pop();
      else if (c === "$" && text[at + 1] === "{") open.push(text[++at]);
    } else if (c === "{" || c === "`") open.push(c);
    else if (c === "}") open.pop();
    else if (c === '"' || c === "'") while (text[++at] !== c) if (text[at] === "\\") at++;
  }
  return at;
}
