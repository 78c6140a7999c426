// The facts about a model: accuracy, input, classes, limits, and the command that asks it.
import { element, interval, percent, printable, thousands } from "./elements.js";
import { address, hasToken } from "./service.js";
import { shownClasses } from "./answer.js";

const LISTED = 40; // classes that are shown without a click
const DIGITS = 12; // of an identity
const NOT_MEASURED = { value: null, low: null, high: null };

/** Return one line about a model. */
export function summary(model) {
  const parts = [`${thousands(model.classes.length)} classes`, inputText(model)];
  const { value, low, high } = model.accuracy ?? NOT_MEASURED;
  if (value !== null) {
    parts.unshift(`${percent(value)} accuracy${low === null ? "" : ` (${interval(low, high)})`}`);
  }
  return parts.join(" · ");
}

/** Make the description of a model. */
export function aboutView(model, id, titled) {
  const accuracy = model.accuracy ?? NOT_MEASURED;
  const facts = [
    accuracy.value === null
      ? fact("Accuracy", "unknown", small("no results on held-out examples are stored with it"))
      : fact("Accuracy", percent(accuracy.value), ...accuracyNotes(accuracy)),
    fact("Classes", thousands(model.classes.length)),
    fact("Input", inputText(model), small("a picture of another size is resized")),
    model.parameters !== null && fact("Parameters", thousands(model.parameters)),
  ];
  const [name, command] = [printable(model.name), curl(model)];
  return element("article", { id, className: "about" },
    ...(titled ? [element("h3", {}, name)] : []),
    ...model.caveats.map((text) => element("p", { className: "warning" }, printable(text))),
    element("dl", { className: "figures" }, ...facts.filter(Boolean)),
    ...model.notes.map((text) => element("p", { className: "note" }, `Note: ${printable(text)}`)),
    classList(model),
    element("p", { className: "note" },
      `${printable(model.kind)} · ${printable(model.format)} · `,
      element("code", {}, printable(model.identity.slice(0, DIGITS)))),
    element("div", { className: "command" },
      element("span", { className: "note" }, "The same from a terminal"),
      element("pre", { tabIndex: 0, role: "region", ariaLabel: `Command, ${name}` },
        element("code", {}, command)),
      ...copyButton(command)));
}

function inputText({ input: { height, width, channels } }) {
  return `${height}×${width} ${channels === 1 ? "gray" : "colour"}`;
}

function fact(title, value, ...notes) {
  return element("div", {},
    element("dt", {}, title),
    element("dd", {}, element("b", {}, value), ...notes));
}

const small = (text) => element("small", {}, text);

function accuracyNotes({ low, high, examples, split }) {
  const of = `on ${thousands(examples)} ${printable(split)} examples`;
  if (low === null) return [small(of)];
  return [
    element("span", { className: "range" }, interval(low, high)),
    small(`${of}; the range is a 95 % interval`),
  ];
}

function classList(model) {
  const list = element("ul", { className: "classes" },
    ...model.classes.map((name) => element("li", {}, printable(name))));
  if (model.classes.length <= LISTED) return list;
  return element("details", {},
    element("summary", {}, `All ${thousands(model.classes.length)} classes`), list);
}

function curl(model) {
  const token = hasToken() ? ` -H "Authorization: Bearer $TOKEN"` : "";
  const top = Math.min(3, shownClasses(model));
  return `curl -F image=@picture.jpg${token} '${address(model, top)}'`;
}

function copyButton(text) {
  if (!navigator.clipboard) return []; // pages from another host have none without HTTPS
  const button = element("button", { type: "button" }, "Copy");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  return [button];
}
