"""Names of data: samples of installed packages, and data sets of tensorflow-datasets."""

from __future__ import annotations

# Name → the module that reads it.
SAMPLES = {
    "cartoon_faces": "cnnzoo.datasets.samples.cartoon_faces",
    "digits": "cnnzoo.datasets.samples.digits",
    "mnist5k": "cnnzoo.datasets.samples.mnist5k",
}

# `data: mnist` is short for `data: {tfds: mnist}`. These are well-known data sets of images with
# one label each; any other data set of tensorflow-datasets is written as `tfds: NAME`.
TFDS_NAMES = (
    "beans",
    "caltech101",
    "cats_vs_dogs",
    "cifar10",
    "cifar100",
    "colorectal_histology",
    "deep_weeds",
    "dtd",
    "emnist",
    "eurosat",
    "fashion_mnist",
    "food101",
    "horses_or_humans",
    "imagenette",
    "kmnist",
    "malaria",
    "mnist",
    "oxford_flowers102",
    "oxford_iiit_pet",
    "patch_camelyon",
    "plant_village",
    "rock_paper_scissors",
    "stanford_dogs",
    "stl10",
    "svhn_cropped",
    "tf_flowers",
    "uc_merced",
)

NAMES = (*SAMPLES, *TFDS_NAMES)
