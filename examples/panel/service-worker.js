// In front of this, the server writes `version` and `files`. Everything is kept at the first visit and served from there;
// a new version takes over when no page of the old one is open.
addEventListener("install", (event) => {
  const keep = async () =>
    (await caches.open(version)).addAll(files.map((file) => new Request(file, { cache: "no-cache" })));
  event.waitUntil(keep());
});

addEventListener("activate", (event) => {
  const clean = async () => {
    for (const name of await caches.keys()) if (name !== version) await caches.delete(name);
    await clients.claim();
  };
  event.waitUntil(clean());
});

addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  event.respondWith(
    caches.match(event.request, { ignoreSearch: true }).then((kept) => kept ?? fetch(event.request)),
  );
});
