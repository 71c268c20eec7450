"""The newsroom's own app."""

from django.apps import AppConfig


class NewsroomConfig(AppConfig):
    name = "newsroom"
    verbose_name = "The Brackwater Lantern"
