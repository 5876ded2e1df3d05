import { readFileSync, readdirSync } from "node:fs";
import { it } from "vitest";
import { importOnnx } from "../src/import/onnx/index.ts";
import { optimize } from "../src/graph/passes/index.ts";
import { pack } from "../src/pack/pack.ts";
it("x", () => {
  const d="/work/shared/data/models/onnx/";
  for (const f of readdirSync(d).filter(f=>f.endsWith(".onnx"))) {
    const o:any = {file:f};
    if (/silero/.test(f)) { o.inputShapes={input:[1,512],state:[2,1,128]}; o.inputValues={sr:16000}; }
    if (/magika/.test(f)) o.inputShapes={bytes:[1,2048]};
    if (/melspec/.test(f)) o.inputShapes={input:[1,17280]};
    try { const g=optimize(importOnnx(readFileSync(d+f), o)); try { pack(g); console.log(f,"OK", g.nodes.length);} catch(e:any){console.log(f,"PACK",e.message.slice(0,300))} } catch(e:any) { console.log(f, e.message.slice(0,1500)); }
  }
});
