"""The one road from a record and arguments to a result: infer, compile, allocate, launch, record.

A *launch* is the prepared work for one combination of forms: kernel, sizes, result form. Launches
are cached per record by forms: the second call of a kind costs one dictionary lookup.
Note [hot path].
"""

from facula.dispatch.copy import alias, convert, copy_into, copy_of, fill_launch, overlaps
from facula.dispatch.gradient import (
    PointwiseNode,
    build_backward,
    build_keep,
    gradient_expressions,
    record_pointwise,
    save_operands,
    saved_operands,
)
from facula.dispatch.inplace import check_base_of_view, check_inplace, inplace_pointwise
from facula.dispatch.launch import Backward, Launch
from facula.dispatch.layout import (
    LIMIT,
    as_tuple,
    cast_to,
    compile_pointwise,
    dtype_word,
    expanded,
    inner_class,
    loop_order,
    loops,
    no_work,
    register_kind,
    remember,
)
from facula.dispatch.node import edge_of, node_type
from facula.dispatch.operation import (
    FunctionNode,
    bind,
    call_operation,
    record_operation,
)
from facula.dispatch.pointwise import (
    build_launch,
    build_launch_for,
    call_pointwise,
    check_writable,
    formula_of,
    launch_key,
    operand_key,
    result_dtypes,
    trace_inputs,
)
from facula.dispatch.reduce import (
    CHUNK,
    ReduceLaunch,
    ReductionNode,
    accumulator,
    build_reduce,
    build_reduction,
    call_reduction,
    reduction_reads,
    run_reduce,
    sum_to,
)
from facula.dispatch.source import compile_function
from facula.dispatch.view import Look, ViewNode, call_view, learn, record_view, share

__all__ = [
    "Backward",
    "CHUNK",
    "FunctionNode",
    "LIMIT",
    "Launch",
    "NODE_CLASSES",
    "PointwiseNode",
    "ReduceLaunch",
    "ReductionNode",
    "accumulator",
    "alias",
    "as_tuple",
    "bind",
    "build_backward",
    "build_keep",
    "build_launch",
    "build_launch_for",
    "build_reduce",
    "build_reduction",
    "call_operation",
    "call_pointwise",
    "call_reduction",
    "call_view",
    "cast_to",
    "check_base_of_view",
    "check_inplace",
    "check_writable",
    "compile_function",
    "compile_pointwise",
    "convert",
    "copy_into",
    "copy_of",
    "dtype_word",
    "edge_of",
    "expanded",
    "fill_launch",
    "formula_of",
    "gradient_expressions",
    "inner_class",
    "inplace_pointwise",
    "launch_key",
    "loop_order",
    "loops",
    "no_work",
    "node_type",
    "operand_key",
    "overlaps",
    "record_operation",
    "record_pointwise",
    "reduction_reads",
    "register_kind",
    "remember",
    "result_dtypes",
    "run_reduce",
    "save_operands",
    "saved_operands",
    "sum_to",
    "trace_inputs",
    "ViewNode",
    "Look",
    "learn",
    "record_view",
    "share",
]
