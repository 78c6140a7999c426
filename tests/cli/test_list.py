from __future__ import annotations

from cnnzoo.config import zoo


def test_every_network_of_the_zoo_is_listed_with_its_size(in_process):
    code, out, err = in_process("list")
    assert (code, err) == (0, "")
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert set(zoo.names()) <= set(lines)
    assert "28x28x1" in lines["lenet"]
    assert "61,706" in lines["lenet"]
    assert "416,520" in lines["lenet"]
