from __future__ import annotations

from cnnzoo.exporting.record import file_digest, record_path, record_text
from cnnzoo.reporting.exports import ExportRow, export_rows
from cnnzoo.runs.run import Run


def test_the_exports_of_a_run_become_rows(tmp_path):
    run = Run(tmp_path)
    assert export_rows(run) == []
    run.model_path.write_bytes(b"a model")
    run.exports_path.mkdir()
    verified = {
        "agreement": {"value": 0.995},
        "largest_difference": 0.0123,
        "accuracy_difference": {"value": -0.002},
    }
    records = {
        "a.onnx": {
            "format": "onnx",
            "contract": {"precision": "int8"},
            "bytes": 82_441,
            "model_sha256": file_digest(run.model_path),
            "verification": verified,
            "speed": {"exported": {"latency": 0.000_123_4}},
        },
        "b.tflite": {"format": "litert", "contract": {"precision": "float32"}, "bytes": 9},
    }
    for name, record in records.items():
        record_path(run.exports_path / name).write_text(record_text(record))
    row = ExportRow("onnx", "int8", "99.50%", "1.2e-02", "-0.0020", "82.4 kB", "0.123 ms", False)
    assert export_rows(run) == [
        row,
        ExportRow("litert", "float32", "not verified", "", "", "9 B", "", True),
    ]
