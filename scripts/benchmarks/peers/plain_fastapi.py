"""Serve a Keras model with FastAPI, as tutorials do: each request calls `model.predict`.

    plain_fastapi.py MODEL.keras PORT

`POST /predict` takes one image as the form field `file`.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import uvicorn
from fastapi import FastAPI, File, UploadFile
from PIL import Image

model = keras.saving.load_model(sys.argv[1], compile=False)
_, height, width, channels = model.input_shape
app = FastAPI()


@app.get("/health")
def health() -> dict[str, str]:
    """Answer when the model is loaded."""
    return {"status": "ready"}


@app.post("/predict")
def predict(file: Annotated[UploadFile, File()]) -> dict[str, list[float]]:
    """Return the probabilities of the classes of one image."""
    image = Image.open(file.file).convert("L" if channels == 1 else "RGB")
    pixels = np.asarray(image.resize((width, height))).reshape(1, height, width, channels)
    return {"probabilities": model.predict(pixels, verbose=0)[0].tolist()}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
