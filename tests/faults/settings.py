"""Settings of the processes that are killed: one database and one index for all of them, named by the environment."""

import json
import os

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.faults.site"
DATABASES = {"default": json.loads(os.environ["NEWSINDEX_FAULTS_DATABASE"])}
NEWSINDEX = {
    "default": {
        "BACKEND": "newsindex.engines.whoosh.WhooshEngine",
        "OPTIONS": {
            "path": os.environ["NEWSINDEX_FAULTS_INDEX"],
            "writer_mb": int(os.environ.get("NEWSINDEX_FAULTS_WRITER_MB", "128")),
        },
    }
}
NEWSINDEX_UPDATE = os.environ.get("NEWSINDEX_FAULTS_UPDATE", "inline")
