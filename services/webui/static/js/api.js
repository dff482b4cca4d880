/** Everything that goes over the network. No other module calls fetch. */

import { apiBaseFrom } from "./config.js";
import { ApiProblem, ConfigProblem, NotTheApi, Unreachable, wasAborted } from "./problems.js";

/** Reads the API's address; never from a cache, so that an operator's change is seen at once. */
export async function readApiBase() {
  const url = new URL("config.json", document.baseURI).href;
  let response;
  try {
    response = await fetch(url, { cache: "no-store" });
  } catch {
    throw new ConfigProblem("MISSING", url);
  }
  if (!response.ok) throw new ConfigProblem("MISSING", url, response.status);
  return apiBaseFrom(await response.text(), url, document.baseURI);
}

export class Api {
  #blockedByPolicy = false;

  /** @param {string} base  absolute, without a trailing slash */
  constructor(base) {
    this.base = base;
    document.addEventListener("securitypolicyviolation", (event) => {
      if (event.effectiveDirective === "connect-src") this.#blockedByPolicy = true;
    });
  }

  get docsUrl() {
    return `${this.base}/docs`;
  }

  /** Resolves when the service says that it can work. */
  async checkReady(signal) {
    await this.#send("/health/ready", { signal });
  }

  /** @returns {Promise<{id: string, width: number, height: number}>} */
  async uploadImage(file, signal) {
    const body = form({ image: file });
    return (await this.#send("/v1/images", { method: "POST", body, signal })).json();
  }

  /** Asks the service to forget an image. It would in a few minutes anyway, so failures are mute. */
  forgetImage(id) {
    fetch(`${this.base}/v1/images/${encodeURIComponent(id)}`, {
      method: "DELETE",
      keepalive: true, // must survive the page that is being closed
    }).catch(() => {});
  }

  /**
   * @param {string|File} image  an uploaded image's id, or the file itself
   * @returns {Promise<{width: number, height: number, faces: object[]}>}
   */
  async findFaces(image, threshold, signal) {
    const body = form({ image, face_threshold: threshold });
    return (await this.#send("/v1/faces", { method: "POST", body, signal })).json();
  }

  /**
   * @param {Record<string, string|number|File>} fields  target, source (ids or files) and options
   * @returns {Promise<{blob: Blob, warnings: string[], serviceMs: number|null}>}
   */
  async fuse(fields, signal) {
    const body = form(fields);
    const headers = { Accept: "image/*, application/problem+json" };
    const response = await this.#send("/v1/fusions", { method: "POST", body, headers, signal });
    const blob = await response.blob();
    if (!blob.type.startsWith("image/")) throw new NotTheApi(response.status);
    const warnings = response.headers.get("X-Fusion-Warnings") ?? "";
    return {
      blob,
      warnings: [...new Set(warnings.split(",").map((code) => code.trim()))].filter(Boolean),
      serviceMs: totalOf(response.headers.get("Server-Timing")),
    };
  }

  async #send(path, { signal, ...request }) {
    let response;
    try {
      response = await fetch(this.base + path, { signal, ...request });
    } catch (error) {
      if (wasAborted(error)) throw error;
      throw await this.#diagnose();
    }
    if (response.ok) return response;
    throw await problemOf(response);
  }

  /** Why there was no readable answer, as far as a page can find out. */
  async #diagnose() {
    // The browser reports a violation in a task of its own, after the request has failed.
    await new Promise((resolve) => setTimeout(resolve));
    if (this.#blockedByPolicy) return new Unreachable("csp");
    if (!navigator.onLine) return new Unreachable("offline");
    const { protocol, origin, hostname } = new URL(this.base);
    const local = /^(localhost|127\.|\[::1\])/.test(hostname);
    if (location.protocol === "https:" && protocol === "http:" && !local) {
      return new Unreachable("mixed");
    }
    if (origin === location.origin) return new Unreachable("network");
    try {
      // Without CORS the answer cannot be read, but that there is one tells down from refused.
      await fetch(`${this.base}/health/live`, { mode: "no-cors", cache: "no-store" });
      return new Unreachable("cors", true);
    } catch {
      return new Unreachable("cors", false);
    }
  }
}

function form(fields) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  return data;
}

async function problemOf(response) {
  let body = null;
  try {
    body = await response.json();
  } catch {
    return new NotTheApi(response.status);
  }
  if (typeof body?.code !== "string") return new NotTheApi(response.status);
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  return new ApiProblem(response.status, body, {
    requestId: response.headers.get("X-Request-ID"),
    retryAfterS: Number.isNaN(seconds) ? null : seconds,
  });
}

/** The service's own time from `total;dur=12.3`, or the sum of all stages where none is "total". */
function totalOf(serverTiming) {
  if (!serverTiming) return null;
  const stages = [...serverTiming.matchAll(/([\w-]+)\s*;[^,]*?dur=([\d.]+)/g)];
  const total = stages.find(([, name]) => name === "total");
  if (total) return Number(total[2]);
  return stages.length ? stages.reduce((sum, [, , ms]) => sum + Number(ms), 0) : null;
}
