/** One system in a page: start(SYSTEM) makes globalThis.subject (see processes.mjs). */
import { host } from "./page-host.mjs";
import { makeSubject } from "./systems.mjs";

globalThis.start = async (name) => {
  globalThis.subject = await makeSubject(name, host, () => performance.now());
};
