"""Settings of a site on a cluster of the tests: which nodes and which index, says the environment."""

import json
import os

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.faults.site"
DATABASES = {"default": json.loads(os.environ["NEWSINDEX_FAULTS_DATABASE"])}
# The limits are those that a site has; only the copies of a lost node are made anew at once.
NEWSINDEX = {
    "default": {
        "BACKEND": "newsindex.engines.opensearch.OpenSearchEngine",
        "OPTIONS": {
            "hosts": json.loads(os.environ["NEWSINDEX_SITE_HOSTS"]),
            "index": os.environ["NEWSINDEX_SITE_INDEX"],
            "settings": {
                "number_of_shards": 3,
                "number_of_replicas": 1,
                "unassigned.node_left.delayed_timeout": "0",
            },
            **json.loads(os.environ.get("NEWSINDEX_SITE_OPTIONS", "{}")),
        },
    }
}
NEWSINDEX_UPDATE = os.environ.get("NEWSINDEX_FAULTS_UPDATE", "inline")
