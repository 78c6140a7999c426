// Elements and texts. Names come from files of strangers: they become text, never markup.

/** Make an element with properties or attributes and children. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Return the element of the page that has an id. */
export const byId = (id) => document.getElementById(id);

/** Return a text with control and direction characters as escapes: "\u202e". */
export function printable(text) {
  return String(text).replace(/[\p{C}\u2028\u2029]/gu, (letter) =>
    "\\u" + letter.codePointAt(0).toString(16).padStart(4, "0"));
}

/** Return "97.3 %"; only 1 is shown as 100 %, and only 0 as 0 %. */
export function percent(value) {
  const text = (100 * value).toFixed(1);
  if (text === "100.0") return value >= 1 ? "100 %" : ">99.9 %";
  if (text === "0.0") return value <= 0 ? "0 %" : "<0.1 %";
  return text + " %";
}

/** Return "96.1 to 98.1 %". */
export const interval = (low, high) => `${percent(low).replace(" %", "")} to ${percent(high)}`;

export const thousands = (number) => number.toLocaleString("en-US");

/** Return "a", "a and b" or "a, b and c". */
export function joined(names) {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** Return the message of an error and its hint as the children of an element. */
export function problemText(error) {
  const hint = error.hint ? [" ", element("span", {}, printable(error.hint))] : [];
  return [element("b", {}, printable(error.message)), ...hint];
}
