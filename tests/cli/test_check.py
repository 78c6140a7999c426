from __future__ import annotations

from conftest import TINY


def test_a_sound_file_is_silent_on_standard_output(in_process, tiny):
    assert in_process("check", "tiny.yaml") == (0, "", "1 file checked, no mistakes\n")


def test_all_mistakes_of_all_files_are_reported_in_a_form_that_editors_parse(in_process, tiny):
    (tiny.parent / "one.yaml").write_text(TINY.replace("filters: 4", "filtres: 4"))
    (tiny.parent / "two.yaml").write_text(
        TINY.replace("epochs: 2", "epochs: two").replace("digits", "digit")
    )
    code, out, err = in_process("check", "one.yaml", "tiny.yaml", "two.yaml", "three.yaml")
    assert code == 2
    assert "one.yaml:7:16: error: Conv2D has no argument 'filtres'; did you mean 'filters'?" in out
    assert "two.yaml:13:11: error: training.epochs must be an integer, not 'two'" in out
    assert "there is no configuration 'three.yaml'" in out
    assert err.startswith("4 files checked")


def test_shapes_that_clash_are_shown_with_what_led_to_them(in_process, tiny):
    pooled = TINY.replace(
        "    - Flatten", "    - MaxPooling2D: 4\n    - MaxPooling2D: 2\n    - Flatten"
    )
    tiny.write_text(pooled)
    code, out, _ = in_process("check", "tiny.yaml")
    assert code == 2
    assert "tiny.yaml:9:7: error: MaxPooling2D 2x2 does not fit its 1x1 input" in out
    assert "> MaxPooling2D 2x2   -" in out
    assert "hint: remove this pooling, or use padding: same before it" in out


def test_overrides_apply_to_every_file(in_process, tiny):
    assert in_process("check", "tiny.yaml", "training.epochs=3")[0] == 0
    code, out, _ = in_process("check", "tiny.yaml", "lenet", "training.epochs=soon")
    assert code == 2
    assert out.count("training.epochs=soon: error: training.epochs must be an integer") == 2
    assert "no configuration is named" in in_process("check", "training.epochs=3")[2]
