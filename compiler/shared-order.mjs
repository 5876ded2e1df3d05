// The builds of the engine with their functions in one order.
import binaryen from "binaryen";

/**
 * Builds of one source, given with their names, in the order of `builds`: functions that are alike in all come first,
 * then those alike in the first two, then the rest; each by what they are for and by name. Calls name functions by
 * number, so that only then the bytes of a function which is in several builds are the same in all, and compress to
 * nothing after the first.
 */
export function inSharedOrder(builds) {
  const modules = builds.map(readFunctions);
  const [first, second] = modules;
  const isAlike = (name, among) => among.every(({ texts }) => texts.get(name) === first.texts.get(name));
  const rank = (name) => {
    if (!first.texts.has(name)) return 4;
    if (isAlike(name, modules)) return 0;
    if (isAlike(name, [first, second])) return 1;
    return modules.every(({ texts }) => texts.has(name)) ? 2 : 3;
  };
  return modules.map(({ texts, rest }) => {
    const names = [...texts.keys()];
    names.sort((a, b) => rank(a) - rank(b) || kind(a) - kind(b) || (a < b ? -1 : 1));
    const end = rest.lastIndexOf(")");
    return write(`${rest.slice(0, end)}${names.map((name) => texts.get(name)).join("")})`);
  });
}

const kinds = [/\/verify\w*$/, /\/(check|is|has)\w*$/, /\/run\w*$/, /\/kernels\//];
/** Neighbours that resemble each other compress better. */
const kind = (name) => kinds.findIndex((pattern) => pattern.test(name));

/** The text of each function by name, and of the module without them. */
function readFunctions(bytes) {
  const module = binaryen.readBinaryWithFeatures(bytes, binaryen.Features.All);
  const text = module.emitText();
  module.dispose();
  const texts = new Map();
  const rest = text.replace(/^ \(func (\S+)[\s\S]*?^ \)\n/gm, (whole, name) => {
    // Types are numbered in each build by its own needs; parameters and results say the same.
    texts.set(name, whole.replace(/ \(type \S+\)/g, ""));
    return "";
  });
  return { texts, rest: rest.replace(/^ \(type .*\n/gm, "") };
}

function write(text) {
  const module = binaryen.parseText(text);
  module.setFeatures(binaryen.Features.All);
  // The compiler, which has asked for names, works with the same binaryen.
  binaryen.setDebugInfo(false);
  const bytes = module.emitBinary();
  module.dispose();
  return bytes;
}
