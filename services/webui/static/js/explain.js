/** Puts an error into words: what happened and what to do about it. */

import { hasText } from "./i18n.js";
import { ApiProblem, ConfigProblem, NoImageGiven, NotTheApi, Unreachable } from "./problems.js";

/**
 * @typedef {object} Explanation
 * @property {string} code        for the technical details
 * @property {string} title       key of a text
 * @property {string} help        key of a text
 * @property {object} parameters  for both
 * @property {boolean} again      whether the same once more may work
 * @property {string} [hint]      key of a further sentence
 * @property {string} [line]      a line to copy into a setting
 * @property {string} [detail]    the service's own sentence
 * @property {string} [request]   the request's number
 */

/** Which photo a problem document speaks of. */
function photoName(image) {
  const role = /^(target|source)/.exec(String(image ?? ""))?.[1] ?? "any";
  return { key: `photo.${role}.name` };
}

function page(code, parameters, more = {}) {
  const text = `error.${code}`;
  return { code, title: `${text}.title`, help: `${text}.help`, parameters, again: true, ...more };
}

function ofProblem(error, role, api) {
  const known = hasText(`error.${error.code}.title`) ? error.code : "unknown";
  return {
    ...page(known, {
      // Where one photo alone was sent, its card knows better than the service which one it was.
      photo: photoName(role ?? error.extra.image),
      detail: error.message,
      api,
    }),
    code: error.code,
    again: error.status >= 500 || [400, 408, 429].includes(error.status),
    detail: known === "unknown" ? undefined : error.message,
    request: error.requestId ?? undefined,
  };
}

function ofUnreachable(error, api) {
  const parameters = { api, origin: location.origin };
  if (error.reason !== "cors") return page(`PAGE_${error.reason.toUpperCase()}`, parameters);
  return page("PAGE_CORS", parameters, {
    hint: error.answered ? "error.PAGE_CORS.refused" : "error.PAGE_CORS.down",
    line: `CORS_ALLOWED_ORIGINS=${location.origin}`,
  });
}

/**
 * @param {unknown} error
 * @param {{api?: string, role?: string}} context  the API's address; the photo it is about
 * @returns {Explanation}
 */
export function explain(error, { api = "", role } = {}) {
  if (error instanceof ApiProblem) return ofProblem(error, role, api);
  if (error instanceof NotTheApi) return page("PAGE_NOT_API", { api, status: error.status });
  if (error instanceof Unreachable) return ofUnreachable(error, api);
  if (error instanceof NoImageGiven) return page("PAGE_NO_IMAGE", {}, { again: false });
  if (error instanceof ConfigProblem) {
    const { url, status } = error;
    return page(`PAGE_CONFIG_${error.kind}`, { url, status }, { line: '{"apiBase": "/api"}' });
  }
  throw error; // a fault of the page itself: it belongs into the console, not into words
}
