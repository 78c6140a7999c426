from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import cnnzoo
from cnnzoo.datasets.class_names import class_names_of
from cnnzoo.datasets.classes import classes_of, names_in_order
from cnnzoo.datasets.items import make_items
from cnnzoo.datasets.load import load_dataset
from cnnzoo.datasets.selection import select
from cnnzoo.errors import DataError

ANIMALS = ("bird", "cat", "cow", "dog")


def classes(values=ANIMALS, **settings):
    return classes_of(values, data(**settings))


def data(**settings):
    return cnnzoo.DataConfig(**{"folder": "/animals"} | settings)


@pytest.fixture
def animals(tmp_path):
    for name in ANIMALS:
        (tmp_path / name).mkdir()
        for index in range(5):
            Image.new("L", (4, 4), index).save(tmp_path / name / f"{index}.png")
    return tmp_path


def test_without_settings_the_classes_are_those_of_the_source():
    assert classes() == {name: name for name in ANIMALS}
    assert names_in_order(classes(), data()) == ANIMALS


def test_a_list_chooses_and_orders():
    settings = data(classes=["dog", "bird"])
    chosen = classes_of(ANIMALS, settings)
    assert chosen == {"bird": "bird", "dog": "dog"}
    assert names_in_order(chosen, settings) == ("dog", "bird")


def test_a_mapping_renames_and_joins():
    settings = data(classes={"cow": "farm", "cat": "house", "dog": "house"})
    chosen = classes_of(ANIMALS, settings)
    assert chosen == {"cat": "house", "cow": "farm", "dog": "house"}
    assert names_in_order(chosen, settings) == ("farm", "house")


def test_labels_name_the_values_of_the_source_in_their_order():
    values = ("0", "1", "2")
    assert list(classes(values, labels=["man", "woman", "child"]).values()) == [
        "man",
        "woman",
        "child",
    ]
    named = classes(values, labels={"2": "old", 0: "young", 1: "young"})
    assert named == {"2": "old", "0": "young", "1": "young"}
    assert names_in_order(named, data()) == ("old", "young")


def test_labels_may_name_more_values_than_there_are():
    assert classes(("0", "2"), labels=["a", "b", "c"]) == {"0": "a", "2": "c"}


def test_classes_choose_among_the_names_that_labels_give():
    values = ("0", "1", "2")
    settings = {"labels": ["cat", "dog", "cow"], "classes": {"cow": "farm", "dog": "house"}}
    assert classes(values, **settings) == {"1": "house", "2": "farm"}
    with pytest.raises(DataError, match="animals has no class '1'"):
        classes(values, labels=["cat", "dog", "cow"], classes=["1", "2"])


def test_an_unknown_class_is_refused_with_the_known_ones():
    with pytest.raises(DataError, match=r"no class 'dig'; did you mean 'dog'\?") as failed:
        classes(classes=["cat", "dig"])
    assert "its classes: 'bird', 'cat', 'cow', 'dog'" in str(failed.value)


def test_of_many_known_classes_some_are_listed():
    with pytest.raises(DataError) as failed:
        classes(tuple(map(str, range(1000))), classes=["a", "b"])
    assert "'49', … 950 more" in str(failed.value)


def test_a_label_without_a_name_is_refused():
    with pytest.raises(DataError, match="does not name the label '2', '3' of animals"):
        classes(("0", "1", "2", "3"), labels=["a", "b"])


def test_a_wrong_label_is_named_with_an_item_that_has_it():
    items = make_items(["all/0_1.png", "all/7_1.png", "all/7_2.png"], ["0", "7", "7"])
    with pytest.raises(DataError, match=r"label '7' of animals, as all/7_1\.png has"):
        select(items, data(labels={"0": "man", "1": "woman"}))


