/** Builds elements. Text goes in as text only: nothing here, or anywhere, parses HTML. */

/**
 * @param {string} tag
 * @param {Record<string, string|boolean|null|undefined>} attributes  true sets an empty attribute;
 *     null, undefined and false leave it out
 * @param {...(Node|string|null)} children
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false)
      node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

export function icon(name) {
  return el("span", { class: `icon icon--${name}`, "aria-hidden": "true" });
}

/** The element with data-part="name" inside root; a missing one is a fault of the template. */
export function part(root, name) {
  const node = root.querySelector(`[data-part="${name}"]`);
  if (!node) throw new Error(`the page has no part "${name}"`);
  return node;
}
