"""Convert the architecture of a configuration to Python functions that build it.

The functions keep the shape of the file: a block is a function, a repeat is a loop, `when` is an
`if`, `params` are constants, `$channels` is `x.shape[-1]`. A composite or an attention layer is a
functional model nested in the Sequential, as `cnnzoo.models.build` makes it.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cnnzoo.architecture.names import MERGE_LAYERS
from cnnzoo.config import catalogue
from cnnzoo.config.calls import Block, BlockUse, Call, Item, Repeat, When, has_expression
from cnnzoo.config.composites import (
    APPLICATIONS,
    ATTENTION,
    MERGED,
    OWN,
    TRAINED,
    known_arguments,
)
from cnnzoo.config.expressions import Expression, variables_of
from cnnzoo.config.macros import spelled_out, split_channels
from cnnzoo.config.schema import Config
from cnnzoo.config.variables import REPEAT_VARIABLES, SHAPE_VARIABLES
from cnnzoo.errors import ConfigError
from cnnzoo.models.convert.python_text import (
    Code,
    Parts,
    call,
    collection,
    conditional,
    flat,
    laid_out,
    literal,
)

# Variables of a shape → their Python; {} is the name of the current tensor.
_SHAPES = {
    "height": "{}.shape[1]",
    "width": "{}.shape[2]",
    "channels": "{}.shape[-1]",
    "length": "{}.shape[1]",
    "features": "{}.shape[-1]",
}

_PREFIXES = {"layers": "layers", "schedules": "keras.optimizers.schedules"}
# Namespaces in which first arguments are usually written without their names.
_POSITIONAL = ("layers", "regularizers", "constraints")
_KEYWORD_ONLY = ("axis", "name")

_TAKEN = {*dir(builtins), *keyword.kwlist, "keras", "layers", "np", "inputs", "x", "make_model"}
_TAKEN |= {"load_data", "main", "math", "sys", "Image", "ImageOps", "Path"}
_TAKEN |= {"load_digits", "mnist_data", "train_test_split"}

_LONG = 50  # letters of the argument of a layer; a longer one is a statement

# A variable of the configuration → its Python expression.
Scope = Mapping[str, str]


@dataclass
class Script:
    """The parts of a script that occur once: constants that are used, and a function per block."""

    config: Config
    classes: int | None
    functions: dict[str, list[str]] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)

    def globals(self) -> dict[str, str]:
        """Return the variables that are known everywhere, as constants."""
        return {name: name.upper() for name in (*self.config.model.params, "classes")}

    def constant(self, name: str) -> None:
        """Record that a constant is used."""
        training = self.config.training
        known = {
            **self.config.model.params,
            "classes": self.classes,
            "epochs": training.epochs,
            "batch_size": training.batch_size,
        }
        self.constants[name.upper()] = known[name]

    def constant_lines(self) -> list[str]:
        """Return an assignment for each constant that is used, in the order of the file."""
        order = [*map(str.upper, self.config.model.params), "CLASSES", "EPOCHS", "BATCH_SIZE"]
        lines = []
        for name in sorted(self.constants, key=order.index):
            lines += laid_out(literal(self.constants[name]), lead=f"{name} = ")
        return lines

    def expression(self, expression: Expression, scope: Scope) -> Code:
        """Return the Python of an expression."""
        for name in variables_of(expression):
            if scope[name] == name.upper():
                self.constant(name)
        text = expression.text[1:].strip("{}").strip()
        tree = _Substitute(scope).visit(ast.parse(text, mode="eval"))
        if isinstance(tree.body, ast.IfExp):
            parts = (tree.body.body, tree.body.test, tree.body.orelse)
            return conditional(*(_tight_powers(ast.unparse(part)) for part in parts))
        return _tight_powers(ast.unparse(tree))

    def value(self, value: Any, scope: Scope) -> Code:
        """Return the Python of an argument."""
        if isinstance(value, Expression):
            return self.expression(value, scope)
        if isinstance(value, Call):
            return _as_word(value) or self.call(value, scope)
        if isinstance(value, tuple) and has_expression(value):
            return collection("()", [self.value(item, scope) for item in value])
        return literal(value)

    def call(self, made: Call, scope: Scope, applied_to: str = "") -> Code:
        """Return Python that makes a Keras object and applies a layer to a tensor."""
        if made.namespace == "schedules":
            (made,) = spelled_out(made)
        known = known_arguments(made.namespace, made.name)
        written = {
            name: self.value(made.arguments[name], scope)
            for name, argument in known.items()
            if name in made.arguments
            and (argument.required or not _is_default(made.arguments[name], argument.default))
        }
        arguments = []
        if made.namespace in _POSITIONAL:
            for number, (name, argument) in enumerate(known.items()):
                positional = argument.required or (number == 0 and name not in _KEYWORD_ONLY)
                if name not in written or not positional:
                    break
                arguments.append(("", written.pop(name)))
        prefix = _PREFIXES.get(made.namespace, f"keras.{made.namespace}")
        return call(f"{prefix}.{made.name}", [*arguments, *written.items()], applied_to)

    # ── functions ──────────────────────────────────────────────────────────────────────────────

    def model(self) -> list[str]:
        """Return the function that makes the model."""
        model, name = self.config.model, literal(self.config.name)
        first = call("keras.Input", [("", literal(model.input_shape))])
        if layers := _plain_layers(model.layers):
            listed = collection("[]", [first, *(self.call(it, self.globals()) for it in layers)])
            sequential = call("keras.Sequential", [("", listed), ("name", name)])
            return ["def make_model():", *laid_out(sequential, 1, "return ")]
        body = _Body(self, {"inputs", "x"})
        body.assign("inputs", first)
        body.items(model.layers, self.globals(), "inputs", "x")
        body.note("# A chain of layers is a Sequential; branches are models within it.")
        layers_of = call(
            "keras.Sequential", [("", "keras.Model(inputs, x).layers"), ("name", name)]
        )
        body.statements.append(_Statement(1, "return ", layers_of))
        return ["def make_model():", *body.lines()]

    def function(self, name: str) -> str:
        """Return the name of the function of a block; write it when it is first used."""
        python = _free(name, _TAKEN)
        if name not in self.functions:
            block = self.config.model.blocks[name]
            self.functions[name] = self._function_lines(python, block)
        return python

    def parameter_names(self, block: Block) -> dict[str, str]:
        """Return the names of the parameters of a block in its function."""
        functions = {_free(name, _TAKEN) for name in self.config.model.blocks}
        return {name: _free(name, _TAKEN | functions) for name in block.parameters}

    def _function_lines(self, python: str, block: Block) -> list[str]:
        names = self.parameter_names(block)
        body = _Body(self, {"x", *names.values()})
        body.items(block.layers, {**self.globals(), **names}, "x", "x")
        body.finish("x")
        required, optional = _parameters(block)
        parameters: list[tuple[str, Code]] = [("", "x"), *(("", names[name]) for name in required)]
        parameters += [(f"{names[name]}=", literal(block.defaults[name])) for name in optional]
        header = Parts(f"{python}(", tuple(parameters), ")", is_call=False)
        return [*laid_out(header, 0, "def ", ":"), *body.lines()]


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement at a depth of indentation: `lead` and `tail` around code."""

    depth: int
    lead: str
    code: Code
    tail: str = ""


