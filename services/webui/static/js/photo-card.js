/** A card that takes a photo, shows it with its faces, and lets one choose among them. */

import { acceptFiles } from "./choose-file.js";
import { part } from "./dom.js";
import { explain } from "./explain.js";
import { showFaces } from "./face-boxes.js";
import { describe, hush, say } from "./i18n.js";
import { clear, showError } from "./notice.js";
import { NoImageGiven, NotTheApi, Unreachable } from "./problems.js";

/**
 * Fires "files" (detail: File[]) when photos were given, "change" when photo or choice changed,
 * "retry", and "unreachable" (detail: error) when the service as a whole is the trouble.
 */
export class PhotoCard extends EventTarget {
  photo = null;
  /** @type {number|"largest"|"all"} what goes out as source_face or target_face */
  choice = "largest";
  #chosenAmong = null;
  #onPhotoChange = () => this.#show();

  constructor(root, api) {
    super();
    this.root = root;
    this.api = api;
    this.role = root.dataset.photo;
    this.parts = Object.fromEntries(
      ["choose", "replace", "remove", "tools", "view", "canvas", "image", "note", "name", "faces"]
        .concat(["status", "all", "notices", "file"])
        .map((name) => [name, part(root, name)]),
    );
    const { choose, replace, remove, image, all, file } = this.parts;
    acceptFiles({ root, input: file, buttons: [choose, replace] }, (files) => {
      if (files.length) this.dispatchEvent(new CustomEvent("files", { detail: files }));
      else this.#tell(new NoImageGiven());
    });
    choose.disabled = false; // from now on a click is not lost
    remove.addEventListener("click", () => {
      this.photo?.discard();
      this.take(null);
      choose.focus();
    });
    image.addEventListener("load", () => this.#showPicture(true));
    image.addEventListener("error", () => this.#showPicture(false));
    all.addEventListener("click", () => this.#choose(this.choice === "all" ? "largest" : "all"));
  }

  /** @returns {boolean} whether the pointer or the keyboard is at this card */
  get isPointedAt() {
    return this.root.matches(":hover, :focus-within");
  }

  /** Puts a photo (or none) into the card. The one before is not discarded: it may be swapped. */
  take(photo) {
    this.photo?.removeEventListener("change", this.#onPhotoChange);
    this.photo = photo;
    this.choice = "largest";
    photo?.addEventListener("change", this.#onPhotoChange);
    const { image, name } = this.parts;
    name.textContent = photo?.file.name ?? "";
    this.#showPicture(true); // until the browser says otherwise
    if (photo) image.src = photo.previewUrl;
    else image.removeAttribute("src");
    this.#show();
  }

  #choose(choice) {
    this.choice = choice;
    this.#chosenAmong = this.photo.faces;
    this.#show();
  }

  #show() {
    const { photo, parts } = this;
    this.root.classList.toggle("is-filled", photo !== null);
    this.root.classList.toggle("is-failed", photo?.state === "failed");
    this.root.classList.toggle("is-reading", photo?.state === "reading");
    parts.choose.hidden = photo !== null;
    parts.view.hidden = photo === null;
    parts.tools.hidden = photo === null;
    // Other faces than before (another threshold): the same index may now be somebody else.
    if (typeof this.choice === "number" && photo?.faces !== this.#chosenAmong)
      this.choice = "largest";
    parts.all.hidden = this.role !== "target" || !photo || photo.faces.length < 2;
    parts.all.setAttribute("aria-pressed", String(this.choice === "all"));
    if (photo) showFaces(parts.faces, photo, this.choice, (index) => this.#choose(index));
    else clear(parts.faces);
    if (photo?.size) this.#shape(photo.size.width, photo.size.height);
    if (photo?.state === "failed") this.#tell(photo.error);
    else clear(parts.notices);
    this.#describe();
    this.dispatchEvent(new Event("change"));
  }

  #showPicture(works) {
    const { image, note } = this.parts;
    image.hidden = !works;
    note.hidden = works;
    this.root.classList.toggle("is-unshown", !works);
    if (image.naturalWidth && !this.photo?.size)
      this.#shape(image.naturalWidth, image.naturalHeight);
  }

  #shape(width, height) {
    this.parts.canvas.style.setProperty("--photo-width", width);
    this.parts.canvas.style.setProperty("--photo-height", height);
  }

  #tell(error) {
    if (error instanceof Unreachable || error instanceof NotTheApi) {
      // Not this photo's trouble: the page tells it once, with room for it.
      this.dispatchEvent(new CustomEvent("unreachable", { detail: error }));
      return;
    }
    const retry =
      this.photo?.state === "failed" ? () => this.dispatchEvent(new Event("retry")) : null;
    showError(this.parts.notices, explain(error, { api: this.api.base, role: this.role }), retry);
  }

  #describe() {
    const { photo, parts } = this;
    if (!photo) return hush(parts.status);
    describe(parts.image, `photo.alt.${this.role}`, { name: photo.file.name });
    const count = photo.faces.length;
    const words = { 0: "none", 1: "one" }[count] ?? (this.choice === "all" ? "all" : "many");
    if (photo.waiting) say(parts.status, "result.retrying", photo.waiting);
    else if (photo.state === "reading") say(parts.status, "photo.reading");
    else if (photo.state === "failed") say(parts.status, "photo.failed");
    else say(parts.status, `photo.found.${words}`, { count });
  }
}
