// The picture that the models answer for: drawn, chosen, dropped, pasted or photographed.
import { byId, problemText } from "./elements.js";
import { drawingPad } from "./drawing.js";
import { camera, listenForFiles } from "./sources.js";

const SMALL = 40; // pixels: the largest input for which people draw
const DRAW = "draw", FILE = "file", CAMERA = "camera";

const drawable = ({ input }) =>
  input.channels === 1 && Math.max(input.height, input.width) <= SMALL;

/**
 * Let people give a picture. `show` is called with it, again after a change of a drawing, and with
 * null when there is none. A picture has `content(model)`, which promises a blob.
 */
export function pictureInput(show) {
  let mode = FILE;
  let drawing = null;
  let file = null;
  let input = null; // of the first model that people can draw for
  const lens = camera();
  const pad = drawingPad(byId("pad"), () => update(DRAW));

  const render = (shape) => pad.render(shape, byId("centred").checked);
  const drawn = () => ({
    content: (model) => new Promise((done) => render(model.input).toBlob(done, "image/png")),
  });

  /** Show the controls of a mode and its picture. */
  function update(next) {
    mode = next;
    drawing = pad.empty ? null : drawing ?? drawn();
    const has = { [DRAW]: drawing, [FILE]: file, [CAMERA]: true }[mode];
    for (const id of ["pad", "undo", "clear", "received"]) byId(id).hidden = mode !== DRAW;
    byId("shown").hidden = mode !== FILE || !file;
    byId("video").hidden = byId("camera-tools").hidden = mode !== CAMERA;
    byId("tools").hidden = mode === CAMERA;
    byId("draw").hidden = mode === DRAW || !input;
    byId("invitation").hidden = Boolean(has);
    byId("invitation").textContent =
      mode === DRAW ? "Draw here, white on black" : "Drop a picture here";
    byId("undo").disabled = byId("clear").disabled = pad.empty;
    if (mode === DRAW) showSmall();
    if (mode !== CAMERA) show(mode === DRAW ? drawing : file);
  }

  /** Show the pixels that the network receives. */
  function showSmall() {
    const small = byId("small");
    const pixels = render(input);
    [small.width, small.height] = [pixels.width, pixels.height];
    small.getContext("2d").drawImage(pixels, 0, 0);
  }

  function take(chosen, others) {
    lens.stop();
    tell(others ? {
      message: `Only ${chosen.name} is shown.`,
      hint: `The page takes one picture at a time, and ${others} more came with it.`,
    } : null);
    URL.revokeObjectURL(byId("shown").src);
    byId("shown").src = URL.createObjectURL(chosen);
    file = { content: async () => chosen };
    update(FILE);
  }

  function tell(problem) {
    byId("problem").replaceChildren(...(problem ? problemText(problem) : []));
  }

  async function photograph() {
    tell(null);
    try {
      if (await lens.start()) update(CAMERA);
    } catch (error) {
      tell({
        message: `The camera cannot be used: ${error.message}.`,
        hint: "Choose a file instead.",
      });
    }
  }

  listenForFiles(take, (message, hint) => tell({ message, hint }));
  const clicks = {
    undo: () => pad.undo(),
    clear: () => pad.clear(),
    draw: () => update(DRAW),
    photograph,
    shoot: async () => take(await lens.shoot(), 0),
    stop: () => { lens.stop(); update(file || !input ? FILE : DRAW); },
  };
  for (const [id, click] of Object.entries(clicks)) byId(id).addEventListener("click", click);
  byId("centred").addEventListener("change", () => update(DRAW));
  byId("shown").addEventListener("error", () => {
    byId("shown").hidden = true;
    byId("invitation").hidden = false;
    byId("invitation").textContent = "This browser cannot show the file";
  });

  return {
    /** Adapt to the models that are shown: people can draw if one takes small gray pictures. */
    fit(models) {
      const could = input !== null;
      input = models.find(drawable)?.input ?? null;
      if (input) {
        byId("received-note").textContent =
          `The network receives ${input.height}×${input.width} pixels`;
        pad.shape(input);
      }
      if (mode !== CAMERA) update(input && (mode === DRAW || (!could && !file)) ? DRAW : FILE);
    },
  };
}
