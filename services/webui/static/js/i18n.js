/**
 * The page's languages. An element keeps the keys of its texts in data-text, data-text-label,
 * data-text-title and data-text-alt, so that switching the language is one pass over the document.
 */

import en from "./texts/en.js";
import zh from "./texts/zh.js";

const TABLES = { en, zh };
const HTML_LANG = { en: "en", zh: "zh-Hans" };
const MEMORY = "fusion.language";
/** Where the text goes whose key is in the dataset; null is the element's content. */
const PLACES = { text: null, textLabel: "aria-label", textTitle: "title", textAlt: "alt" };
const KEYED = "[data-text], [data-text-label], [data-text-title], [data-text-alt]";

/** Elements' parameters, one set for all texts of an element. */
const parametersOf = new WeakMap();
let current = "en";

export const languages = Object.keys(TABLES);

/** Adds texts that a module brings along: {en: {key: text}, zh: {key: text}}. */
export function addTexts(prefix, texts) {
  for (const language of languages) {
    for (const [key, text] of Object.entries(texts[language])) {
      TABLES[language][`${prefix}.${key}`] = text;
    }
  }
}

export function hasText(key) {
  return key in TABLES[current];
}

/** A text with its {names} filled in; a parameter may itself be a text: {key: "photo.any.name"}. */
export function translate(key, parameters = {}) {
  const text = TABLES[current][key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = parameters[name];
    if (value === undefined || value === null) return whole;
    if (typeof value === "object") return translate(value.key);
    return typeof value === "number" ? formatNumber(value) : value;
  });
}

export function formatNumber(value) {
  return new Intl.NumberFormat(HTML_LANG[current], { maximumFractionDigits: 2 }).format(value);
}

/** Shows a text in an element and keeps it in the page's language from then on. */
export function say(node, key, parameters = {}) {
  node.dataset.text = key;
  return show(node, parameters);
}

/** The same for the name that screen readers speak, which is also the tooltip. */
export function label(node, key, parameters = {}) {
  node.dataset.textLabel = key;
  node.dataset.textTitle = key;
  return show(node, parameters);
}

/** The same for the words that stand for a picture. */
export function describe(image, key, parameters = {}) {
  image.dataset.textAlt = key;
  return show(image, parameters);
}

function show(node, parameters = {}) {
  parametersOf.set(node, parameters);
  for (const [place, attribute] of Object.entries(PLACES)) {
    const key = node.dataset[place];
    if (key === undefined) continue;
    const text = translate(key, parameters);
    if (attribute) node.setAttribute(attribute, text);
    else node.textContent = text;
  }
  return node;
}

export function hush(node) {
  delete node.dataset.text;
  node.textContent = "";
}

function showAll() {
  document.documentElement.lang = HTML_LANG[current];
  for (const node of document.querySelectorAll(KEYED)) show(node, parametersOf.get(node));
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === current));
  }
}

function remembered() {
  try {
    return localStorage.getItem(MEMORY);
  } catch {
    return null; // storage may be forbidden: the choice then lasts as long as the page
  }
}

function remember(language) {
  try {
    localStorage.setItem(MEMORY, language);
  } catch {
    // see remembered()
  }
}

/** What was chosen last time, else the first of the browser's languages that the page has. */
function preferred() {
  const wanted = [remembered(), ...(navigator.languages ?? [navigator.language])];
  for (const tag of wanted) {
    const language = String(tag).toLowerCase().split("-")[0];
    if (languages.includes(language)) return language;
  }
  return "en";
}

export function startLanguage() {
  current = preferred();
  showAll();
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      current = button.dataset.language;
      remember(current);
      showAll();
      document.dispatchEvent(new Event("languagechange"));
    });
  }
}
