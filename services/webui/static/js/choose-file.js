/** The ways a picture gets into a card: chosen, dragged or pasted. */

/** The picture files among what was dropped or pasted; a file of unknown type is let through. */
function imagesIn(transfer) {
  return [...(transfer?.files ?? [])].filter(
    ({ type }) => type === "" || type.startsWith("image/"),
  );
}

/**
 * @param {{root: Element, input: HTMLInputElement, buttons: Element[]}} parts
 * @param {(files: File[]) => void} onFiles  called with an empty list when no picture was given
 */
export function acceptFiles({ root, input, buttons }, onFiles) {
  for (const button of buttons) button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // the same file again must be a change too
    if (files.length) onFiles(files);
  });

  let depth = 0; // dragenter and dragleave also come for every child
  const mark = (change) => {
    depth = Math.max(0, depth + change);
    root.classList.toggle("is-over", depth > 0);
  };
  root.addEventListener("dragenter", () => mark(1));
  root.addEventListener("dragleave", () => mark(-1));
  root.addEventListener("drop", (event) => {
    mark(-depth);
    onFiles(imagesIn(event.dataTransfer));
  });
}

/** Keeps a photo that misses the cards from replacing the page. */
export function guardPageFromDrops() {
  for (const kind of ["dragover", "drop"]) {
    document.addEventListener(kind, (event) => event.preventDefault());
  }
}

/** @param {(files: File[]) => void} onFiles  not called for pasted text */
export function acceptPaste(onFiles) {
  document.addEventListener("paste", (event) => {
    if (!event.clipboardData?.files.length) return;
    event.preventDefault();
    onFiles(imagesIn(event.clipboardData));
  });
}
