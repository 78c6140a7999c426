// One request at a time, and only for what is new.

/**
 * Return a function that runs `work` with its argument, or after the present run with the latest
 * argument. Answers therefore cannot overtake each other, and a slow service is not flooded.
 * `rest` is the shortest time in milliseconds between the end of a run and the next one.
 */
export function latestOnly(work, rest = 0) {
  let running = false;
  let waiting = null;
  return async (argument) => {
    waiting = { argument };
    if (running) return;
    running = true;
    while (waiting) {
      const next = waiting.argument;
      waiting = null;
      await work(next);
      if (rest) await new Promise((resume) => setTimeout(resume, rest));
    }
    running = false;
  };
}
