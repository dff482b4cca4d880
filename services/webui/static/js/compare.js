/**
 * Before and after with a divider. The divider is a range input as large as the picture, so that
 * mouse, finger and arrow keys all work without code of our own.
 */

import { part } from "./dom.js";
import { describe, translate } from "./i18n.js";

export class Compare {
  constructor(root) {
    this.root = root;
    this.before = part(root, "before");
    this.after = part(root, "after");
    this.divider = part(root, "divider");
    this.divider.addEventListener("input", () => this.#split());
    document.addEventListener("languagechange", () => this.#split());
    this.before.addEventListener("error", () => this.#setBefore(false));
    this.before.addEventListener("load", () => this.#setBefore(true));
  }

  /**
   * @param {string} beforeUrl  the target as chosen; where the browser cannot show it, the result
   *     stands alone
   * @param {string} afterUrl
   * @param {number} ratio      for those who cannot see the result
   * @returns {Promise<boolean>} whether it is shown: false when the address was given up meanwhile
   */
  async show(beforeUrl, afterUrl, ratio) {
    const next = new Image();
    next.src = afterUrl;
    try {
      await next.decode(); // no flash of nothing between two results
    } catch {
      return false;
    }
    this.after.src = afterUrl;
    describe(this.after, "result.alt", { ratio });
    if (this.before.src !== beforeUrl) this.before.src = beforeUrl;
    this.root.style.setProperty("--photo-width", next.naturalWidth);
    this.root.style.setProperty("--photo-height", next.naturalHeight);
    this.root.hidden = false;
    this.#split();
    return true;
  }

  hide() {
    this.root.hidden = true;
    this.before.removeAttribute("src");
    this.after.removeAttribute("src");
  }

  #setBefore(works) {
    this.root.classList.toggle("is-alone", !works);
  }

  #split() {
    const percent = Number(this.divider.value);
    this.root.style.setProperty("--split", `${percent}%`);
    this.divider.setAttribute("aria-valuetext", translate("result.divider.value", { percent }));
  }
}
