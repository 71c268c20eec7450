"""Settings of the example newsroom. What newsindex needs is marked; the rest is an ordinary Django site."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

# This site runs on one's own machine and shows invented news: neither line belongs into production.
SECRET_KEY = "the example newsroom keeps no secrets"
DEBUG = True
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "testserver"]

INSTALLED_APPS = [
    "newsroom",  # Before newsindex, so that its newsindex/base.html is found first.
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "taggit",  # newsindex: for the tags of its articles.
    "newsindex",  # newsindex: search, articles, admin.
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
ROOT_URLCONF = "newsroom.urls"
WSGI_APPLICATION = "newsroom.wsgi.application"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("NEWSROOM_DATABASE", BASE_DIR / "db.sqlite3"),
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "Europe/London"
USE_TZ = True
STATIC_URL = "static/"

# newsindex: where the index lies. This is also its default; it stands here so that you see it.
NEWSINDEX = {
    "default": {
        "BACKEND": "newsindex.engines.whoosh.WhooshEngine",
        "OPTIONS": {"path": os.environ.get("NEWSROOM_INDEX", BASE_DIR / "search_index")},
    },
}
