// The answer of one model: its best class, and probabilities as bars.
import { element, percent, printable, problemText } from "./elements.js";

const ALL = 12; // classes that are all shown, in their order, so that bars stay in place
const SOME = 8; // of more classes, the most probable

/** Return how many probabilities the bars of a model show. */
export const shownClasses = (model) => (model.classes.length <= ALL ? model.classes.length : SOME);

/** Make the bars of a model. */
export function answerView(model) {
  const inOrder = model.classes.length <= ALL;
  const rows = Array.from({ length: shownClasses(model) }, (_, place) =>
    row(inOrder ? model.classes[place] : ""));
  const best = element("p", { className: "best" });
  const problem = element("p", { className: "problem", role: "alert" });
  const bars = element("ul", { className: "bars", ariaLabel: "Probabilities" },
    ...rows.map((each) => each.node));
  const node = element("div", { className: "answer" }, best, problem, bars);

  const empty = () => {
    best.replaceChildren(element("span", { className: "dim" }, "No picture yet"));
    for (const each of rows) each.show(inOrder ? null : "", 0, false);
  };
  empty();

  return {
    node,
    clear() {
      problem.replaceChildren();
      empty();
    },
    /** Show [{class, probability}], the best first. */
    show(probabilities) {
      problem.replaceChildren();
      const [first] = probabilities;
      best.replaceChildren(
        element("b", {}, printable(first.class)), " ",
        element("span", {}, percent(first.probability)));
      const byClass = new Map(probabilities.map((each) => [each.class, each.probability]));
      rows.forEach((each, place) => {
        if (inOrder) {
          const name = model.classes[place];
          each.show(null, byClass.get(name) ?? 0, name === first.class);
        } else {
          each.show(probabilities[place].class, probabilities[place].probability, place === 0);
        }
      });
    },
    fail(error) {
      empty();
      best.replaceChildren();
      problem.replaceChildren(...problemText(error));
    },
  };
}

function row(name) {
  const heading = element("span", { className: "class" }, printable(name));
  const fill = element("span");
  const number = element("span", { className: "number" });
  return {
    node: element("li", {},
      heading, element("span", { className: "bar", ariaHidden: "true" }, fill), number),
    /** Show a probability; `name` replaces that of the row unless it is null. */
    show(name, probability, best) {
      if (name !== null) heading.textContent = printable(name);
      fill.style.transform = `scaleX(${probability})`;
      number.textContent = probability ? percent(probability) : "";
      this.node.classList.toggle("first", best);
    },
  };
}
