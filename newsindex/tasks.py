"""The door to Django's tasks, where there is one: django.tasks from Django 6.0 on, or the package django-tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured

try:
    from django.tasks import task, task_backends
    from django.tasks.exceptions import TaskException
except ImportError:
    try:
        from django_tasks import task, task_backends  # type: ignore[import-not-found, no-redef]
        from django_tasks.exceptions import TaskException  # type: ignore[import-not-found, no-redef]
    except ImportError:
        task = task_backends = None  # type: ignore[assignment]
        TaskException = ImproperlyConfigured  # type: ignore[assignment, misc]

#: Each of them None where there is neither.
_task: Any = task
_task_backends: Any = task_backends

#: Backends that hand nothing over to anybody else: Django's own default runs a task where it is asked for.
_HERE: Final = frozenset({"ImmediateBackend", "DummyBackend"})


class NoTask:
    """What stands for a task where there are none."""

    def __init__(self, function: Callable[..., None]) -> None:
        self.func = function

    def enqueue(self, *args: object) -> None:
        raise ImproperlyConfigured("There is no backend for tasks: set TASKS, or install django-tasks.")


def background(function: Callable[..., None]) -> Any:
    """A function of a module as a task of the default backend. Its name stands for the task: workers import that."""
    if _task is None:
        return NoTask(function)
    try:
        return _task(function)
    # A site without a backend "default", or without its queue "default".
    except (TaskException, ImproperlyConfigured):
        return NoTask(function)


def has_tasks() -> bool:
    """Whether there is a backend, be it one that runs tasks at once."""
    return _backend() != ""


def has_workers() -> bool:
    """Whether the backend gives tasks to somebody else than who asks for them."""
    return _backend() not in ("", *_HERE)


def _backend() -> str:
    """The name of the backend's class; "" where there is none, or none with the queue "default"."""
    if _task_backends is None:
        return ""
    try:
        backend = _task_backends["default"]
    except (TaskException, ImproperlyConfigured):
        return ""
    # One that names its queues takes no task for another; ours go to "default".
    if backend.queues and "default" not in backend.queues:
        return ""
    kinds = type(backend).__mro__
    return next((kind.__name__ for kind in kinds if kind.__name__ in _HERE), kinds[0].__name__)
