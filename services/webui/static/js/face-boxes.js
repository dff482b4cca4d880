/** The found faces as boxes over a preview; each is a button that chooses its face. */

import { el } from "./dom.js";
import { label } from "./i18n.js";

// Share of the picture's height that a number above the box takes at most.
const EDGE = 0.1;

const percent = (value, whole) => `${(100 * value) / whole}%`;

/**
 * @param {Element} holder  lies exactly over the picture
 * @param {import("./photo.js").Photo} photo
 * @param {number|"largest"|"all"} choice
 * @param {(index: number) => void} onChoose
 */
export function showFaces(holder, photo, choice, onChoose) {
  const focused = holder.contains(document.activeElement)
    ? document.activeElement.dataset.face
    : null;
  holder.replaceChildren(...(photo.size ? photo.faces.map((face) => box(face)) : []));
  // The boxes are new after every choice; a person with a keyboard stays where they were.
  holder.querySelector(`[data-face="${focused}"]`)?.focus();

  function box(face) {
    const chosen =
      choice === "all" || face.index === (choice === "largest" ? photo.largest.index : choice);
    const number = face.index + 1;
    const button = el(
      "button",
      {
        class: "face",
        type: "button",
        "data-face": String(face.index),
        "aria-pressed": String(chosen),
      },
      photo.faces.length > 1 ? el("span", { class: "face__number" }, String(number)) : null,
    );
    label(button, "photo.face", { number });
    const { width, height } = photo.size;
    const [x0, y0, x1, y1] = face.box;
    // A box may reach outside of the picture.
    const left = Math.max(0, x0);
    const top = Math.max(0, y0);
    button.classList.toggle("face--high", top < EDGE * height);
    button.style.setProperty("left", percent(left, width));
    button.style.setProperty("top", percent(top, height));
    button.style.setProperty("width", percent(Math.min(width, x1) - left, width));
    button.style.setProperty("height", percent(Math.min(height, y1) - top, height));
    button.addEventListener("click", () => onChoose(face.index));
    return button;
  }
}
