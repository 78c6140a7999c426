// Resizing of images as Pillow does it, to the same values.
//
// An image is {width, height, pixels}, with pixels uint8 [height, width, CHANNELS]. Pillow resizes
// rows, then columns, in integers: weights have 22 bits after the binary point, and the sums are
// rounded to 8 bits after each of the two.

const BITS = 22;

const sinc = (x) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

// For each interpolation, the half width of its filter and its weight at a distance.
const FILTERS = {
  bilinear: [1, (x) => Math.max(0, 1 - Math.abs(x))],
  bicubic: [
    2,
    (x) => {
      const a = -0.5;
      x = Math.abs(x);
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    },
  ],
  lanczos: [3, (x) => (-3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0)],
};

// The first source pixel and the weights of each of `count` pixels, which cover the source from
// `start` to `end`.
function weightsOf(size, start, end, count, [support, filter]) {
  const scale = Math.fround(end - start) / count;
  const stretch = Math.max(scale, 1);
  const reach = support * stretch;
  return Array.from({ length: count }, (_, index) => {
    const center = start + (index + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - reach + 0.5));
    const last = Math.min(size, Math.trunc(center + reach + 0.5));
    const weights = [];
    for (let x = first; x < last; x++) weights.push(filter((x - center + 0.5) * (1 / stretch)));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const integers = weights.map((weight) => {
      const scaled = (total === 0 ? weight : weight / total) * 2 ** BITS;
      return Math.trunc(scaled + (scaled < 0 ? -0.5 : 0.5));
    });
    return [first, integers];
  });
}

// Replace `size` values, `step` apart, by a weighted sum for each element of `weights`.
function filterLine(source, from, step, target, to, targetStep, weights) {
  for (const [first, integers] of weights) {
    let sum = 2 ** (BITS - 1);
    let at = from + first * step;
    for (const weight of integers) {
      sum += source[at] * weight;
      at += step;
    }
    target[to] = Math.min(255, Math.max(0, Math.floor(sum / 2 ** BITS)));
    to += targetStep;
  }
}

function resizeRows(image, width, start, end, filter, channels) {
  const { width: columns, height, pixels } = image;
  if (width === columns && start === 0 && end === width) return image;
  const weights = weightsOf(columns, start, end, width, filter);
  const filtered = new Uint8Array(height * width * channels);
  for (let row = 0; row < height; row++) {
    for (let channel = 0; channel < channels; channel++) {
      const from = row * columns * channels + channel;
      const to = row * width * channels + channel;
      filterLine(pixels, from, channels, filtered, to, channels, weights);
    }
  }
  return { width, height, pixels: filtered };
}

function resizeColumns(image, height, start, end, filter, channels) {
  const { width, height: rows, pixels } = image;
  if (height === rows && start === 0 && end === height) return image;
  const weights = weightsOf(rows, start, end, height, filter);
  const step = width * channels;
  const filtered = new Uint8Array(height * step);
  for (let at = 0; at < step; at++) filterLine(pixels, at, step, filtered, at, step, weights);
  return { width, height, pixels: filtered };
}

// Resize the part [left, top, right, bottom] of an image.
function resize(image, width, height, interpolation, channels, box) {
  const [left, top, right, bottom] = box.map(Math.fround);
  if (interpolation === "nearest") {
    return nearest(image, width, height, channels, [left, top, right, bottom]);
  }
  const filter = FILTERS[interpolation];
  const fewerRows = image.height - height;
  // Pillow 13 starts with the columns if their number of values falls much more.
  if (fewerRows > 0 && fewerRows > 2 * (image.width - width)) {
    const shorter = resizeColumns(image, height, top, bottom, filter, channels);
    return resizeRows(shorter, width, left, right, filter, channels);
  }
  const narrower = resizeRows(image, width, left, right, filter, channels);
  return resizeColumns(narrower, height, top, bottom, filter, channels);
}

function nearest(image, width, height, channels, [left, top, right, bottom]) {
  const positions = (size, start, end, count) => {
    const scale = Math.fround(end - start) / count;
    let position = start + scale * 0.5;
    return Array.from({ length: count }, () => {
      const index = Math.trunc(position);
      position += scale;
      return index;
    });
  };
  const columns = positions(image.width, left, right, width);
  const rows = positions(image.height, top, bottom, height);
  const pixels = new Uint8Array(width * height * channels);
  let to = 0;
  for (const row of rows) {
    for (const column of columns) {
      const from = (row * image.width + column) * channels;
      for (let channel = 0; channel < channels; channel++) {
        pixels[to++] = image.pixels[from + channel];
      }
    }
  }
  return { width, height, pixels };
}

// Round halves to the even number, as Python does.
function roundHalfEven(value) {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

// Fit an image to a size by the method `stretch`, `crop` or `pad`.
function fitImage(image, width, height, channels, { method, interpolation }) {
  const { width: columns, height: rows } = image;
  if (columns === width && rows === height) return image;
  if (method === "stretch") {
    return resize(image, width, height, interpolation, channels, [0, 0, columns, rows]);
  }
  if (method === "crop") {
    let [inner, outer] = [columns, rows];
    if (columns / rows > width / height) inner = (width / height) * rows;
    else if (columns / rows < width / height) outer = columns / (width / height);
    const left = (columns - inner) * 0.5;
    const top = (rows - outer) * 0.5;
    const box = [left, top, left + inner, top + outer];
    return resize(image, width, height, interpolation, channels, box);
  }
  const scale = Math.min(width / columns, height / rows);
  const [across, down] = [columns, rows].map((size) => Math.max(1, roundHalfEven(size * scale)));
  const inner =
    across === columns && down === rows
      ? image
      : resize(image, across, down, interpolation, channels, [0, 0, columns, rows]);
  const pixels = new Uint8Array(width * height * channels);
  const left = Math.floor((width - across) / 2);
  const top = Math.floor((height - down) / 2);
  for (let row = 0; row < down; row++) {
    const line = inner.pixels.subarray(row * across * channels, (row + 1) * across * channels);
    pixels.set(line, ((top + row) * width + left) * channels);
  }
  return { width, height, pixels };
}
