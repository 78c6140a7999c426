"""TensorFlow operators that a SavedModel may have.

A SavedModel is a program: TensorFlow has operators that read and write files. A network for images
needs none of them, except those that restore and save its own variables.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from pathlib import Path
from typing import Any

from cnnzoo.errors import RunError
from cnnzoo.text import listed

# Operators of networks of Keras layers.
_COMPUTING = """
    Abs Add AddV2 All Any ArgMax AssignVariableOp AvgPool BatchMatMulV2 BiasAdd BroadcastTo Cast
    ClipByValue ConcatV2 Const Conv2D Conv2DBackpropInput DepthToSpace DepthwiseConv2dNative
    DisableCopyOnRead Einsum Elu Equal Erf Erfc Exp ExpandDims Fill Floor FloorDiv FloorMod
    FusedBatchNormV3 GatherV2 Greater GreaterEqual Identity IdentityN LeakyRelu Less LessEqual Log
    Log1p LogicalAnd LogicalNot LogicalOr MatMul Max MaxPool Maximum Mean Min Minimum MirrorPad
    Mul Neg NoOp NotEqual OneHot Pack Pad PadV2 PartitionedCall Placeholder Pow Prod Range
    ReadVariableOp RealDiv Reciprocal Relu Relu6 Reshape ResizeBicubic ResizeBilinear
    ResizeNearestNeighbor ReverseV2 Round Rsqrt Select SelectV2 Selu Shape Sigmoid Sign Slice
    Softmax Softplus Softsign SpaceToDepth Split SplitV Sqrt Square SquaredDifference Squeeze
    StatefulPartitionedCall StopGradient StridedSlice Sub Sum Tanh Tile Transpose Unpack
    VarHandleOp VarIsInitializedOp ZerosLike
"""
# More operators for the functions that save and restore variables only.
_SAVING = """
    MergeV2Checkpoints RestoreV2 SaveV2 ShardedFilename StaticRegexFullMatch StringJoin
"""
_SAVERS = ("__inference__traced_save", "__inference__traced_restore")
_ALLOWED = frozenset(_COMPUTING.split())
_ALLOWED_IN_SAVERS = _ALLOWED | frozenset(_SAVING.split())
_OBJECTS = {"user_object", "function", "variable", "bare_concrete_function", "constant"}
_REFUSED = "a SavedModel is a program; cnnzoo runs only what cnnzoo export writes"


def refuse_other_operators(graph: bytes, path: Path) -> None:
    """Raise RunError for a `saved_model.pb` that is damaged, or may do more than compute."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    try:
        saved = saved_model_pb2.SavedModel.FromString(graph)
    except DecodeError:
        raise RunError(f"{path} is damaged: its {path.name} cannot be parsed") from None
    for part in saved.meta_graphs:
        functions = {each.signature.name: each for each in part.graph_def.library.function}
        savers = {name for name in functions if name.startswith(_SAVERS)}
        # The main graph is for TensorFlow 1; loading runs functions only.
        _refuse(part.graph_def.node, _ALLOWED, frozenset(), path)
        for name, function in functions.items():
            allowed = _ALLOWED_IN_SAVERS if name in savers else _ALLOWED
            _refuse(function.node_def, allowed, savers, path)
        kinds = {str(node.WhichOneof("kind")) for node in part.object_graph_def.nodes}
        if others := sorted(kinds - _OBJECTS):
            raise RunError(f"{path} is refused: it holds {listed(others, 3)}", hint=_REFUSED)


def _refuse(nodes: Iterable[Any], allowed: Set[str], savers: Set[str], path: Path) -> None:
    for node in nodes:
        called = {
            function.name
            for attribute in node.attr.values()
            for function in (attribute.func, *attribute.list.func)
        }
        if node.op not in allowed or called & savers:
            raise RunError(
                f"{path} is refused: no network needs its operator {node.op[:50]!r}",
                hint=_REFUSED,
            )
