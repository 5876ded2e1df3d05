import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compileEngine, loadModel } from "../../src/index.ts";
import { wasmBytes } from "../../src/wasm.ts";
import { smallModel } from "./build.ts";

const answers: Record<string, [status: number, type: string, body: Uint8Array | string]> = {
  "/model.nbl": [200, "application/octet-stream", smallModel()],
  "/model-as-text": [200, "text/html", smallModel()],
  "/engine-as-text": [200, "text/plain", wasmBytes.simd],
  "/page": [200, "text/html; charset=utf-8", "<!doctype html><p>app"],
  "/page-without-type": [200, "", "\n <html>"],
  "/damaged.wasm": [200, "application/wasm", Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 99)],
};

let server: Server;
let url: string;
beforeAll(async () => {
  server = createServer((request, response) => {
    const [status, type, body] = answers[request.url!] ?? [404, "text/html", "<!doctype html>"];
    response.writeHead(status, type ? { "content-type": type } : {}).end(body);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

test("a model comes under any content type", async () => {
  for (const path of ["/model.nbl", "/model-as-text"])
    expect((await loadModel(new URL(url + path))).outputs).toHaveLength(1);
});

test("an engine comes under any content type, and runs", async () => {
  const wasm = await compileEngine(`${url}/engine-as-text`);
  expect((await loadModel(`${url}/model.nbl`, { wasm })).tier).toBe("simd");
});

test.each([
  ["/missing.nbl", /\/missing\.nbl: the server answered 404 Not Found; put a packed model \(\.nbl\) there/],
  [
    "/page",
    /\/page: expected a packed model \(\.nbl\), found an HTML page \(text\/html; charset=utf-8\);.*address/,
  ],
  ["/page-without-type", /found an HTML page \(no content type\)/],
])("loadModel of %s says what came instead of a model", async (path, message) => {
  await expect(loadModel(url + path)).rejects.toMatchObject({
    name: "NibbleError",
    code: "io",
    message: expect.stringMatching(message),
  });
});

test("a name of one's own does not hide the address", async () => {
  await expect(loadModel(`${url}/page`, { name: "spotter" })).rejects.toThrow(
    `spotter (${url}/page): expected a packed model`,
  );
});

test("a server that is down is named, with what to do", async () => {
  await expect(loadModel("http://127.0.0.1:1/keyword.nbl")).rejects.toMatchObject({
    code: "io",
    message: expect.stringMatching(
      /^http:\/\/127\.0\.0\.1:1\/keyword\.nbl: fetching it failed \(.+\); check that its server is up.*hand in the bytes$/,
    ),
    cause: expect.any(Error),
  });
});

test("compileEngine says what came instead of an engine, or why it does not compile", async () => {
  const refusal = (path: string) => compileEngine(url + path);
  await expect(refusal("/missing.wasm")).rejects.toThrow(
    /answered 404.*put an engine module \(\.wasm\) there/,
  );
  await expect(refusal("/page")).rejects.toMatchObject({
    code: "io",
    message: expect.stringMatching(/expected an engine module \(\.wasm\), found an HTML page/),
  });
  await expect(refusal("/damaged.wasm")).rejects.toMatchObject({
    code: "unsupported-engine",
    message: expect.stringMatching(/damaged\.wasm: compiling it is refused \(.+\); take a build/),
  });
});
