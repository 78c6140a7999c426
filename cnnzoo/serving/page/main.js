// The page of cnnzoo serve: one picture, and the models that answer for it.
import { byId, element, joined, percent, printable, problemText } from "./elements.js";
import { aboutView, summary } from "./about.js";
import { modelPanel } from "./panel.js";
import { pictureInput } from "./picture.js";
import { models } from "./service.js";

const SETTLED = 500; // ms without an answer, after which screen readers hear the verdict
const MOST_NAMES = 3; // in the title
const REFRESH_REST = 5000; // ms; a service of several processes replaces its models one by one

let panels = []; // of all models
let chosen = []; // those that are shown
let picture = null;
let settling = 0;
let refreshed = -REFRESH_REST;

const several = () => chosen.length > 1;
const nameOf = (panel) => printable(panel.model.name);

const input = pictureInput((next) => {
  picture = next;
  for (const panel of chosen) panel.show(picture);
  if (!picture) settle();
});

/** Tell the verdict once the answers do not change any more. */
function settle() {
  clearTimeout(settling);
  settling = setTimeout(() => byId("verdict").replaceChildren(verdict()), SETTLED);
}

function verdict() {
  const answers = chosen.map((panel) => panel.best()).filter(Boolean);
  const names = [...new Set(answers.map((best) => printable(best.class)))];
  if (!answers.length) return "";
  if (!several()) return `${names[0]}, ${percent(answers[0].probability)}`;
  return `The models ${names.length === 1 ? "agree" : "disagree"}: ${joined(names)}`;
}

/** Show the chosen models. */
function choose(next) {
  chosen = next;
  const names = chosen.map(nameOf);
  byId("title").textContent = names.length > MOST_NAMES ? `${names.length} models` : joined(names);
  document.title = `${joined(names.slice(0, MOST_NAMES))} · cnnzoo serve`;
  byId("summary").textContent = several() ? "" : summary(chosen[0].model);
  byId("about-heading").textContent = several() ? "About the models" : "About the model";
  byId("verdict").classList.toggle("hidden", !several());
  byId("answers").replaceChildren(...chosen.map((panel) => titled(panel, panel.answer, true)));
  const explained = chosen.filter(({ model }) => model.explains);
  byId("explanations").hidden = !explained.length;
  byId("explained").replaceChildren(...explained.map((panel) => titled(panel, panel.explanation)));
  byId("about").replaceChildren(
    ...chosen.map((panel) => aboutView(panel.model, panel.about, several())));
  input.fit(chosen.map(({ model }) => model));
  settle();
}

/** Wrap a part of a panel in a block with the name of its model, if several are shown. */
function titled(panel, node, described = false) {
  const block = element("article", { className: "block", "aria-label": nameOf(panel) });
  if (several()) block.append(element("h3", {}, nameOf(panel)));
  if (several() && described) {
    block.append(element("p", { className: "note" }, summary(panel.model)));
  }
  block.append(node);
  if (described && panel.model.caveats.length) {
    block.append(element("p", { className: "note" },
      element("a", { href: `#${panel.about}` }, "Read the limits of this model")));
  }
  return block;
}

/** Show a switch for each model; one always stays on. */
function showChooser() {
  const boxes = panels.map((panel) => {
    const box = element("input", { type: "checkbox", checked: chosen.includes(panel) });
    box.addEventListener("change", () => {
      const next = panels.filter((_, other) => boxes[other].checked);
      if (next.length) choose(next);
      else box.checked = true;
    });
    return box;
  });
  byId("chooser").replaceChildren(
    byId("chooser").firstElementChild,
    ...panels.map((panel, place) =>
      element("label", { className: "chip" }, boxes[place], element("span", {}, nameOf(panel)))));
  byId("chooser").hidden = panels.length < 2;
}

/** Read the models, and show those of these names; without a known name, the first one. */
async function start(names) {
  panels = (await models()).map((model, place) => {
    const panel = modelPanel(model, `model${place + 1}`, settle, refresh);
    return { ...panel, about: `about${place + 1}` };
  });
  const known = panels.filter(({ model }) => names.includes(model.name));
  choose(known.length ? known : panels.slice(0, 1));
  showChooser();
}

/** Read the models again after one was replaced; the picture stays. */
async function refresh() {
  if (performance.now() < refreshed + REFRESH_REST) return;
  refreshed = performance.now();
  await start(chosen.map(({ model }) => model.name)).catch(() => {});
}

try {
  await start([]);
  byId("content").hidden = false;
} catch (error) {
  byId("title").textContent = "No answer";
  byId("summary").replaceChildren(...problemText(error));
}
