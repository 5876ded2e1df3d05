// Runs a script in QuickJS with `print`: node quickjs.mjs FILE
import { readFileSync } from "node:fs";
import variant from "@jitl/quickjs-ng-wasmfile-release-sync";
import { newQuickJSWASMModuleFromVariant } from "quickjs-emscripten-core";

const vm = (await newQuickJSWASMModuleFromVariant(variant.default ?? variant)).newContext();
const print = vm.newFunction("print", (text) => console.log(vm.dump(text)));
vm.setProp(vm.global, "print", print);
const result = vm.evalCode(readFileSync(process.argv[2], "utf8"), process.argv[2]);
if (result.error) {
  const { message, stack } = vm.dump(result.error);
  console.error(`${message}\n${stack}`);
  process.exitCode = 1;
}
