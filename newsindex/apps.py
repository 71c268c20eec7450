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
        from newsindex.languages import are_codes, treat_like

        conf.remember_start()
        if are_codes(conf.NEWSINDEX_LANGUAGES):
            treat_like(conf.NEWSINDEX_LANGUAGES)
        sources.autodiscover()
        receivers.connect()
        triggers.connect()
        checks.register()
