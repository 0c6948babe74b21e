"""What is told to those who asked to be told of an ``os.fork``, when a template is forked.

The interpreter's own telling makes all its locks anew, and those of ``threading`` and ``logging``,
for some other thread might hold them. A template is only forked while it has no other thread, and
then that would do nothing but touch, and so copy, a fifth of all the memory that a trivial case
touches. So the others alone are told. They are noted as they register, which has to begin before
anybody does: where it begins too late, the interpreter does all the telling.
"""

import os
import sys
import traceback
from typing import Any, Callable, List

_LOCKS_ALONE = ("threading", "logging")
"""Modules whose hooks renew locks and do nothing else that matters in a process of one thread."""
_REGISTERING = (*_LOCKS_ALONE, "random")
"""Modules that register hooks when they are imported."""


class AtFork:
    """The hooks of this process. One for a template, made before anything else is imported."""

    def __init__(self) -> None:
        self._before: List[Callable[[], Any]] = []
        self._child: List[Callable[[], Any]] = []
        self._parent: List[Callable[[], Any]] = []
        self.knows_all = not any(module in sys.modules for module in _REGISTERING)
        register = os.register_at_fork

        def register_at_fork(
            *, before: Any = None, after_in_child: Any = None, after_in_parent: Any = None
        ) -> None:
            hooks = {
                "before": before,
                "after_in_child": after_in_child,
                "after_in_parent": after_in_parent,
            }
            register(**{when: hook for when, hook in hooks.items() if hook is not None})
            if sys._getframe(1).f_globals.get("__name__") not in _LOCKS_ALONE:
                self._before[:0] = [before] if before is not None else []  # the last one goes first
                self._child += [after_in_child] if after_in_child is not None else []
                self._parent += [after_in_parent] if after_in_parent is not None else []

        register_at_fork.__doc__ = register.__doc__
        os.register_at_fork = register_at_fork

    def before(self) -> None:
        """In the template, when it is about to be forked."""
        _call(self._before)

    def in_parent(self) -> None:
        """In the template, when it has been forked, or when that failed."""
        _call(self._parent)

    def in_child(self) -> None:
        """In the fork, before anything else is done there."""
        threading: Any = sys.modules.get("threading")
        if threading is not None:
            threading.main_thread()._set_native_id()  # all that is new of the one thread there is
        _call(self._child)


def _call(hooks: List[Callable[[], Any]]) -> None:
    for hook in hooks:
        try:
            hook()
        except BaseException:  # as the interpreter does: shown, and the others are called
            traceback.print_exc()