@dataclass
class _Body:
    """The statements of one function; `taken` are the names that it uses."""

    script: Script
    taken: set[str]
    statements: list[_Statement] = field(default_factory=list)
    depth: int = 1
    # The loops and conditions around a statement, and their counters with the first value.
    loops: list[tuple[str, Code]] = field(default_factory=list)
    counters: dict[str, Code] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Return the statements as source."""
        return [
            line for it in self.statements for line in laid_out(it.code, it.depth, it.lead, it.tail)
        ]

    def assign(self, target: str, code: Code) -> None:
        """Add `target = code`."""
        self.statements.append(_Statement(self.depth, f"{target} = ", code))

    def note(self, comment: str) -> None:
        """Add a comment."""
        self.statements.append(_Statement(self.depth, "", comment))

    def finish(self, result: str) -> None:
        """Return the result, in the last statement if that computes it."""
        last = self.statements[-1] if self.statements else None
        if last and last.depth == 1 and last.lead == f"{result} = ":
            self.statements[-1] = _Statement(1, "return ", last.code)
        else:
            self.statements.append(_Statement(1, "return ", result))

    def fresh(self, name: str) -> str:
        """Return this name, or a similar one that the function does not use yet."""
        blocks = {_free(block, _TAKEN) for block in self.script.config.model.blocks}
        free = _free(name, self.taken | blocks | _TAKEN)
        self.taken.add(free)
        return free

    def items(self, items: Iterable[Item], scope: Scope, tensor: str, target: str) -> str:
        """Apply layer items to a tensor and assign `target`; return the name of the result.

        Without items, that is the tensor itself.
        """
        for item in items:
            known = {**scope, **{name: text.format(tensor) for name, text in _SHAPES.items()}}
            if isinstance(item, Repeat):
                if tensor != target:
                    self.assign(target, tensor)
                self._repeat(item, scope, known, target)
            elif isinstance(item, When):
                if tensor != target:
                    self.assign(target, tensor)
                self._when(item, scope, known, target)
            elif isinstance(item, BlockUse):
                self.assign(target, self._use(item, known, tensor))
            elif item.name in MERGED:
                self._composite(item, scope, known, tensor, target)
            elif item.name in ATTENTION:
                start = self.fresh("start")
                self.assign(start, call("keras.Input", [("", f"{tensor}.shape[1:]")]))
                given = f"{start}, {start}" if "Query" in item.name or "Head" in item.name else ""
                attended = self.script.call(item, known, given or f"[{start}, {start}]")
                self.assign(target, call("keras.Model", [("", start), ("", attended)], tensor))
                self.taken.remove(start)
            elif item.name in TRAINED:
                raise ConfigError(
                    f"the layer {item.name} cannot be written as Python: its weights are in cnnzoo",
                    place=item.place,
                    hint="train the configuration, and run cnnzoo adopt on model.keras of the run: "
                    "the layers of the network are then written one by one, and can be ejected",
                )
            elif item.name in APPLICATIONS:
                self._application(item, known, tensor, target)
            else:
                applied: Code = tensor
                for layer in spelled_out(item):
                    if len(flat(applied)) > _LONG:
                        step = self.fresh("step")  # later layers need the shape of `tensor`
                        self.assign(step, applied)
                        self.taken.remove(step)
                        applied = step
                    applied = self.script.call(layer, known, flat(applied))
                self.assign(target, applied)
            tensor = target
        return tensor

    def _application(self, made: Call, known: Scope, tensor: str, target: str) -> None:
        """Add a network of keras.applications, with its name in cnnzoo."""
        arguments = {"weights": None, "name": made.name.lower(), **made.arguments}
        arguments.pop("include_top", None)
        trainable = arguments.pop("trainable", True)
        given = [(name, self.script.value(value, known)) for name, value in arguments.items()]
        shape = [("include_top", "False"), ("input_shape", f"{tensor}.shape[1:]")]
        network = self.fresh("network")
        self.assign(network, call(f"keras.applications.{made.name}", [*shape, *given]))
        if trainable is not True:
            self.assign(f"{network}.trainable", self.script.value(trainable, known))
        self.assign(target, call(network, [("", tensor)]))
        self.taken.remove(network)

    def _use(self, use: BlockUse, known: Scope, tensor: str) -> Code:
        """Return a call of a block's function; computed defaults are computed by the caller."""
        block = self.script.config.model.blocks[use.name]
        values: dict[str, Code] = {}
        before: dict[str, str] = {}  # the earlier parameters, which a default may use
        for name in block.parameters:
            given = name in use.arguments
            value = use.arguments[name] if given else block.defaults.get(name)
            code = self.script.value(value, known if given else {**known, **before})
            before[name] = flat(code)
            if given or has_expression(value):
                values[name] = code
        required, optional = _parameters(block)
        names = self.script.parameter_names(block)
        arguments = [("", tensor), *(("", values[name]) for name in required)]
        for name in optional:
            if name in values:
                alone = not required and name == optional[0]
                arguments.append(("" if alone else names[name], values[name]))
        return call(self.script.function(use.name), arguments)

    def _composite(self, made: Call, scope: Scope, known: Scope, tensor: str, target: str) -> None:
        taken = set(self.taken)
        start = self.fresh("start")
        self.assign(start, call("keras.Input", [("", f"{tensor}.shape[1:]")]))
        ends = []
        for name, branch in _branches(made):
            ends.append(self.items(branch, scope, start, self.fresh(name)))
        merge = made.arguments.get("merge", "add" if made.name == "Residual" else "concatenate")
        name = flat(self.script.value(merge, known))
        name = f"({name})" if " " in name else name
        layer = (
            f"getattr(layers, {name}.title())"
            if isinstance(merge, Expression)
            else f"layers.{MERGE_LAYERS[merge]}"
        )
        merged = call(f"{layer}()", [("", collection("[]", ends))])
        self.assign(target, call("keras.Model", [("", start), ("", merged)], tensor))
        self.taken = taken

    def _repeat(self, repeat: Repeat, scope: Scope, known: Scope, target: str) -> None:
        taken = set(self.taken)
        outermost = not any(loop.startswith("for") for loop, _ in self.loops)
        index, count, total = map(self.fresh, REPEAT_VARIABLES)
        names = {name: self.fresh(name) for name in repeat.values}
        before = len(self.statements)
        variables, over = self._loop(repeat, known, names, index)
        self.loops.append((f"for {variables} in ", over))
        self.depth += 1
        inside = {**scope, **names, "index": index, "count": count, "total": total}
        self.items(repeat.layers, inside, target, target)
        self.depth -= 1
        iterations = Parts("sum(", (("", "1"), *self.loops), ")", separator="")
        self.loops.pop()
        body = self.statements[before:]
        if not body:  # no layers
            self.taken = taken
            return
        if not _uses(body, index):
            variables, over = self._loop(repeat, known, names, "")
        if _uses(body, count):
            self.counters[count] = "0"
            self.statements.append(_Statement(self.depth + 1, f"{count} += ", "1"))
        if _uses(body, total):
            self.counters[total] = iterations
        self.statements.insert(before, _Statement(self.depth, f"for {variables} in ", over, ":"))
        self.taken = taken | set(self.counters)
        if outermost:
            self.statements[before:before] = [
                _Statement(self.depth, f"{name} = ", start) for name, start in self.counters.items()
            ]
            self.counters.clear()

    def _when(self, when: When, scope: Scope, known: Scope, target: str) -> None:
        """Write an `if`; a branch without layers is omitted."""
        condition = flat(self.script.value(when.condition, known))
        branches = [("if ", condition, when.layers), ("else", "", when.otherwise)]
        if not when.layers:
            branches = [("if ", f"not ({condition})", when.otherwise)]
        for lead, code, layers in branches:
            if layers:
                self.statements.append(_Statement(self.depth, lead, code, ":"))
                self.loops.append(("if ", code or f"not ({condition})"))
                self.depth += 1
                before = len(self.statements)
                self.items(layers, scope, target, target)
                if len(self.statements) == before:
                    self.statements.append(_Statement(self.depth, "", "pass"))
                self.depth -= 1
                self.loops.pop()

    def _loop(self, repeat: Repeat, known: Scope, names: Scope, index: str) -> tuple[str, Code]:
        """Return the variables of a loop and its iterable; `index` is "" if it is not used."""
        if repeat.times is not None:
            return index or "_", call("range", [("", self.script.value(repeat.times, known))])
        values = repeat.values.values()
        columns = [("", self.script.value(column, known)) for column in values]
        over = columns[0][1] if len(columns) == 1 else call("zip", columns)
        variables = ", ".join(names.values())
        if not index:
            return variables, over
        together = variables if len(columns) == 1 else f"({variables})"
        return f"{index}, {together}", call("enumerate", [("", over)])


