#!/usr/bin/env bash
# foreign_site.sh PYTHON FOLDER: makes a new Django project in FOLDER, puts the installed newsindex into it as the README
# says, and searches it. PYTHON has newsindex from the wheel, and mypy.
set -euo pipefail

python="$1"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cd "$2"
"$python" -m django startproject site_of_somebody .
cat >> site_of_somebody/settings.py << 'SETTINGS'
INSTALLED_APPS += ["taggit", "newsindex"]
SETTINGS
cat >> site_of_somebody/urls.py << 'URLS'
from django.urls import include
urlpatterns += [path("search/", include("newsindex.urls"))]
URLS
mkdir articles
printf 'The quay\n\nThe ferries sail again.\nA storm is coming.\n' > articles/quay.txt

"$python" manage.py migrate -v 0
"$python" manage.py check --fail-level WARNING
"$python" manage.py makemigrations --check --dry-run
"$python" manage.py newsindex_rebuild
"$python" manage.py newsindex_import articles
"$python" manage.py newsindex_verify
"$python" manage.py newsindex_search ferry --json
"$python" -W error -c "
import os
os.environ['DJANGO_SETTINGS_MODULE'] = 'site_of_somebody.settings'
import django
django.setup()
import newsindex
from django.test import Client
assert '/site-packages/' in newsindex.__file__, newsindex.__file__
answer = Client(headers={'host': 'localhost'}).get('/search/?q=ferry')
assert answer.status_code == 200 and b'<mark>ferries</mark>' in answer.content, answer.content
print('A new project answers a search from the wheel.')
"
"$python" -m mypy --strict --no-incremental "$here/typed_site.py"
