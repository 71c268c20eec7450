"""Settings of the sites. The environment says which one (BENCH_SITE) and where its files are (BENCH_PLACE)."""

from __future__ import annotations

import os
from pathlib import Path

_SITE = os.environ.get("BENCH_SITE", "plain")
_PLACE = Path(os.environ.get("BENCH_PLACE", "."))
_APPS = {
    "plain": [],
    "newsindex": ["taggit", "newsindex"],
    "haystack": ["haystack", "benchmarks.site.haystack_site"],
    "modelsearch": ["modelsearch", "benchmarks.site.modelsearch_site"],
}

SECRET_KEY = "for benchmarks only"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": _PLACE / "site.sqlite3"}}
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.staticfiles", *_APPS[_SITE]]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = f"benchmarks.site.{_SITE}_urls"
STATIC_URL = "/static/"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).resolve().parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    },
]
NEWSINDEX = {
    "default": {
        "BACKEND": "newsindex.engines.whoosh.WhooshEngine",
        "OPTIONS": {"path": _PLACE / "newsindex"},
    }
}
HAYSTACK_CONNECTIONS = {
    "default": {
        "ENGINE": "haystack.backends.whoosh_backend.WhooshEngine",
        "PATH": str(_PLACE / "whoosh"),
    }
}
HAYSTACK_SEARCH_RESULTS_PER_PAGE = 10
MODELSEARCH_BACKENDS = {"default": {"BACKEND": "modelsearch.backends.database", "AUTO_UPDATE": False}}