def _parameters(block: Block) -> tuple[list[str], list[str]]:
    """Return the parameters that every call passes, and those with a default in Python."""
    computed = {name for name, default in block.defaults.items() if has_expression(default)}
    optional = [name for name in block.parameters if name in block.defaults.keys() - computed]
    return [name for name in block.parameters if name not in optional], optional


def _branches(composite: Call) -> list[tuple[str, tuple[Item, ...]]]:
    """Return the branches of a composite, each with the name of its tensor."""
    arguments = composite.arguments
    if composite.name == "Residual":
        return [("y", arguments["layers"]), ("shortcut", arguments.get("shortcut", ()))]
    if composite.name == "SplitChannels":
        return [(f"branch_{n}", part) for n, part in enumerate(split_channels(composite), 1)]
    if composite.name == "Branches":
        return [(f"branch_{n}", branch) for n, branch in enumerate(arguments["branches"], 1)]
    raise ConfigError(f"{composite.name} cannot be written as Python yet", place=composite.place)


def _plain_layers(items: tuple[Item, ...]) -> list[Call]:
    """Return the layers of a list if all can be made without knowing shapes, otherwise none."""
    not_plain = (*OWN["layers"], *ATTENTION)
    layers = [item for item in items if isinstance(item, Call) and item.name not in not_plain]
    asks = any(variables_in(layer) & set(SHAPE_VARIABLES) for layer in layers)
    return layers if len(layers) == len(items) and not asks else []


