"""Settings of a site with two engines, of which the environment says what the second is, and which of them is asked."""

import json
import os

from tests.faults.settings import *  # noqa: F403
from tests.faults.settings import NEWSINDEX

NEWSINDEX = {**NEWSINDEX, "second": json.loads(os.environ["NEWSINDEX_FAULTS_SECOND"])}
NEWSINDEX_ENGINE = os.environ.get("NEWSINDEX_FAULTS_ASKED", "default")
