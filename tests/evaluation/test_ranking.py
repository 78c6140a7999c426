from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from cnnzoo.evaluation.ranking import Ranking


@given(st.integers(2, 40), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_areas_are_scikit_learns_for_any_weights_and_ties(count, levels, seed):
    rng = np.random.default_rng(seed)
    scores = (rng.integers(0, levels, count) / levels).astype(np.float32)
    positive = rng.permutation(np.arange(count) < rng.integers(1, count))
    weights = rng.integers(0, 3, (4, count)).astype(float)
    areas = Ranking(scores, positive).areas(weights)
    auc, precision = areas["roc_auc"], areas["pr_auc"]
    for row, each in enumerate(weights):
        drawn = set(positive[each > 0].tolist())
        if drawn == {True, False}:
            expected = roc_auc_score(positive, scores, sample_weight=each)
            assert auc[row] == pytest.approx(expected)
            # scikit-learn stumbles over a weight of 0 in front of all others.
            times = each.astype(int)
            expected = average_precision_score(positive.repeat(times), scores.repeat(times))
            assert precision[row] == pytest.approx(expected)
        else:
            assert np.isnan(auc[row])
