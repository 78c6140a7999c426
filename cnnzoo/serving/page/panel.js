// One model on the page: it asks for answers and explanations of the present picture.
import { latestOnly } from "./latest.js";
import * as service from "./service.js";
import { answerView, shownClasses } from "./answer.js";
import { explanationView } from "./explanation.js";

// Shortest time in milliseconds between two requests of one kind, while somebody draws.
const ANSWER_REST = 30;
const EXPLANATION_REST = 150;

/**
 * Make the panel of a model. A picture has `content(model)`, which promises a blob; `answered` is
 * called after each answer, and `replaced` when the service has another model by this name.
 */
export function modelPanel(model, id, answered, replaced) {
  let picture = null; // an answer for another one is dropped
  let best = null;
  const answer = answerView(model);
  const explanation = explanationView(model, id, () => explain(picture));

  const asker = (view, rest, request, done, failed) => latestOnly(async (asked) => {
    if (!asked || asked !== picture) return;
    view.node.ariaBusy = "true";
    let finish;
    try {
      const found = await request(await asked.content(model));
      finish = () => { view.show(found); done(found); };
    } catch (error) {
      finish = () => { view.fail(error); failed(); };
    }
    view.node.ariaBusy = "false";
    if (asked === picture) finish();
  }, rest);

  const predict = asker(
    answer,
    ANSWER_REST,
    async (blob) => {
      const found = await service.predict(model, blob, shownClasses(model));
      if (found.identity !== model.identity) replaced();
      return found.probabilities;
    },
    (probabilities) => {
      [best] = probabilities;
      answered();
      if (model.explains) explain(picture);
    },
    () => {
      best = null;
      answered();
      explanation.clear();
    });
  const explain = asker(
    explanation,
    EXPLANATION_REST,
    (blob) => service.explain(model, blob, explanation.className()),
    () => {},
    () => {});

  return {
    model,
    answer: answer.node,
    explanation: explanation.node,
    /** Return the best class and its probability, or null. */
    best: () => best,
    /** Answer for a picture, or for the same one after a change; null is none. */
    show(shown) {
      if (shown !== picture) best = null;
      picture = shown;
      if (picture) predict(picture);
      else {
        answer.clear();
        explanation.clear();
      }
    },
  };
}
