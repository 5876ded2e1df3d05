// What binaryen's wasm2js writes, made a factory of engines, and smaller than a minifier alone can make it.

/** The engine as a module that exports `instantiate`. Throws where wasm2js writes something else than expected. */
export function tidyScript(text) {
  // What follows makes one engine, at import; every model needs its own.
  const [engine, ...rest] = text.split(/^var retasmFunc = asmFunc\(/m);
  if (rest.length !== 1) throw new Error(`wasm2js: expected to find one instantiation, found ${rest.length}`);
  // Bulk memory would work on the memory of the engine that was made last.
  if (text.includes("wasm2js_memory_"))
    throw new Error("wasm2js: found helpers for bulk memory, expected none");
  const tidied = tidyNumbers(tidyLoops(ownMemory(engine.replace(/^import .*;$/gm, ""))));
  return `${tidied}export { asmFunc as instantiate };\n`;
}

/** Exactly one match of `pattern` gives way to `instead`. */
function replaceOne(text, pattern, instead) {
  const parts = text.split(pattern);
  if (parts.length !== 2) throw new Error(`wasm2js: expected one ${pattern}, found ${parts.length - 1}`);
  return parts.join(instead);
}

/**
 * Memory in one place. As wasm2js grows it, it answers past 4 GiB as if it had, and throws where there is no room; here
 * it grows to 2 GiB, because addresses are signed, and answers as WebAssembly does. The kernels are told of each buffer.
 */
function ownMemory(text) {
  const heaps = [...text.matchAll(/^ var (HEAP\w+) = new (\w+)\(buffer\);\n/gm)];
  const used = heaps.filter(([, heap]) => text.includes(`${heap}[`) || heap === "HEAP8");
  const views = used.map(([, heap, array]) => `  ${heap} = new ${array}(buffer);\n`).join("");
  for (const [line] of heaps) text = text.replace(line, "");
  text = replaceOne(
    text,
    " var buffer = new ArrayBuffer(65536);\n",
    ` var ${used.map(([, heap]) => heap).join(", ")};
 function setMemory(buffer) {
${views}  imports.follow(buffer);
 }
 setMemory(new ArrayBuffer(65536));
`,
  );
  text = replaceOne(text, " bufferView = HEAPU8;\n $", " $");
  text = replaceOne(text, /^ function __wasm_memory_size[\s\S]*?\n \n return \{/m, `${growth} return {`);
  return replaceOne(
    text,
    /"memory": Object\.create\([\s\S]*\)\n/,
    '"memory": { get buffer() { return HEAP8.buffer; } }\n',
  )
    .replace(/^ {2}var bufferView;\n/m, "")
    .replace(/^ {2}"kept_\w+": \{[\s\S]*?^ {2}\}, \n/gm, "");
}

const growth = ` function __wasm_memory_size() {
  return HEAP8.length >> 16;
 }
 function __wasm_memory_grow(pages) {
  var old = HEAP8;
  var size = __wasm_memory_size();
  if (size + pages > 32767) return -1;
  try {
   setMemory(new ArrayBuffer((size + pages) << 16));
  } catch (error) {
   return -1;
  }
  HEAP8.set(old);
  return size;
 }
`;

/** \`while (1) { if (condition) { …; continue; } break; }\` is \`while (condition) { … }\`. Lines are indented by depth. */
function tidyLoops(text) {
  const lines = text.split("\n");
  const depth = (line) => line.length - line.trimStart().length;
  const closing = (from, at) => {
    let i = from + 1;
    while (depth(lines[i]) !== at || lines[i].trimStart()[0] !== "}") i++;
    return i;
  };
  const dropped = new Set();
  for (const [i, line] of lines.entries()) {
    if (!/^\s*(\S+ : )?while \(1\) \{$/.test(line)) continue;
    const at = depth(line);
    const end = closing(i, at);
    const condition = /^\s*if \((.*)\) \{$/.exec(lines[i + 1])?.[1];
    const tail = lines.slice(end - 3, end).map((l) => l.trim());
    if (!condition || tail.join(" ") !== "continue; } break;" || closing(i + 1, at + 1) !== end - 2) continue;
    lines[i] = line.replace("while (1)", `while (${condition})`);
    for (const gone of [i + 1, end - 3, end - 2, end - 1]) dropped.add(gone);
  }
  return lines.filter((_, i) => !dropped.has(i)).join("\n");
}

/**
 * Coercions that change nothing: variables hold int32, float32 or, from comparisons, booleans, which compare as
 * numbers; float32 constants are written as the values they are.
 */
function tidyNumbers(text) {
  return text
    .replace(/\[(\$\w+) \| 0\]/g, "[$1]")
    .replace(/\((\$\w+) \| 0\)(?= [=<>!])/g, "$1")
    .replace(/( [=<>!]=? )\((\$\w+) \| 0\)/g, "$1$2")
    .replace(/Math_fround\((-?[\d.e+-]+)\)/g, "$1");
}
