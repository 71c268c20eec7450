"""``python -m tests.cluster COMMAND...``: a node for as long as the command runs, which finds it in NEWSINDEX_CLUSTER.

So the processes of a parallel test run have one node together.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.cluster.distribution import Missing
from tests.cluster.nodes import Cluster

if __name__ == "__main__":
    try:
        node = Cluster()
    except Missing as missing:
        sys.exit(f"There is no OpenSearch here: {missing}.")
    with node as cluster:
        environment = {**os.environ, "NEWSINDEX_CLUSTER": ",".join(cluster.hosts)}
        sys.exit(subprocess.run(sys.argv[1:], env=environment).returncode)
