/** The kind of control that is a choice: one of a few words, all in sight. */

import { el, icon } from "../dom.js";
import { addTexts, label, say } from "../i18n.js";

/**
 * @param {object} spec
 * @param {string} spec.name       field of POST /v1/fusions
 * @param {string} spec.group      group of list.js in which it stands
 * @param {string[]} spec.values   each has a text "value.<value>"
 * @param {string} spec.initial    the API's default
 * @param {string} [spec.unsent]   the value that leaves the choice to the API
 * @param {{en: object, zh: object}} spec.texts  label, values and, where it helps, hint in each language
 * @returns control: {name, group, initial, unsent, build(onChange) -> {node, get, set}}
 */
export function choice({ name, group, values, initial, unsent, texts }) {
  addTexts(`control.${name}`, texts);

  function build(onChange) {
    const reset = el("button", { class: "button button--icon", type: "button" }, icon("reset"));
    label(reset, "options.reset", { name: { key: `control.${name}.label` } });
    const inputs = values.map((value) =>
      el("input", { class: "choice__input", type: "radio", name: `control-${name}`, value }),
    );
    const get = () => inputs.find(({ checked }) => checked).value;
    const set = (wanted) => {
      for (const input of inputs) input.checked = input.value === wanted;
      reset.classList.toggle("is-idle", wanted === initial);
      reset.disabled = wanted === initial;
    };
    for (const input of inputs) {
      input.addEventListener("change", () => {
        set(input.value);
        onChange();
      });
    }
    reset.addEventListener("click", () => {
      set(initial);
      inputs[values.indexOf(initial)].focus();
      onChange();
    });
    set(initial);

    const items = inputs.map((input) =>
      el(
        "label",
        { class: "choice__item" },
        input,
        say(el("span", { class: "choice__word" }), `control.${name}.value.${input.value}`),
      ),
    );
    const node = el(
      "fieldset",
      {
        class: "control control--choice",
        "data-control": name,
        "aria-describedby": texts.en.hint ? `hint-${name}` : null,
      },
      say(el("legend", { class: "control__label" }), `control.${name}.label`),
      reset,
      el("div", { class: "choice" }, ...items),
      texts.en.hint
        ? say(el("p", { class: "control__hint", id: `hint-${name}` }), `control.${name}.hint`)
        : null,
    );
    return { node, get, set };
  }
  return { name, group, initial, unsent, build };
}
