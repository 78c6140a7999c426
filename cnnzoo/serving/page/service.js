// The requests to the service.
import { byId } from "./elements.js";

const TOKEN = "cnnzoo token"; // in sessionStorage: forgotten with the tab

/** An error that the service answered; `hint` says how to continue. */
export class ServiceError extends Error {
  constructor(message, hint = "") {
    super(message);
    this.hint = hint;
  }
}

export const hasToken = () => Boolean(sessionStorage.getItem(TOKEN));

export async function models() {
  return (await ask("/models")).models;
}

/** Return the probabilities of the `top` classes, [{class, probability}], the best first. */
export async function predict(model, picture, top) {
  const answer = await ask(`/predict?${query({ model: model.name, top })}`, picture);
  const [prediction] = answer.predictions;
  if (prediction.error) throw new ServiceError(`The picture ${prediction.error}`);
  return prediction.probabilities;
}

/** Explain a class of a picture, by default the predicted one. */
export function explain(model, picture, className) {
  const words = className === null ? {} : { class: className };
  return ask(`/explain?${query({ model: model.name, ...words })}`, picture);
}

/** Return the address of a prediction, safe between single quotes of a shell. */
export function address(model, top) {
  return `${location.origin}/predict?${query({ model: model.name, top })}`;
}

function query(words) {
  return new URLSearchParams(words).toString().replaceAll("'", "%27");
}

async function ask(path, picture) {
  const headers = hasToken() ? { Authorization: `Bearer ${sessionStorage.getItem(TOKEN)}` } : {};
  const body = picture && { method: "POST", body: picture };
  if (picture) headers["Content-Type"] = "application/octet-stream"; // the service looks itself
  let response;
  try {
    response = await fetch(path, { ...body, headers });
  } catch {
    throw new ServiceError("The service does not answer.", "Is it still running?");
  }
  if (response.status === 401) {
    await askForToken();
    return ask(path, picture);
  }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  const { message, hint } = answer?.error ?? { message: `The service answers ${response.status}.` };
  throw new ServiceError(message, hint);
}

let asking = null;

/** Show the form for the token once, however many requests wait for it. */
function askForToken() {
  asking ??= new Promise((entered) => {
    const dialog = byId("token-dialog");
    if (hasToken()) byId("token-note").textContent = "The service does not accept this token.";
    sessionStorage.removeItem(TOKEN);
    byId("token").value = "";
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("close", () => {
      sessionStorage.setItem(TOKEN, byId("token").value.trim());
      asking = null;
      entered();
    }, { once: true });
    dialog.showModal();
  });
  return asking;
}
