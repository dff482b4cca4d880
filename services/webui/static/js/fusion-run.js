/** Runs fusions one at a time: a newer wish aborts the older one, and the last answer wins. */

import { withPatience } from "./patience.js";
import { firstFound } from "./photo.js";
import { wasAborted } from "./problems.js";

const QUIET_MS = 180; // a slider on its way sends nothing until it rests this long

/** Fires "busy", "waiting" (detail: see patience.js), "done" (detail: result), "failed" (error). */
export class FusionRun extends EventTarget {
  #timer = null;
  #current = null;

  constructor(api) {
    super();
    this.api = api;
  }

  /**
   * @typedef {import("./photo.js").Photo} Photo
   * @param {{target: Photo, source: Photo, fields: Record<string, string|number>}} wish
   *     fields are those of POST /v1/fusions without the two photos
   */
  start(wish) {
    this.stop();
    const current = new AbortController();
    this.#current = current;
    this.#timer = setTimeout(() => this.#fuse(wish, current), QUIET_MS);
    this.#tell("busy");
  }

  stop() {
    clearTimeout(this.#timer);
    this.#current?.abort();
    this.#current = null;
  }

  async #fuse(wish, current) {
    const began = performance.now();
    try {
      const answer = await this.#ask(wish, current.signal);
      if (current !== this.#current) return;
      this.#tell("done", { ...answer, wish, seconds: (performance.now() - began) / 1000 });
    } catch (error) {
      if (!wasAborted(error) && current === this.#current) this.#tell("failed", error);
    }
  }

  #ask({ target, source, fields }, signal) {
    return firstFound(async (how) => {
      const photos = {
        target: await target.reference(how, signal),
        source: await source.reference(how, signal),
      };
      return withPatience(
        () => this.api.fuse({ ...photos, ...fields }, signal),
        signal,
        (wait) => this.#tell("waiting", wait),
      );
    });
  }

  #tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}
