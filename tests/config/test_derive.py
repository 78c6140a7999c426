from __future__ import annotations

from pathlib import Path

from cnnzoo.config.derive import SCHEMA_FILE, derived_text


def test_it_is_the_text_of_the_source_under_the_name_of_the_target(tmp_path: Path) -> None:
    source = tmp_path / "source.yaml"
    source.write_text("---\n# what it is\nextends: lenet\nname: old # why\nseed: 1\n", "utf-8")
    assert derived_text(source, tmp_path / "fresh.yaml").splitlines() == [
        f"# yaml-language-server: $schema={SCHEMA_FILE.as_posix()}",
        "---",
        "# what it is",
        "extends: lenet",
        "name: fresh # why",
        "seed: 1",
    ]


def test_a_key_of_the_same_word_deeper_down_stays(tmp_path: Path) -> None:
    source = tmp_path / "source.yaml"
    source.write_text("extends: lenet\ndata:\n  name: digits\n", "utf-8")
    lines = derived_text(source, tmp_path / "fresh.yaml").splitlines()
    assert lines[1:] == ["name: fresh", "extends: lenet", "data:", "  name: digits"]
