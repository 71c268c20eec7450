"""The app: sources found, receivers connected, checks registered."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NewsIndexConfig(AppConfig):
    name = "newsindex"
    verbose_name = _("Articles and search")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from newsindex import checks, receivers, sources, triggers
        from newsindex.conf import conf

        conf.remember_start()
        sources.autodiscover()
        receivers.connect()
        triggers.connect()
        checks.register()
