from __future__ import annotations

from cnnzoo.training.hardware import cpu_flags, find_hardware, main_memory


def test_the_flags_of_a_cpu_are_words(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text("processor\t: 0\nflags\t\t: fpu avx512_bf16x avx2\nbugs\t\t: amx_bf16\n")
    assert cpu_flags(path) == {"fpu", "avx512_bf16x", "avx2"}


def test_a_system_that_does_not_say_has_no_flags(tmp_path):
    assert cpu_flags(tmp_path / "cpuinfo") == frozenset()
    (tmp_path / "cpuinfo").write_text("Processor\t: ARMv8\nFeatures\t: bf16\n")
    assert cpu_flags(tmp_path / "cpuinfo") == frozenset()


def test_a_container_may_use_less_memory_than_the_machine_has(tmp_path):
    everything = main_memory(())
    limit, none, damaged = tmp_path / "limit", tmp_path / "none", tmp_path / "damaged"
    limit.write_text("1048576\n")
    none.write_text("max\n")
    damaged.write_text("")
    assert main_memory((none, damaged, tmp_path / "missing")) == everything
    assert main_memory((none, limit)) == 1048576
    assert everything is None or everything > 2**26


def test_the_hardware_is_that_of_the_backend_in_use():
    import keras

    hardware = find_hardware()
    assert hardware.backend == keras.backend.backend()
    devices = keras.distribution.list_devices()
    assert (hardware.gpu is not None) == any(device.startswith("gpu") for device in devices)
