/** Starts the page and ties its parts together: photos and options go in, a result comes out. */

import { Api, readApiBase } from "./api.js";
import { acceptPaste, guardPageFromDrops } from "./choose-file.js";
import { part } from "./dom.js";
import { explain } from "./explain.js";
import { FusionRun } from "./fusion-run.js";
import { startLanguage } from "./i18n.js";
import { clear, showError } from "./notice.js";
import { Options } from "./options.js";
import { Photo } from "./photo.js";
import { PhotoCard } from "./photo-card.js";
import { NoImageGiven } from "./problems.js";
import { ResultPanel } from "./result.js";

const SEARCH_QUIET_MS = 250; // the threshold's slider searches once it rests
const SEARCHING = "searching again"; // in photos that are known: the result may stay in sight

startLanguage();
guardPageFromDrops();
const notices = part(document, "page-notice");
const options = new Options(document);

try {
  run(new Api(await readApiBase()));
} catch (error) {
  showError(notices, explain(error), () => location.reload());
}

function run(api) {
  const cards = ["target", "source"].map(
    (role) => new PhotoCard(document.querySelector(`[data-photo="${role}"]`), api),
  );
  const [target, source] = cards;
  const result = new ResultPanel(part(document, "result"));
  const fusion = new FusionRun(api);
  const swap = part(document, "swap");
  let searchTimer = null;
  let asked = ""; // what the shown or coming result was asked with

  part(document, "docs").href = api.docsUrl;
  checkService();

  /** Asks for a fusion when the page's state is another than that of the last wish. */
  function update() {
    swap.disabled = !target.photo && !source.photo;
    const missing = whatIsMissing();
    if (missing) {
      fusion.stop();
      asked = "";
      if (missing === SEARCHING) result.showBusy();
      else result.showEmpty(missing);
      return;
    }
    const fields = { ...options.values, source_face: source.choice, target_face: target.choice };
    const state = JSON.stringify(fields);
    if (state === asked) return;
    asked = state;
    fusion.start({ target: target.photo, source: source.photo, fields });
  }

  function whatIsMissing() {
    if (!target.photo && !source.photo) return "result.empty.both";
    const read = cards.filter(({ photo }) => photo && photo.state !== "reading");
    if (read.some(({ photo }) => photo.state === "failed")) return "result.empty.failed";
    if (read.some(({ photo }) => !photo.isReady)) return "result.empty.faces";
    if (!target.photo) return "result.empty.target";
    if (!source.photo) return "result.empty.source";
    const reading = cards.filter(({ photo }) => photo.state === "reading");
    if (reading.some(({ photo }) => !photo.size)) return "result.empty.wait";
    if (reading.length) return SEARCHING;
    return null;
  }

  /** The first file goes into the card, a second one into the other card. */
  function give(card, [file, second]) {
    card.photo?.discard();
    const photo = new Photo(api, file);
    card.take(photo);
    photo.findFaces(options.values.face_threshold);
    if (second)
      give(
        cards.find((other) => other !== card),
        [second],
      );
  }

  function again() {
    asked = "";
    update();
  }

  async function checkService() {
    try {
      await api.checkReady();
      clear(notices);
    } catch (error) {
      showError(notices, explain(error, { api: api.base }), tryEverythingAgain);
    }
  }

  function tryEverythingAgain() {
    checkService();
    const failed = cards.filter(({ photo }) => photo?.state === "failed");
    for (const { photo } of failed) photo.findFaces(options.values.face_threshold);
  }

  for (const card of cards) {
    card.addEventListener("files", ({ detail }) => give(card, detail));
    card.addEventListener("change", update);
    card.addEventListener("retry", () => card.photo.findFaces(options.values.face_threshold));
    card.addEventListener("unreachable", ({ detail }) => {
      showError(notices, explain(detail, { api: api.base }), tryEverythingAgain);
    });
  }
  acceptPaste((files) => {
    const card =
      cards.find((each) => each.isPointedAt) ?? cards.find(({ photo }) => !photo) ?? target;
    if (files.length) give(card, files);
    else showError(notices, explain(new NoImageGiven()));
  });
  swap.addEventListener("click", () => {
    const photos = cards.map(({ photo }) => photo);
    target.take(photos[1]);
    source.take(photos[0]);
    again();
  });
  options.addEventListener("change", ({ detail }) => {
    if (detail !== null && detail !== "face_threshold") return update();
    clearTimeout(searchTimer);
    searchTimer = setTimeout(() => {
      for (const { photo } of cards) photo?.findFaces(options.values.face_threshold);
      update();
    }, SEARCH_QUIET_MS);
  });

  fusion.addEventListener("busy", () => result.showBusy());
  fusion.addEventListener("waiting", ({ detail }) => result.showWaiting(detail));
  fusion.addEventListener("done", ({ detail }) => {
    clear(notices);
    result.showResult(detail);
  });
  fusion.addEventListener("failed", ({ detail }) => result.showFailure(detail, api, again));
  addEventListener("online", tryEverythingAgain);
  addEventListener("pagehide", () => cards.forEach(({ photo }) => photo?.forget()));
}
