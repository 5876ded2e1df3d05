/** The same Worker without a model. */
export default {
  fetch: (): Response => new Response("none"),
};
