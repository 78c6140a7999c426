"""Images: decoding, fitting to a shape, and decoding in threads."""

from cnnzoo.datasets.images.fit import Fit as Fit

__all__ = ["Fit"]
