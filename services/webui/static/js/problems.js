/** What can go wrong between the page and the service, as types. explain.js puts it into words. */

/** The service, or the gateway before it, answered with a problem document (RFC 9457). */
export class ApiProblem extends Error {
  /**
   * @param {number} status
   * @param {Record<string, unknown>} body  the problem document
   * @param {{requestId?: string|null, retryAfterS?: number|null}} headers
   */
  constructor(status, body, { requestId = null, retryAfterS = null } = {}) {
    super(typeof body.detail === "string" ? body.detail : String(body.title ?? status));
    this.status = status;
    this.code = String(body.code);
    this.extra = body;
    this.requestId = requestId ?? (typeof body.request_id === "string" ? body.request_id : null);
    this.retryAfterS = retryAfterS;
  }
}

/** Something answered, but not in the API's format: a wrong address, most of the time. */
export class NotTheApi extends Error {
  constructor(status) {
    super(`status ${status} without a problem document`);
    this.status = status;
  }
}

/** No answer that the page may read. `reason` is "offline", "mixed", "csp", "cors" or "network". */
export class Unreachable extends Error {
  /** @param {boolean|null} answered  whether a request without CORS got through; null: not tried */
  constructor(reason, answered = null) {
    super(reason);
    this.reason = reason;
    this.answered = answered;
  }
}

/** config.json is "MISSING" or "BROKEN". */
export class ConfigProblem extends Error {
  constructor(kind, url, status = 0) {
    super(kind);
    this.kind = kind;
    this.url = url;
    this.status = status;
  }
}

/** What was dropped or pasted holds no file. */
export class NoImageGiven extends Error {}

export function wasAborted(error) {
  return error instanceof DOMException && error.name === "AbortError";
}
