"""Find copies of pictures in a data set: exact ones by content, near ones by a perceptual hash.

Two pictures are near duplicates if their hashes differ in at most MAX_DISTANCE of 64 bits, their
thumbnails correlate by at least MIN_CORRELATION, and they are CLOSER to each other than is usual in
this data set: 1 - correlation is at most a fifth of that to the 10th nearest of 4,000 pictures, and
to the 20th nearest of 32,768. The last condition is for data such as digits and clothes on black,
in which pictures of different things correlate by 0.97; among the faces of FER2013 few pairs reach
0.9. It is not applied from CERTAIN on.

The thresholds were chosen by inspecting pairs. Of the 494 least certain pairs found in FER2013, one
was false (two men under one watermark); the others show one photograph, cut, compressed or marked
differently. All 8 pairs among 1,818 photographs of actors are right; in the 70,000 digits of MNIST
34 pairs are found, and 303 in Fashion-MNIST, mostly of one article. The hash alone finds 11,000
pairs among 5,000 digits. Not found: mirrored and strongly cropped copies, and groups of ten or more
copies in a small data set, unless they are CERTAIN.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cnnzoo.datasets.check.pictures import Traits

MAX_DISTANCE = 6
MIN_CORRELATION = 0.93
CERTAIN = 0.995
CLOSER = 0.2

# (sample size, n): the n-th nearest of a sample defines the usual distance. A small sample is for
# all candidates, a large one for the remaining ones.
_SAMPLES = ((4000, 10), (2**15, 20))
# The most pairs that are compared, per picture and at least. MNIST has 35 per picture.
_PAIRS_EACH, _MIN_PAIRS = 200, 2**20
_BITS = 64
_BLOCK = 2**22  # pairs of hashes that are compared at a time
_ROWS = 2**12  # thumbnails that are in memory at a time

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Copies:
    """A picture and its copies, as indices.

    `same_pixels[i]` is the first picture with exactly the pixels of `copies[i]`, -1 if that copy is
    the first.
    """

    kept: int
    copies: Indices
    same_pixels: Indices


class TooAlikeError(Exception):
    """Too many pictures have similar hashes: comparing all pairs would take hours."""


def find_copies(traits: Traits, order: Indices, *, exact: bool = False) -> list[Copies]:
    """Find the pictures that have copies among `order`, the indices of those to keep first.

    Each copy is a copy of the kept picture, not only of another copy; no two kept pictures are
    copies of each other. With `exact`, near duplicates are not copies.

    Raises TooAlikeError, unless `exact`.
    """
    if not len(order):
        return []
    _, first, content = np.unique(traits.contents[order], return_index=True, return_inverse=True)
    distinct = np.sort(first)
    near: dict[int, int] = {}
    pairs = near_pairs(traits, order[distinct]) if not exact else np.empty((0, 2), np.intp)
    for kept, other in distinct[pairs].tolist():
        if kept not in near:
            near.setdefault(other, kept)
    of_content = first[content]
    same_pixels = np.where(of_content == np.arange(len(order)), -1, order[of_content])
    owner = np.array([near.get(position, position) for position in of_content.tolist()], np.intp)
    by_owner = np.argsort(owner, kind="stable")
    groups = np.split(by_owner, np.flatnonzero(np.diff(owner[by_owner])) + 1)
    return [
        Copies(int(order[group[0]]), order[group[1:]], same_pixels[group[1:]])
        for group in groups
        if len(group) > 1
    ]


def near_pairs(traits: Traits, chosen: Indices) -> Indices:
    """Find the near duplicates among the chosen pictures: positions [m, 2], in ascending order.

    Raises TooAlikeError.
    """
    hashes, thumbnails = traits.hashes[chosen], traits.thumbnails
    left = max(_MIN_PAIRS, _PAIRS_EACH * len(chosen))
    found, values = [np.empty((0, 2), np.intp)], [np.empty(0, np.float32)]
    for pairs in _similar_hashes(hashes):
        left -= len(pairs)
        if left < 0:
            raise TooAlikeError
        correlations = _correlations(thumbnails, chosen[pairs])
        close = correlations >= MIN_CORRELATION
        found.append(pairs[close])
        values.append(correlations[close])
    pairs, distances = np.concatenate(found), 1 - np.concatenate(values)
    for size, nearest in _SAMPLES:
        members, places = np.unique(pairs, return_inverse=True)
        usual = _usual_distances(thumbnails, chosen, chosen[members], size, nearest)
        closer = distances <= CLOSER * usual[places.reshape(pairs.shape)].min(axis=1)
        near = closer | (distances <= 1 - CERTAIN)
        pairs, distances = pairs[near], distances[near]
    ordered: Indices = np.unique(pairs, axis=0)
    return ordered


def _similar_hashes(hashes: NDArray[np.uint64]) -> Iterator[Indices]:
    """Yield pairs [k, 2] of hashes with at most MAX_DISTANCE different bits, each pair once.

    Such a pair has at least one of MAX_DISTANCE + 1 bands of bits in common, so only hashes that
    share a band are compared.
    """
    edges = np.linspace(0, _BITS, MAX_DISTANCE + 2).astype(int).tolist()
    bands = [np.uint64(2**high - 2**low) for low, high in pairwise(edges)]
    for number, band in enumerate(bands):
        keys = hashes & band
        order = np.argsort(keys, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
            rows = max(1, _BLOCK // max(1, len(members)))
            for start in range(0, len(members) - 1, rows):
                rest = members[start:]
                different = hashes[rest[:rows], None] ^ hashes[rest]
                one, other = np.nonzero(np.bitwise_count(different) <= MAX_DISTANCE)
                new = one < other
                for earlier in bands[:number]:
                    new &= (different[one, other] & earlier) != 0
                if new.any():
                    yield np.sort(np.stack([rest[one[new]], rest[other[new]]], axis=1), axis=1)


def _correlations(thumbnails: NDArray[np.uint8], pairs: Indices) -> NDArray[np.float32]:
    """Return the correlation of the two pictures of each pair, float32 [k]."""
    result = np.empty(len(pairs), np.float32)
    for start in range(0, len(pairs), _ROWS):
        rows = slice(start, start + _ROWS)
        one, other = (_normalized(thumbnails[pairs[rows, side]]) for side in (0, 1))
        result[rows] = np.einsum("ij,ij->i", one, other)
    return result


def _usual_distances(
    thumbnails: NDArray[np.uint8], chosen: Indices, members: Indices, size: int, nearest: int
) -> NDArray[np.float32]:
    """Return 1 - the correlation of each member with the n-th nearest of a sample of the chosen."""
    result = np.empty(len(members), np.float32)
    if not len(members):
        return result
    size = min(size, len(chosen))
    sampled = np.sort(np.random.default_rng(0).choice(chosen, size, replace=False))
    sample = _normalized(thumbnails[sampled]).T
    place = max(0, size - nearest)
    rows_at_a_time = _BLOCK // size
    for start in range(0, len(members), rows_at_a_time):
        rows = slice(start, start + rows_at_a_time)
        correlations = _normalized(thumbnails[members[rows]]) @ sample
        result[rows] = 1 - np.partition(correlations, place, axis=1)[:, place]
    return result


def _normalized(thumbnails: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return pictures as vectors float32 [k, SIDE * SIDE] of mean 0 and length 1."""
    vectors = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    vectors -= vectors.mean(axis=1, keepdims=True)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-6
    return vectors
