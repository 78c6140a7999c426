// Pictures that people drop, paste, choose or photograph.
import { byId } from "./elements.js";

/**
 * Call `take` with each picture file that arrives at the page, and `refuse` with a message for
 * anything else that is dropped.
 */
export function listenForFiles(take, refuse) {
  const takeFirst = (files) => {
    if (files.length) take(files[0], files.length - 1);
  };
  for (const [button, input] of [["choose", "file"], ["", "camera-file"]]) {
    if (button) byId(button).addEventListener("click", () => byId(input).click());
    byId(input).addEventListener("change", () => {
      takeFirst(byId(input).files);
      byId(input).value = ""; // so that the same file can be chosen again
    });
  }

  const marked = document.documentElement.classList;
  addEventListener("dragover", (event) => {
    event.preventDefault();
    marked.add("dropping");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) marked.remove("dropping");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    marked.remove("dropping");
    const { files } = event.dataTransfer;
    if (files.length) takeFirst(files);
    else refuse("A picture of another page is only a link.", "Save it, and drop the file.");
  });
  addEventListener("paste", (event) => {
    const files = event.clipboardData?.files ?? [];
    if (files.length) {
      event.preventDefault();
      takeFirst(files);
    }
  });
}

/** Control the camera: `start` shows it, `shoot` returns a JPEG file, `stop` switches it off. */
export function camera() {
  const video = byId("video");
  let stream = null;

  return {
    /** Return whether the page shows the camera; a telephone has a better program for it. */
    async start() {
      const own = navigator.mediaDevices && !matchMedia("(pointer: coarse)").matches;
      if (!own) {
        byId("camera-file").click();
        return false;
      }
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      video.srcObject = stream;
      await video.play();
      return true;
    },
    async shoot() {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
      canvas.getContext("2d").drawImage(video, 0, 0);
      const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
      return new File([blob], "photo.jpg", { type: "image/jpeg" });
    },
    stop() {
      for (const track of stream?.getTracks() ?? []) track.stop();
      stream = video.srcObject = null;
    },
  };
}
