"""JSON Schema of a configuration, from which editors offer keys and values with one-line docs.

It is generated from the tables of the loader: the catalogue, the composites and the pydantic
sections. It accepts every configuration that loads: a required argument may come from
`model.defaults` and a required key from the extended file. `cnnzoo check` verifies the names of
blocks and variables.

The schema follows draft 2020-12 and uses mainly `$ref`, `anyOf`, `enum` and `properties`, from
which editors (yaml-language-server) offer names and texts.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from cnnzoo.config import catalogue
from cnnzoo.config.argument_types import EXPRESSION, TYPES, Schema, any_of, ref
from cnnzoo.config.calls import written
from cnnzoo.config.catalogue import Argument, Entry
from cnnzoo.config.composites import OWN, REQUIRED
from cnnzoo.config.layer_lists import ITEM_KEYS, MAX_REPEAT
from cnnzoo.config.notation import ACTIVATION_LAYERS
from cnnzoo.config.schema import Config
from cnnzoo.config.variables import RESERVED_VARIABLES

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(data_names: Iterable[str] = ()) -> Schema:
    """Return the schema of a configuration file; `data_names` are the names for `data`."""
    definitions: Schema = {**_BASICS, **_plain_types()}
    definitions |= _enums()
    for namespace in catalogue.namespaces():
        definitions |= _namespace(namespace)
    definitions |= _shared_arguments(definitions)
    definitions |= _LAYER_LISTS
    definitions["activations"] = _activations()
    root, sections = _sections()
    model = sections["ModelConfig"]["properties"]
    for key, schema in {**_MODEL, "defaults": _defaults()}.items():
        model[key] |= schema
    name = sections["DataConfig"]["properties"]["name"]
    name["anyOf"][0] |= {"enum": list(data_names)} if data_names else {}
    for section, key in (("DataConfig", "name"), ("Resize", "method")):
        sections[section] = {
            "description": sections[section]["description"],
            "anyOf": [sections[section], sections[section]["properties"][key]],
        }
    return {
        "$schema": DRAFT,
        "title": "cnnzoo configuration",
        **root,
        # A file may omit keys that the extended file has.
        "if": {"required": ["extends"]},
        "else": _COMPLETE,
        "$defs": definitions | sections,
    }


def schema_text(data_names: Iterable[str] = ()) -> str:
    """Return the schema as JSON with one definition a line: half the size of indented JSON."""
    schema = json_schema(data_names)
    definitions = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(definition, ensure_ascii=False)}"
        for name, definition in schema.pop("$defs").items()
    )
    head = json.dumps(schema, ensure_ascii=False, indent=1).removesuffix("\n}")
    return f'{head},\n "$defs": {{\n{definitions}\n}}\n}}\n'


# ── values ─────────────────────────────────────────────────────────────────────────────────────


def _bare_or_with_value(pattern: str) -> Schema:
    """Return the schema of a name of this pattern, alone or as the only key of a mapping."""
    return any_of(
        {"type": "string", "pattern": pattern},
        {
            "type": "object",
            "patternProperties": {pattern: {}},
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        },
    )


# 1/255 is a string in YAML and a number for the reader of cnnzoo.
_BASICS: Schema = {
    "expression": {
        "type": "string",
        "pattern": r"^\$([A-Za-z_][A-Za-z0-9_]*|\{(.|\n)+\})$",
        "description": "$name, or ${arithmetic} over variables and numbers",
    },
    "ratio": {
        "type": "string",
        "pattern": "^[-+]?[0-9]+/0*[1-9][0-9]*$",
        "description": "A fraction of two integers, such as 1/255",
    },
}


def _plain_types() -> Schema:
    """Return the definition of each type whose values are not calls of one namespace."""
    others = {"enum", *catalogue.namespaces()}  # these have separate definitions
    return {
        name: any_of(kind.form.schema, EXPRESSION)
        for name, kind in TYPES.items()
        if name not in others
    }


def _enums() -> Schema:
    """Return a definition for each set of words that an argument chooses from."""
    entries = [entry for own in OWN.values() for entry in own.values()]
    for namespace in catalogue.namespaces():
        entries += [_known(namespace, name) for name in catalogue.names(namespace)]
    arguments = [argument for entry in entries for argument in entry.arguments.values()]
    return {
        _enum_name(argument): any_of({"enum": list(argument.values)}, EXPRESSION)
        for argument in arguments
        if argument.type == "enum"
    }


def _enum_name(argument: Argument) -> str:
    return f"one_of.{'.'.join(argument.values)}"


def _argument_type(argument: Argument) -> Schema:
    """Return the schema of the value of an argument, as a reference."""
    name = _enum_name(argument) if argument.type == "enum" else argument.type
    if name in catalogue.namespaces() and name != "activations":
        return any_of(ref(name), EXPRESSION, *_null(argument))
    return any_of(ref(name), *_null(argument)) if argument.nullable else ref(name)


def _null(argument: Argument) -> list[Schema]:
    return [{"type": "null"}] if argument.nullable else []


def _argument(argument: Argument) -> Schema:
    schema = _argument_type(argument)
    if argument.doc:
        schema["description"] = argument.doc
    if not argument.required and argument.default is not REQUIRED and argument.default is not None:
        schema["default"] = _shortest(argument.type, argument.default)
    return schema


def _shortest(kind: str, default: object) -> Any:
    """Return a default in its shortest form: 2 for the window [2, 2]."""
    plain = written(default)
    is_window = kind.startswith(("size", "margin")) and isinstance(plain, list)
    return plain[0] if is_window and plain.count(plain[0]) == len(plain) else plain


# ── classes in the notation ────────────────────────────────────────────────────────────────────


def _known(namespace: str, name: str) -> Entry:
    entry = catalogue.entry(namespace, name)
    assert entry is not None  # the name comes from the catalogue itself
    return entry


def _namespace(namespace: str) -> Schema:
    """Return the definitions of a namespace: the arguments of each class, and a choice of class."""
    entries = {name: _known(namespace, name) for name in catalogue.names(namespace)}
    entries |= OWN.get(namespace, {})
    definitions = {f"{namespace}.{name}": _arguments(entry) for name, entry in entries.items()}
    aliases = catalogue.aliases(namespace)
    by_name = {**{name: name for name in entries}, **aliases}
    definitions[namespace] = any_of(
        *_words({alias: entries[name].doc for alias, name in by_name.items()}),
        {
            "type": "object",
            "properties": {alias: ref(f"{namespace}.{name}") for alias, name in by_name.items()},
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        },
    )
    return definitions


def _words(docs: Mapping[str, str]) -> list[Schema]:
    """Return a schema for each word, with the line of documentation that editors show."""
    return [{"const": word, "description": doc} for word, doc in docs.items()]


def _arguments(entry: Entry) -> Schema:
    """Return the forms of the arguments of a class: keywords first, then the short forms."""
    arguments = list(entry.arguments.values())
    keywords = {
        "type": "object",
        "properties": {argument.name: _argument(argument) for argument in arguments},
        "additionalProperties": False,
    }
    forms: list[Schema] = [keywords, {"type": "null"}]
    if arguments:
        # A list is positional and a mapping is keywords, so neither is a first argument.
        first = _argument_type(arguments[0])
        forms.insert(1, {"allOf": [{"type": ["string", "number", "boolean"]}, first]})
        forms.insert(
            2,
            {
                "type": "array",
                "prefixItems": [_argument_type(argument) for argument in arguments],
                "maxItems": len(arguments),
            },
        )
    # With `object` first, editors begin a mapping after a completed name.
    kinds = ["object", "array", "string", "number", "boolean", "null"]
    return {"description": entry.doc, "type": kinds, "anyOf": forms}


def _shared_arguments(definitions: Schema) -> Schema:
    """Move the schemas of arguments that several classes share to definitions, and return these.

    They make the schema half as large: nearly every layer has `name`, `trainable` and `dtype`.
    """
    places: dict[str, list[tuple[Schema, str]]] = {}
    for definition in definitions.values():
        for form in definition.get("anyOf", ()):
            properties = form.get("properties", {})
            for name, schema in properties.items():
                places.setdefault(f"{name} {json.dumps(schema)}", []).append((properties, name))
    shared: Schema = {}
    for copies in places.values():
        properties, name = copies[0]
        if len(copies) == 1 or list(properties[name]) == ["$ref"]:
            continue
        same_name = sum(1 for known in shared if known.split(".")[1] == name)
        key = f"argument.{name}.{same_name + 1}" if same_name else f"argument.{name}"
        shared[key] = properties[name]
        for properties, _ in copies:
            properties[name] = ref(key)
    for definition in definitions.values():
        keywords, *others = definition.get("anyOf", [{}])
        for form in others:
            if "prefixItems" in form:
                form["prefixItems"] = list(keywords["properties"].values())
    return shared


def _activations() -> Schema:
    functions = {name: name for name in catalogue.names("activations")}
    functions |= catalogue.aliases("activations")
    return any_of(
        *_words({word: _known("activations", name).doc for word, name in functions.items()}),
        *_words({name: _known("layers", name).doc for name in ACTIVATION_LAYERS}),
        {
            "type": "object",
            "properties": {name: ref(f"layers.{name}") for name in ACTIVATION_LAYERS},
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        },
        EXPRESSION,
    )


# ── layer lists ────────────────────────────────────────────────────────────────────────────────

_WORD = "[a-z][a-z0-9_]*"
_BLOCK = f"^(?!({'|'.join(ITEM_KEYS)})$){_WORD}$"
_RESERVED = "|".join(RESERVED_VARIABLES)
_OWN_VARIABLE = f"^(?!({_RESERVED})$){_WORD}$"

_LAYER_LISTS: Schema = {
    "layer_list": {"type": "array", "items": ref("layer_item")},
    "layer_lists": {"type": "array", "items": ref("layer_list"), "minItems": 2},
    "layer_item": any_of(ref("layers"), ref("block_use"), ref("repeat"), ref("when")),
    "block_use": {
        "description": "A block that model.blocks defines, with values for its parameters",
        **_bare_or_with_value(_BLOCK),
    },
    "repeat": {
        "type": "object",
        "description": "Repeated layers; $index counts from 0",
        "properties": {
            "repeat": {
                "description": "Number of copies, or lists with the values of each copy",
                **any_of(
                    {"type": "integer", "minimum": 0, "maximum": MAX_REPEAT},
                    EXPRESSION,
                    {
                        "type": "object",
                        "additionalProperties": any_of({"type": "array"}, EXPRESSION),
                        "minProperties": 1,
                    },
                ),
            },
            "layers": ref("layer_list"),
        },
        "required": ["repeat", "layers"],
        "additionalProperties": False,
    },
    "when": {
        "type": "object",
        "description": "Layers that are used only if a condition holds",
        "properties": {
            "when": {
                "description": "A condition, such as ${filters != channels}; 0 is false",
                **any_of({"type": "boolean"}, {"type": "number"}, EXPRESSION),
            },
            "layers": ref("layer_list"),
            "else": {"description": "Layers otherwise", **ref("layer_list")},
        },
        "required": ["when"],
        "minProperties": 2,
        "additionalProperties": False,
    },
    "block": {
        "type": "object",
        "properties": {
            "parameters": {
                "description": "Names, one with a default as NAME: VALUE",
                "type": "array",
                "items": _bare_or_with_value(_OWN_VARIABLE),
            },
            "layers": ref("layer_list"),
        },
        "additionalProperties": False,
    },
}

# pydantic describes these keys of the model only as lists and mappings.
_MODEL: Schema = {
    "layers": {"type": "array", "items": ref("layer_item"), "minItems": 1},
    "blocks": {
        "type": "object",
        "patternProperties": {_BLOCK: ref("block")},
        "additionalProperties": False,
    },
    "params": {"type": "object", "propertyNames": {"pattern": _OWN_VARIABLE}},
}


def _defaults() -> Schema:
    names = {name: name for name in [*catalogue.names("layers"), *OWN["layers"]]}
    names |= catalogue.aliases("layers")
    return {
        "type": "object",
        "properties": {
            alias: {"$ref": f"#/$defs/layers.{name}/anyOf/0"} for alias, name in names.items()
        },
        "additionalProperties": False,
    }


# ── sections ───────────────────────────────────────────────────────────────────────────────────

# Requirements for a file without `extends`.
_COMPLETE: Schema = {
    "required": ["model"],
    "properties": {
        "model": {
            "required": ["input_shape", "layers"],
            "properties": {"blocks": {"additionalProperties": {"required": ["layers"]}}},
        }
    },
}

_EXTENDS: Schema = {
    "type": "string",
    "minLength": 1,
    "description": "A file in this folder, or a zoo name; this file overrides its values",
}


class _SectionSchema(GenerateJsonSchema):
    """Generator of pydantic, with defaults in the notation and without titles."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        generated = super().model_schema(schema)
        for key, docstring in _field_docstrings(schema["cls"]).items():
            generated["properties"][key]["description"] = docstring
        return generated

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        return {}  # a Call or another part of the notation, which `_MODEL` describes

    def encode_default(self, dft: Any) -> Any:
        return written(dft)

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _field_docstrings(section: type) -> dict[str, str]:
    """Return the docstring below each field of a section that has one.

    `use_attribute_docstrings` of pydantic would parse the sources at each start of cnnzoo.
    """
    (definition,) = ast.parse(inspect.getsource(section)).body
    assert isinstance(definition, ast.ClassDef)
    return {
        name: inspect.cleandoc(docstring)
        for field, below in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr)
        for name, docstring in [(ast.unparse(field.target), ast.literal_eval(below.value))]
    }