def variables_in(value: Any) -> set[str]:
    """Return the names of all variables in a nested value."""
    if isinstance(value, Expression):
        return variables_of(value)
    if isinstance(value, Call):
        parts = tuple(part for made in spelled_out(value) for part in made.arguments.values())
    else:
        parts = value if isinstance(value, tuple) else ()
    return {name for part in parts for name in variables_in(part)}


def _uses(statements: list[_Statement], name: str) -> bool:
    return any(re.search(rf"\b{name}\b", it.lead + flat(it.code)) for it in statements)


def _free(name: str, taken: set[str]) -> str:
    """Return the name, with a number if it is taken."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


# ── values ─────────────────────────────────────────────────────────────────────────────────────


class _Substitute(ast.NodeTransformer):
    """Replace the name of a variable by its Python expression."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in ("true", "false"):
            return ast.Constant(node.id == "true")
        if node.id not in self.scope:  # min, max, round
            return node
        return ast.parse(self.scope[node.id], mode="eval").body

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, str):
            return node
        return ast.Name(flat(literal(node.value)))  # in double quotes


def _tight_powers(source: str) -> str:
    """Return powers as formatters write them: `a**2`."""
    return re.sub(r"(?<![\w\])}])([\w.]+) \*\* (-?[\w.]+)(?![\w\[(.])", r"\1**\2", source)


def _as_word(made: Call) -> Code | None:
    """Return an initializer without arguments by its name in lower case, as Keras examples do."""
    if made.namespace != "initializers" or made.arguments:
        return None
    return literal(initializer_word(made.name))


def initializer_word(name: str) -> str:
    """Return `he_normal` for HeNormal; the name itself if Keras has no lower-case form."""
    word = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return word if catalogue.aliases("initializers").get(word) == name else name


def _is_default(value: Any, default: object) -> bool:
    return type(value) is type(default) and value == default
