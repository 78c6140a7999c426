// Classify the images that somebody chooses with the model in this page.

const contract = JSON.parse(document.getElementById("contract").textContent);
const golden = JSON.parse(document.getElementById("golden").textContent);
const [HEIGHT, WIDTH, CHANNELS] = contract.input_shape;
const SHOWN = 5; // classes of an image

// Decode a packed part of the page: gzip, in base64.
async function unpack(id) {
  const element = document.getElementById(id);
  const packed = Uint8Array.from(atob(element.textContent), (byte) => byte.charCodeAt(0));
  element.remove();
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Load the runtime and the model; return a function: images uint8 → probabilities of each.
async function loadModel() {
  const code = new Blob([await unpack("runtime")], { type: "text/javascript" });
  const ort = await import(URL.createObjectURL(code));
  ort.env.wasm.numThreads = 1; // several need headers that only a server sends
  ort.env.wasm.wasmBinary = await unpack("wasm");
  const session = await ort.InferenceSession.create(await unpack("model"), {
    executionProviders: ["wasm"],
  });
  const batch = contract.batch ?? 1; // all of it is the same image
  return async (pixels) => {
    const images = new Uint8Array(batch * pixels.length);
    for (let index = 0; index < batch; index++) images.set(pixels, index * pixels.length);
    const shape = [batch, HEIGHT, WIDTH, CHANNELS];
    const input = new ort.Tensor("uint8", images, shape);
    const outputs = await session.run({ [session.inputNames[0]]: input });
    const output = outputs[session.outputNames[0]];
    const values = [...output.data].slice(0, output.dims[1]);
    return values.length === 1 ? [1 - values[0], values[0]] : values; // one sigmoid unit
  };
}

// Decode an image file as the network takes it. The browser turns it upright.
async function decode(file) {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white"; // below transparent pixels
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const pixels = new Uint8Array(width * height * CHANNELS);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    const [red, green, blue] = [data[from], data[from + 1], data[from + 2]];
    if (CHANNELS === 1) {
      pixels[to++] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16; // ITU-R 601
    } else {
      pixels[to++] = red;
      pixels[to++] = green;
      pixels[to++] = blue;
    }
  }
  return fitImage({ width, height, pixels }, WIDTH, HEIGHT, CHANNELS, contract.resize).pixels;
}

// The classes and probabilities, the most probable first.
function ranked(probabilities) {
  return probabilities
    .map((probability, index) => [contract.class_names[index], probability])
    .sort((one, other) => other[1] - one[1]);
}

function make(tag, parent, text = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  parent.append(element);
  return element;
}

async function showFile(file, predict) {
  const figure = make("figure", document.getElementById("results"));
  const image = make("img", figure);
  image.alt = "";
  image.src = URL.createObjectURL(file);
  const caption = make("figcaption", figure);
  make("p", caption, file.name);
  try {
    const best = ranked(await predict(await decode(file))).slice(0, SHOWN);
    const list = make("ol", caption);
    for (const [name, probability] of best) {
      make("li", list, `${name}: ${(100 * probability).toFixed(1)} %`);
    }
  } catch (error) {
    image.remove();
    make("p", caption, `cannot be classified: ${error.message}`);
  }
}

// Classify the test images in the page, and compare with the probabilities of Keras.
async function checkGolden(predict) {
  let [labels, difference] = [0, 0];
  for (const { png, probabilities } of golden) {
    const bytes = Uint8Array.from(atob(png), (byte) => byte.charCodeAt(0));
    const here = await predict(await decode(new Blob([bytes], { type: "image/png" })));
    labels += ranked(here)[0][0] === ranked(probabilities)[0][0];
    difference = Math.max(difference, ...here.map((p, at) => Math.abs(p - probabilities[at])));
  }
  return `${labels} of ${golden.length} labels as Keras; probabilities differ by at most ${difference.toExponential(1)}`;
}

async function start() {
  const status = document.getElementById("status");
  const input = document.getElementById("files");
  const check = document.getElementById("check");
  try {
    const predict = await loadModel();
    input.addEventListener("change", async () => {
      status.textContent = "Classifying";
      document.getElementById("results").replaceChildren();
      for (const file of input.files) await showFile(file, predict);
      status.textContent = "Done";
    });
    check.addEventListener("click", async () => {
      status.textContent = "Checking";
      status.textContent = await checkGolden(predict);
    });
    input.disabled = false;
    check.hidden = golden.length === 0;
    status.textContent = "Ready";
  } catch (error) {
    status.textContent = `This browser cannot run the model: ${error.message}`;
  }
}

start();
