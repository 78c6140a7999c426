// The requests to the service.
import { byId } from "./elements.js";

const TRIES = 3; // of a request to a service that is busy
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

/**
 * Return the probabilities of the `top` classes, [{class, probability}], the best first, and the
 * identity of the model.
 */
export async function predict(model, picture, top) {
  const answer = await ask(`/predict?${query({ model: model.name, top })}`, picture);
  const [{ probabilities }] = answer.predictions;
  return { probabilities, identity: answer.model.identity };
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

async function ask(path, picture, tries = TRIES) {
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
  if (response.status === 503 && tries > 1) {
    const seconds = Number(response.headers.get("Retry-After")) || 1;
    await new Promise((resume) => setTimeout(resume, 1000 * seconds));
    return ask(path, picture, tries - 1);
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
