/** Puts the controls of controls/list.js on the page and reads their values. */

import { controls, groups } from "./controls/list.js";
import { el, icon, part } from "./dom.js";
import { say } from "./i18n.js";

const OPEN_AT_FIRST = ["blend", "look"];
const ROOM_FOR_OPEN_GROUPS = "(min-width: 64rem)";

/** Fires "change" (detail: name of the control, or null when all were reset). */
export class Options extends EventTarget {
  #built = new Map();

  constructor(page) {
    super();
    this.resetAll = part(page, "reset-all");
    const holders = new Map([["ratio", part(page, "ratio")]]);
    for (const name of groups) holders.set(name, this.#group(part(page, "options"), name));
    for (const control of controls) {
      const built = control.build(() => this.#changed(control.name));
      this.#built.set(control.name, { ...control, ...built });
      holders.get(control.group).append(built.node);
    }
    this.resetAll.addEventListener("click", () => {
      for (const { set, initial, group } of this.#built.values())
        if (group !== "ratio") set(initial);
      this.#changed(null);
    });
  }

  /** All values that are to be sent, named like the fields of POST /v1/fusions. */
  get values() {
    const sent = [...this.#built].filter(([, { get, unsent }]) => get() !== unsent);
    return Object.fromEntries(sent.map(([name, { get }]) => [name, get()]));
  }

  #changed(name) {
    const isTouched = ({ get, initial, group }) => group !== "ratio" && get() !== initial;
    this.resetAll.hidden = ![...this.#built.values()].some(isTouched);
    this.dispatchEvent(new CustomEvent("change", { detail: name }));
  }

  #group(holder, name) {
    const body = el("div", { class: "group__body" });
    const open = OPEN_AT_FIRST.includes(name) && matchMedia(ROOM_FOR_OPEN_GROUPS).matches;
    const title = say(el("span"), `options.group.${name}`);
    const summary = el("summary", { class: "group__title" }, title, icon("chevron"));
    holder.append(el("details", { class: "group", "data-group": name, open }, summary, body));
    return body;
  }
}
