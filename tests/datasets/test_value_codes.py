from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cnnzoo.datasets.items import in_order
from cnnzoo.datasets.value_codes import ordered_codes


@given(st.lists(st.text(max_size=2) | st.integers(0, 30).map(str)))
def test_every_value_keeps_its_place_and_has_the_code_of_its_order(values):
    seen: dict[str, int] = {}
    codes = [seen.setdefault(value, len(seen)) for value in values]
    ordered, indices = ordered_codes(seen, np.array(codes, np.int32))
    assert ordered == in_order(values)
    assert [ordered[index] for index in indices] == values
    assert indices.dtype == np.int32
