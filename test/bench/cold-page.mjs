/** One system in a page: globalThis.cold(name) answers its times (see cold.mjs). */
import { measure } from "./cold-systems.mjs";
import { host } from "./page-host.mjs";

globalThis.cold = (name) => measure(name, host);
