"""The settings of the tests on a database that the environment names, with an index of this process's own."""

import json
import os

from tests.settings import *  # noqa: F403

DATABASES = {"default": json.loads(os.environ["NEWSINDEX_FAULTS_DATABASE"])}
if os.environ.get("NEWSINDEX_FAULTS_INDEX"):
    NEWSINDEX = {
        "default": {
            "BACKEND": "newsindex.engines.whoosh.WhooshEngine",
            "OPTIONS": {"path": os.environ["NEWSINDEX_FAULTS_INDEX"]},
            "REPLICA": os.environ.get("NEWSINDEX_FAULTS_REPLICA"),
        }
    }
NEWSINDEX_UPDATE = os.environ.get("NEWSINDEX_FAULTS_UPDATE", "inline")
