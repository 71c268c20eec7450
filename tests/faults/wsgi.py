"""The site for a WSGI server. With NEWSINDEX_FAULTS_OPEN=1 the index is open before the server forks its workers."""

import os

from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.test import Client

application = get_wsgi_application()
if os.environ.get("NEWSINDEX_FAULTS_OPEN") == "1":
    assert Client().get("/search/?q=lighthouse").status_code == 200
    # As Django's documentation asks of whoever forks.
    connections.close_all()
