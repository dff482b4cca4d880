/** The kind of control that is a slider: a number within a range. */

import { el, icon } from "../dom.js";
import { addTexts, formatNumber, label, say } from "../i18n.js";

/**
 * @param {object} spec
 * @param {string} spec.name     field of POST /v1/fusions
 * @param {string} spec.group    group of list.js in which it stands
 * @param {number} spec.min
 * @param {number} spec.max
 * @param {number} spec.step
 * @param {number} spec.initial  the API's default
 * @param {(value: number) => string} [spec.format]
 * @param {{en: object, zh: object}} spec.texts  label and, where it helps, hint in each language
 * @returns control: {name, group, initial, build(onChange) -> {node, get, set}}
 */
export function slider({ name, group, min, max, step, initial, format, texts }) {
  addTexts(`control.${name}`, texts);
  const show = format ?? ((value) => (min < 0 && value > 0 ? "+" : "") + formatNumber(value));

  function build(onChange) {
    const input = el("input", {
      class: "slider__input",
      id: `control-${name}`,
      type: "range",
      min: String(min),
      max: String(max),
      step: String(step),
      "aria-describedby": texts.en.hint ? `hint-${name}` : null,
    });
    const output = el("output", { class: "control__value", for: input.id });
    const reset = el("button", { class: "button button--icon", type: "button" }, icon("reset"));
    label(reset, "options.reset", { name: { key: `control.${name}.label` } });

    const paint = () => {
      const value = Number(input.value);
      output.textContent = show(value);
      input.setAttribute("aria-valuetext", show(value));
      input.style.setProperty("--fill", (value - min) / (max - min));
      input.style.setProperty("--origin", (Math.max(min, 0) - min) / (max - min));
      reset.classList.toggle("is-idle", value === initial);
      reset.disabled = value === initial;
    };
    const set = (value) => {
      input.value = String(value);
      paint();
    };
    input.addEventListener("input", () => {
      paint();
      onChange();
    });
    reset.addEventListener("click", () => {
      set(initial);
      input.focus();
      onChange();
    });
    document.addEventListener("languagechange", paint);
    set(initial);

    const node = el(
      "div",
      { class: "control control--slider", "data-control": name },
      say(el("label", { class: "control__label", for: input.id }), `control.${name}.label`),
      reset,
      output,
      input,
      texts.en.hint
        ? say(el("p", { class: "control__hint", id: `hint-${name}` }), `control.${name}.hint`)
        : null,
    );
    return { node, get: () => Number(input.value), set };
  }
  return { name, group, initial, build };
}
