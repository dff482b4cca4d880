/** Boxes that tell of an error or of something worth knowing. */

import { el, icon } from "./dom.js";
import { hasText, label, say } from "./i18n.js";

function details({ code, detail, request }) {
  const list = el("ul", { class: "notice__facts" });
  if (detail) list.append(say(el("li"), "notice.detail", { detail }));
  list.append(say(el("li"), "notice.code", { code }));
  if (request) list.append(say(el("li"), "notice.request", { request }));
  return el(
    "details",
    { class: "notice__details" },
    say(el("summary", { class: "notice__summary" }), "notice.details"),
    list,
  );
}

/**
 * Shows an explanation of explain.js in place of what the holder showed before.
 * @param {Element} holder
 * @param {import("./explain.js").Explanation} explanation
 * @param {(() => void)|null} onRetry  where it may help, the box offers to try again
 */
export function showError(holder, explanation, onRetry = null) {
  const { title, help, hint, line, parameters } = explanation;
  const close = label(el("button", { class: "notice__close", type: "button" }), "notice.dismiss");
  close.append(icon("remove"));
  close.addEventListener("click", () => clear(holder));
  const box = el(
    "div",
    { class: "notice notice--error", role: "alert", "data-code": explanation.code },
    say(el("p", { class: "notice__title" }), title, parameters),
    say(el("p", { class: "notice__text" }), help, parameters),
    line ? el("code", { class: "notice__line" }, line) : null,
    hint ? say(el("p", { class: "notice__text" }), hint, parameters) : null,
    details(explanation),
    close,
  );
  if (onRetry && explanation.again) {
    const retry = say(
      el("button", { class: "button button--plain", type: "button" }),
      "notice.retry",
    );
    retry.addEventListener("click", onRetry);
    box.append(retry);
  }
  holder.replaceChildren(box);
}

/** @param {string[]} codes  codes of X-Fusion-Warnings */
export function showWarnings(holder, codes) {
  if (codes.length === 0) return clear(holder);
  const list = el("ul", { class: "notice__facts" });
  for (const code of codes) {
    const key = hasText(`warning.${code}`) ? `warning.${code}` : "warning.unknown";
    list.append(say(el("li", { "data-code": code }), key, { code }));
  }
  const title = say(el("p", { class: "notice__title" }), "warning.title");
  holder.replaceChildren(
    el("div", { class: "notice notice--warning", role: "status" }, title, list),
  );
}

export function clear(holder) {
  holder.replaceChildren();
}
