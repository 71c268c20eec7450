"""The number of the last commit, which lies among the articles: a copy of them that is put back brings its own."""

from __future__ import annotations

import json
from typing import Any, Final

from newsindex.engines.opensearch.connection import Connection, Unavailable, reason

#: The document in an index of articles that is none of them. No key has this ``_id``.
_SERIAL: Final = "#serial"
#: Its like in the control index, for when the shard of the other is away.
_COPY: Final = "serial"
_STALE: Final = 409


def keep_serial(connection: Connection, control: str, index: str, serial: int) -> None:
    """Note ``serial``, as the version of a document, unless somebody who took the lock from the caller was faster."""
    copy = {"kind": _COPY, "name": _COPY, "value": {}}
    lines = [_place(index, _SERIAL, serial), {}, _place(control, _COPY, serial), copy]
    answer = connection.tell("POST", "/_bulk", "".join(json.dumps(line) + "\n" for line in lines))
    for item in answer["items"]:
        (outcome,) = item.values()
        if "error" in outcome and outcome["status"] != _STALE:
            raise Unavailable(f"OpenSearch did not keep the number of the commit: {reason(outcome['error'])}")


def _place(index: str, name: str, serial: int) -> dict[str, Any]:
    return {"index": {"_index": index, "_id": name, "version": serial, "version_type": "external"}}


def kept_serial(connection: Connection, control: str, alias: str) -> int:
    """The number that was kept last with the articles; 0 where there is none."""
    body = {"docs": [{"_index": alias, "_id": _SERIAL}, {"_index": control, "_id": _COPY}]}
    own, copy = connection.ask("POST", "/_mget", body)["docs"]
    return int((copy if "error" in own else own).get("_version", 0))
