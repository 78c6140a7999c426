// A drawing of white strokes on black, as points: it is drawn again in the size of any network.

const PEN = 0.085; // of the width, like the strokes of MNIST
const BOX = 20 / 28; // MNIST scales each digit into 20x20 of its 28x28 pixels
const LARGEST_SCALE = 4;

/** Let people draw on a canvas; `changed` is called after each part of a stroke. */
export function drawingPad(canvas, changed) {
  let strokes = [];
  let current = null;
  const context = canvas.getContext("2d");

  const repaint = () =>
    paint(context, strokes, (point) => point.map((value) => value * canvas.width));
  const change = () => {
    repaint();
    changed();
  };
  const add = (event) => {
    const box = canvas.getBoundingClientRect();
    // Lengths are parts of the width, in both directions.
    current.push([(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.width]);
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || current) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    current = [];
    strokes.push(current);
    add(event);
    change();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!current || !canvas.hasPointerCapture(event.pointerId)) return;
    const parts = event.getCoalescedEvents?.() ?? [];
    for (const part of parts.length ? parts : [event]) add(part);
    change();
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(kind, () => { current = null; });
  }

  return {
    get empty() { return strokes.length === 0; },
    undo() { strokes.pop(); change(); },
    clear() { strokes = []; change(); },
    /** Give the canvas the shape of a network's input. */
    shape({ width, height }) {
      canvas.width = 560;
      canvas.height = Math.round(560 * height / width);
      canvas.style.aspectRatio = `${width} / ${height}`;
      repaint();
    },
    /** Return a canvas of a network's input with the drawing, as MNIST does it if `centred`. */
    render({ width, height }, centred) {
      const small = document.createElement("canvas");
      [small.width, small.height] = [width, height];
      const target = small.getContext("2d", { willReadFrequently: true });
      if (!centred || strokes.length === 0) {
        paint(target, strokes, (point) => point.map((value) => value * width));
        return small;
      }
      const place = fitted(strokes.flat(), width, height);
      paint(target, strokes, place);
      const [right, down] = offCentre(target, width, height);
      paint(target, strokes, (point) => {
        const [x, y] = place(point);
        return [x - right, y - down];
      });
      return small;
    },
  };
}

/** Paint strokes on black; `place` gives the pixel of a point. */
function paint(context, strokes, place) {
  const { width, height } = context.canvas;
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  context.strokeStyle = "#fff";
  context.lineWidth = PEN * width;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    context.beginPath();
    context.moveTo(...place(stroke[0]));
    for (const point of stroke.slice(1)) context.lineTo(...place(point));
    if (stroke.length === 1) {
      const [x, y] = place(stroke[0]);
      context.lineTo(x + 0.01, y); // a line without length is not drawn
    }
    context.stroke();
  }
}

/** Return the function that moves points into the middle box of an input. */
function fitted(points, width, height) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const middle = (values) => (Math.min(...values) + Math.max(...values)) / 2;
  const extent = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
  const room = BOX * Math.min(width, height) - PEN * width;
  const scale = Math.min(room / extent, LARGEST_SCALE * width);
  const [x0, y0] = [middle(xs), middle(ys)];
  return ([x, y]) => [width / 2 + scale * (x - x0), height / 2 + scale * (y - y0)];
}

/** Return how far the centre of mass is from the centre, to the right and down. */
function offCentre(context, width, height) {
  const { data } = context.getImageData(0, 0, width, height);
  let [mass, right, down] = [0, 0, 0];
  for (let pixel = 0; pixel < width * height; pixel++) {
    const value = data[4 * pixel];
    mass += value;
    right += value * (pixel % width + 0.5 - width / 2);
    down += value * (Math.floor(pixel / width) + 0.5 - height / 2);
  }
  return mass ? [right / mass, down / mass] : [0, 0];
}
