"""What two Keras models must have in common to be the same architecture."""

from __future__ import annotations

from typing import Any


def outline(model: Any) -> Any:
    """Classes and configurations, without the names that nobody wrote."""

    def plain(value: Any, names: dict[str, str]) -> Any:
        if isinstance(value, dict):
            return {
                key: plain(item, names)
                for key, item in value.items()
                if key not in ("name", "build_config", "registered_name", "module")
            }
        if isinstance(value, list | tuple):
            return [plain(item, names) for item in value]
        return names.get(value, value) if isinstance(value, str) else value

    def numbered(layers: list[Any]) -> dict[str, str]:
        return {layer.name: f"layer {number}" for number, layer in enumerate(layers)}

    def described(layer: Any) -> Any:
        if not hasattr(layer, "layers"):
            return type(layer).__name__, plain(layer.get_config(), {})
        graph = plain(
            [node.get("inbound_nodes") for node in layer.get_config()["layers"]],
            numbered(layer.layers),
        )
        return type(layer).__name__, [described(inner) for inner in layer.layers], graph

    return described(model)