def test_a_code_that_lost_its_zeros_is_to_be_quoted():
    with pytest.raises(DataError, match="has no class '1'") as refused:
        classes(("001", "002", "010"), classes=[1, 2])
    assert "write \"'001'\"" in str(refused.value)
    assert list(classes(("001", "002"), classes=["001", "002"])) == ["001", "002"]
    with pytest.raises(DataError) as refused:
        classes(("1", "2"), classes=["3", "1"])
    assert "quotes" not in str(refused.value)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_compare_in_every_form_of_unicode(form):
    cafe, the = (unicodedata.normalize(form, name) for name in ("caf\u00e9", "th\u00e9"))
    written = data(classes=[the, cafe])
    assert classes_of(("caf\u00e9", "th\u00e9"), written) == {
        "caf\u00e9": "caf\u00e9",
        "th\u00e9": "th\u00e9",
    }
    assert classes(("0", "1"), labels=[cafe, the]) == {"0": "caf\u00e9", "1": "th\u00e9"}


@pytest.mark.parametrize(
    ("values", "settings"),
    [
        (("cat",), {}),
        (ANIMALS, {"classes": {"cat": "animal", "dog": "animal"}}),
        (("0", "1"), {"labels": ["animal", "animal"]}),
    ],
)
def test_one_class_is_refused(values, settings):
    with pytest.raises(DataError, match=r"has 1 class, '?(cat|animal)'?; a classifier needs two"):
        classes(values, **settings)


def test_a_class_whose_name_no_model_can_hold_is_refused():
    odd = ("bird", "c\udcff")
    with pytest.raises(DataError, match="not text in UTF-8") as refused:
        classes(odd)
    assert "rename" in str(refused.value)
    assert classes(("bird", "птица")) == {"bird": "bird", "птица": "птица"}


renamings = st.dictionaries(st.sampled_from(ANIMALS), st.sampled_from("xyz"), min_size=2).filter(
    lambda renaming: len(set(renaming.values())) > 1
)


@given(renamings)
def test_every_chosen_value_gets_its_name_and_no_other(renaming):
    settings = data(classes=renaming)
    chosen = classes_of(ANIMALS, settings)
    assert chosen == renaming
    assert names_in_order(chosen, settings) == tuple(dict.fromkeys(renaming.values()))


def test_the_classes_of_a_sample_need_no_file_and_are_checked():
    digits = cnnzoo.DataConfig(name="digits", classes=["3", "1"])
    assert class_names_of(digits, (8, 8, 1)) == ("3", "1")
    with pytest.raises(DataError, match="digits has no class '11'"):
        class_names_of(cnnzoo.DataConfig(name="digits", classes=["3", "11"]), (8, 8, 1))


def test_classes_that_are_written_need_no_folder():
    assert class_names_of(data(folder="/none", classes=["b", "a"]), (8, 8, 1)) == ("b", "a")


@pytest.mark.parametrize("name", ["mnist", None])
def test_classes_that_are_written_need_no_data_set_of_tensorflow(name):
    source = {"name": name} if name else {"tfds": "imagenet2012"}
    written = cnnzoo.DataConfig(**source, classes=["b", "a"], data_dir="/none")
    assert class_names_of(written, (8, 8, 1)) == ("b", "a")


def test_the_classes_of_a_folder_are_known_before_it_is_decoded(animals, monkeypatch):
    monkeypatch.setenv("CNNZOO_CACHE", str(animals / "cache"))
    assert class_names_of(data(folder=str(animals)), (8, 8, 1)) == ANIMALS
    assert not (animals / "cache").exists()


def test_the_classes_of_what_is_in_the_cache_are_those_of_the_data_set(animals, monkeypatch):
    settings = data(folder=str(animals))
    dataset = load_dataset(settings, image_shape=(8, 8, 1))
    monkeypatch.setattr("cnnzoo.datasets.sources.folder.Folder.items", None)
    assert class_names_of(settings, (8, 8, 1)) == dataset.class_names == ANIMALS


def test_a_folder_that_is_not_there_is_refused():
    with pytest.raises(DataError, match="/none cannot be read"):
        class_names_of(data(folder="/none"), (8, 8, 1))