def _sections() -> tuple[Schema, dict[str, Schema]]:
    """Return the schema of the whole file, and the definition of each section in it."""
    root: Schema = Config.model_json_schema(schema_generator=_SectionSchema)
    definitions = root.pop("$defs")
    sections = {name: schema for name, schema in definitions.items() if "properties" in schema}
    for section in (root, *sections.values()):
        del section["title"]
        section.pop("required", None)
        section["description"] = section["description"].split("\n")[0]
        for key, value in section["properties"].items():
            described = _in_notation(value)
            if "description" in described:  # the docstring of the field, which is a sentence
                described["description"] = described["description"].removesuffix(".")
            section["properties"][key] = described
    root["properties"]["extends"] = _EXTENDS
    return root, sections


def _in_notation(schema: Any) -> Any:
    """Return the schema of a field with references to the notation, and ratios as numbers."""
    if isinstance(schema, list):
        return [_in_notation(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "notation" in schema:
        extra = {key: value for key, value in schema.items() if key != "notation"}
        return {**ref(schema["notation"]), **extra}
    if schema.get("type") == "number":
        outer = {key: schema[key] for key in ("default", "description") if key in schema}
        inner = {key: value for key, value in schema.items() if key not in outer}
        return {**any_of(inner, ref("ratio")), **outer}
    return {
        # A default is data, not a schema; a default of None is omitted.
        key: value if key == "default" else _in_notation(value)
        for key, value in schema.items()
        if (key, value) != ("default", None)
    }
