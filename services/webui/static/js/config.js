/** Turns the content of config.json into the API's address. */

import { ConfigProblem } from "./problems.js";

/**
 * @param {string} body      text of config.json
 * @param {string} url       where it was read, for the message
 * @param {string} pageUrl   the page's own address
 * @returns {string} absolute address without a trailing slash, for example https://host/api
 * @throws {ConfigProblem} when it is not JSON or has no usable apiBase
 */
export function apiBaseFrom(body, url, pageUrl) {
  try {
    const { apiBase } = JSON.parse(body);
    const address = new URL(apiBase, pageUrl);
    const usable =
      typeof apiBase === "string" &&
      /^(https?:\/\/|\/|$)/i.test(apiBase) &&
      /^https?:$/.test(address.protocol) &&
      !address.search &&
      !address.hash &&
      !address.username;
    if (!usable) throw new ConfigProblem("BROKEN", url);
    // An empty apiBase means the root of the page's origin, never the page's own folder.
    const path = apiBase === "" ? "" : address.pathname.replace(/\/+$/, "");
    return address.origin + path;
  } catch {
    throw new ConfigProblem("BROKEN", url);
  }
}
