// Grad-CAM over the picture, and the feature maps of each stage.
import { element, percent, printable, problemText } from "./elements.js";

const SMALL = 100; // pixels: a smaller picture is enlarged without smoothing

/** Make the explanation of a model; `ask` is called when another class is chosen. */
export function explanationView(model, id, ask) {
  const invitation = element("p", { className: "invitation" }, "No picture yet");
  const picture = element("img", { alt: "", hidden: true });
  picture.addEventListener("load", () => {
    picture.classList.toggle("pixel", picture.naturalWidth < SMALL);
  });
  const choice = element("select", { id: `${id}-class` },
    element("option", {}, "the predicted class"),
    ...model.classes.map((name) => element("option", {}, printable(name))));
  choice.addEventListener("change", ask);
  const caption = element("p", { className: "caption" });
  const problem = element("p", { className: "problem", role: "alert" });
  const stages = element("div", { className: "stages" });
  const node = element("div", { className: "explanation" },
    element("div", { className: "cam" },
      element("div", { className: "frame" }, invitation, picture),
      element("div", { className: "controls" },
        element("label", { htmlFor: choice.id }, "Class to explain"), choice, caption, problem)),
    stages);

  const clear = () => {
    picture.hidden = true;
    invitation.hidden = false;
    caption.replaceChildren();
    problem.replaceChildren();
    stages.replaceChildren();
  };

  return {
    node,
    clear,
    /** Return the chosen class, or null for the predicted one. */
    className: () => (choice.selectedIndex ? model.classes[choice.selectedIndex - 1] : null),
    show(explained) {
      const name = printable(explained.class);
      problem.replaceChildren();
      picture.src = explained.picture;
      picture.alt = `The picture with the regions that support ${name}`;
      picture.hidden = false;
      invitation.hidden = true;
      caption.replaceChildren("Support for ", element("b", {}, name),
        element("span", { className: "dim" }, ` ${percent(explained.probability)}`));
      showStages(stages, explained.stages);
    },
    fail(error) {
      clear();
      problem.replaceChildren(...problemText(error));
    },
  };
}

/** Show feature maps; images that exist already only change, so that nothing flickers. */
function showStages(container, stages) {
  if (container.children.length !== stages.length) {
    container.replaceChildren(...stages.map(() => element("div", { className: "stage" },
      element("p", { className: "title" }), element("div", { className: "maps", role: "img" }))));
  }
  stages.forEach((stage, place) => {
    const [title, maps] = container.children[place].children;
    const [name, size] = [printable(stage.name), stage.shape.join("×")];
    const [count, channels] = [stage.maps.length, stage.shape.at(-1)];
    const some = count < channels ? `, the ${count} strongest` : "";
    title.replaceChildren(
      element("b", {}, size), " ", element("span", { className: "dim" }, name + some));
    maps.ariaLabel = `${count} feature maps of ${name}, ${size}`;
    while (maps.children.length > stage.maps.length) maps.lastChild.remove();
    while (maps.children.length < stage.maps.length) {
      maps.append(element("img", { className: "pixel", alt: "" }));
    }
    stage.maps.forEach((source, number) => { maps.children[number].src = source; });
  });
}
