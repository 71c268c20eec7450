"""A backend for tasks that keeps what it is given until somebody calls ``work``, as a worker would."""

from __future__ import annotations

from typing import Any

from django.tasks.backends.base import BaseTaskBackend

SETTING = {"default": {"BACKEND": "tests.task_queue.Queue"}}


class Queue(BaseTaskBackend):
    tasks: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = []
    broken = False

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> None:
        self.validate_task(task)
        if self.broken:
            raise ConnectionError("the broker is gone")
        self.tasks.append((task, tuple(args), dict(kwargs)))


def work() -> int:
    """Do what was enqueued; how much there was."""
    tasks, Queue.tasks[:] = list(Queue.tasks), []
    for task, args, kwargs in tasks:
        task.call(*args, **kwargs)
    return len(tasks)
