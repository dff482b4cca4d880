/** One chosen photo: its file, its preview, its place in the service's memory, its faces. */

import { ApiProblem, wasAborted } from "./problems.js";
import { withPatience } from "./patience.js";

/** How a request names a photo; each next way is tried when the one before is not found. */
const REFERENCES = ["stored", "stored again", "file"];

/** Fires "change" whenever something below has changed. */
export class Photo extends EventTarget {
  /** "reading", "ready" (faces are known, maybe none) or "failed" (error says why) */
  state = "reading";
  error = null;
  waiting = null; // what the busy service made us wait for, see patience.js
  size = null; // {width, height} of the upright picture, in pixels
  faces = [];
  #id = null;
  #hasNoRoom = false; // the service keeps no more photos: this one goes along with each request
  #search = null;
  #searched = null;

  constructor(api, file) {
    super();
    this.api = api;
    this.file = file;
    this.previewUrl = URL.createObjectURL(file);
  }

  /** "largest" means the same face as in the service: the one with the largest box. */
  get largest() {
    const area = ({ box: [x0, y0, x1, y1] }) => (x1 - x0) * (y1 - y0);
    return this.faces.reduce(
      (best, face) => (best && area(best) >= area(face) ? best : face),
      null,
    );
  }

  get isReady() {
    return this.state === "ready" && this.faces.length > 0;
  }

  /** Sends the photo once and finds its faces; a newer call takes the place of an older one. */
  async findFaces(threshold) {
    if (this.#searched === threshold && this.state === "ready") return;
    this.#search?.abort();
    const search = new AbortController();
    this.#search = search;
    this.#become({ state: "reading", error: null });
    try {
      const answer = await this.#withReference((image) =>
        withPatience(
          () => this.api.findFaces(image, threshold, search.signal),
          search.signal,
          (waiting) => this.#become({ waiting }),
        ),
      );
      this.#searched = threshold;
      const size = { width: answer.width, height: answer.height };
      this.#become({ state: "ready", faces: answer.faces, size });
    } catch (error) {
      if (wasAborted(error)) return;
      const noFace = error instanceof ApiProblem && error.code === "NO_FACE";
      this.#become(noFace ? { state: "ready", faces: [] } : { state: "failed", error });
    }
  }

  /** What to send in this photo's place: its id, its id after sending it again, or its file. */
  async reference(how, signal) {
    if (how === "file") return this.file;
    if (how === "stored again") this.#id = null;
    if (this.#hasNoRoom) return this.file;
    if (this.#id === null) {
      try {
        const wait = (waiting) => this.#become({ waiting });
        const upload = () => this.api.uploadImage(this.file, signal);
        this.#id = (await withPatience(upload, signal, wait)).id;
      } catch (error) {
        if (!(error instanceof ApiProblem) || error.code !== "OVERLOADED") throw error;
        this.#hasNoRoom = true;
        return this.file;
      }
    }
    return this.#id;
  }

  /** Lets go of everything; the photo cannot be used afterwards. */
  discard() {
    this.#search?.abort();
    URL.revokeObjectURL(this.previewUrl);
    this.forget();
  }

  /** Asks the service to forget its copy. */
  forget() {
    if (this.#id !== null) this.api.forgetImage(this.#id);
    this.#id = null;
  }

  async #withReference(request) {
    const { signal } = this.#search;
    return firstFound((how) => this.reference(how, signal).then(request));
  }

  #become(change) {
    Object.assign(this, { waiting: null }, change);
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * Tries the ways to name a photo until the service finds it: it keeps photos for minutes only, and
 * where several services share the work, the next request may meet one that never saw it.
 *
 * @template T
 * @param {(how: string) => Promise<T>} request
 * @returns {Promise<T>}
 */
export async function firstFound(request) {
  for (const how of REFERENCES) {
    try {
      return await request(how);
    } catch (error) {
      const missing = error instanceof ApiProblem && error.code === "IMAGE_NOT_FOUND";
      if (!missing || how === REFERENCES.at(-1)) throw error;
    }
  }
  throw new Error("unreachable: the last way throws");
}
