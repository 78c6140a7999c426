"""Every broken configuration says all that is wrong with it, where, and the way out.

`tests/fixtures/broken/NAME.yaml` is what a person might write, `NAME.txt` what cnnzoo answers.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnzoo.config.loader import load_config
from cnnzoo.errors import CnnzooError
from cnnzoo.training.checks import check_config

BROKEN = Path(__file__).parents[1] / "fixtures" / "broken"
NAMES = sorted(path.stem for path in BROKEN.glob("*.yaml"))


@pytest.fixture(autouse=True)
def _in_the_corpus(monkeypatch):
    monkeypatch.chdir(BROKEN)  # so that a message shows the bare name of the file


def refusal(name: str) -> CnnzooError:
    with pytest.raises(CnnzooError) as caught:
        check_config(load_config(f"{name}.yaml"))
    return caught.value


@pytest.mark.parametrize("name", NAMES)
def test_message(name):
    error = refusal(name)
    assert f"{error}\n" == (BROKEN / f"{name}.txt").read_text(encoding="utf-8")
    assert error.exit_code == 2


@pytest.mark.parametrize("name", NAMES)
def test_every_mistake_has_a_place_in_the_file_and_they_are_in_order(name):
    places = [mistake.place for mistake in refusal(name).mistakes]
    assert None not in places
    assert places == sorted(places, key=lambda place: (place.file, place.line, place.column))
    for place in places:
        lines = Path(place.file).read_text(encoding="utf-8").split("\n")
        assert 1 <= place.line <= len(lines)
        assert 1 <= place.column <= len(lines[place.line - 1]) + 1


def test_every_answer_has_its_question():
    assert sorted(path.stem for path in BROKEN.glob("*.txt")) == NAMES
    assert len(NAMES) >= 60
