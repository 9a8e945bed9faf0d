"""How compiled templates escape what they are given, and how they call what they are given."""

from __future__ import annotations

import re
from functools import lru_cache
from types import MethodType
from typing import Any

from jinja2.compiler import CodeGenerator
from jinja2.nodes import Expr, Output
from jinja2.runtime import Context, Macro
from markupsafe import Markup, escape

_FEW = 3
_SPECIAL = re.compile("[&<>\"']")


def quick(value: object) -> str:
    """What `markupsafe.escape` gives, in a third of the time where there is nothing to escape."""
    if type(value) is str:
        return value if _SPECIAL.search(value) is None else str(escape(value))
    if type(value) is Markup:
        return value
    return str(value) if type(value) is int else str(escape(value))


class Escaping(CodeGenerator):
    """Templates that escape by the `quick` of their environment."""

    def _output_child_pre(self, node: Expr, frame: Any, finalize: Any) -> None:
        """Jinja2's hook before the code that gives a value."""
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape or finalize.src is not None:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("environment.quick(")

    def visit_Output(self, node: Output, frame: Any) -> None:  # noqa: N802 - Jinja2's name
        """Words and values that follow each other leave as one, not each through every block."""
        if len(node.nodes) < _FEW or frame.buffer is not None or frame.require_output_check:
            super().visit_Output(node, frame)
            return
        inner = frame.copy()
        self.buffer(inner)
        super().visit_Output(node, inner)
        self.writeline(f"yield concat({inner.buffer})")


_KEPT = type(lru_cache(str))


class Direct(Context):
    """A context that asks no more of a plain function than calling it.

    Jinja2 looks at each call whether the function wants the context too, which takes longer than
    most of ours do; what it would find in these kinds is plain to see.
    """

    def call(
        self,
        called: Any,
        /,
        *args: Any,
        _block_vars: Any = None,
        _loop_vars: Any = None,
        **named: Any,
    ) -> Any:
        """`called` with these arguments, as Jinja2 calls it."""
        kind = type(called)
        if kind is Macro:
            return called(self.eval_ctx, *args, **named)
        if kind is MethodType and not called.__func__.__dict__:
            return called(*args, **named)
        if kind is _KEPT and not hasattr(called, "jinja_pass_arg"):
            return called(*args, **named)
        return super().call(called, *args, _block_vars=_block_vars, _loop_vars=_loop_vars, **named)
