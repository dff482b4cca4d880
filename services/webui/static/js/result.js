/** The result: what it waits for, that it is busy, the picture, its warnings, where it can go. */

import { Compare } from "./compare.js";
import { part } from "./dom.js";
import { explain } from "./explain.js";
import { hush, say } from "./i18n.js";
import { clear, showError, showWarnings } from "./notice.js";

const ENDINGS = { "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp" };

/** A name that says what the picture is: holiday-fused-with-anna-50.jpg */
export function downloadName(targetName, sourceName, ratio, mediaType) {
  const stem = (name) =>
    name
      .replace(/\.[^.]*$/, "")
      .replace(/[^\p{Letter}\p{Number}]+/gu, "-")
      .replace(/^-+|-+$/g, "")
      .slice(0, 40) || "photo";
  const percent = Math.round(ratio * 100);
  return `${stem(targetName)}-fused-with-${stem(sourceName)}-${percent}.${ENDINGS[mediaType] ?? "jpg"}`;
}

export class ResultPanel {
  #url = null;

  constructor(root) {
    this.root = root;
    this.parts = Object.fromEntries(
      ["status", "full", "download", "notices", "busy", "empty", "compare"].map((name) => [
        name,
        part(root, name),
      ]),
    );
    this.hint = this.parts.empty.querySelector("[data-text]");
    this.compare = new Compare(this.parts.compare);
  }

  /** Nothing to show yet. @param {string} key  text that says what is missing */
  showEmpty(key) {
    this.#release();
    this.compare.hide();
    this.#setBusy(false);
    clear(this.parts.notices);
    hush(this.parts.status);
    say(this.hint, key);
    this.parts.empty.hidden = false;
    this.#setTools(false);
  }

  showBusy() {
    this.#setBusy(true);
    say(this.parts.status, "result.busy");
  }

  showWaiting(waiting) {
    say(this.parts.status, "result.retrying", waiting);
  }

  async showResult({ blob, warnings, serviceMs, seconds, wish }) {
    this.#release();
    const url = URL.createObjectURL(blob);
    this.#url = url;
    const { target, source, fields } = wish;
    const isShown = await this.compare.show(target.previewUrl, url, fields.ratio);
    if (!isShown || url !== this.#url) return; // something newer came while this was decoded
    this.parts.empty.hidden = true;
    this.#setBusy(false);
    showWarnings(this.parts.notices, warnings);
    const words = serviceMs === null ? "result.done" : "result.done.detail";
    const round = (value) => Math.round(value * 100) / 100;
    say(this.parts.status, words, {
      seconds: round(seconds),
      service: round((serviceMs ?? 0) / 1000),
    });
    this.parts.full.href = this.#url;
    this.parts.download.href = this.#url;
    this.parts.download.download = downloadName(
      target.file.name,
      source.file.name,
      fields.ratio,
      blob.type,
    );
    this.#setTools(true);
  }

  /** Keeps an older result in sight, but faded: it is not what was asked for. */
  showFailure(error, api, onRetry) {
    this.#setBusy(false);
    hush(this.parts.status);
    this.root.classList.add("is-stale");
    say(this.hint, "result.empty.failed");
    showError(this.parts.notices, explain(error, { api: api.base }), onRetry);
  }

  #setBusy(busy) {
    this.parts.busy.hidden = !busy;
    this.root.setAttribute("aria-busy", String(busy));
    this.root.classList.remove("is-stale");
  }

  #setTools(shown) {
    this.parts.full.hidden = !shown;
    this.parts.download.hidden = !shown;
  }

  #release() {
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = null;
  }
}
