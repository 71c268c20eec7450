"""How a page that asks the engine answers, whatever it says: who may ask how often, and who may keep the answer."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, ClassVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import add_never_cache_headers, patch_cache_control
from django.utils.translation import ngettext
from django.views.generic import View

if TYPE_CHECKING:
    BaseView = View
else:
    BaseView = object


class AnswerMixin(BaseView):
    """A limit for those who ask too much, and the header for caches. Neither needs a setting."""

    #: The directives of Cache-Control, as Django's ``patch_cache_control`` takes them, where the answer says none.
    #: Nobody else may keep a page of results, and a browser asks again: what was withdrawn is not shown from a cache.
    cache_control: ClassVar[dict[str, Any]] = {"private": True, "no_cache": True}

    def get_wait(self, request: HttpRequest) -> float:
        """The seconds for which whoever asks has to wait; 0 answers. Called before anything else is done."""
        return 0

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        wait = self.get_wait(request)
        if wait > 0:
            return asked_too_often(self.get_refusal(request, wait_text(wait)), wait)
        response = super().dispatch(request, *args, **kwargs)
        return with_cache_control(response, self.cache_control)

    def get_refusal(self, request: HttpRequest, text: str) -> HttpResponse:
        """What is shown to those who have to wait; its status and headers are set afterwards."""
        return HttpResponse(text, content_type="text/plain; charset=utf-8")


def with_cache_control(response: HttpResponseBase, directives: dict[str, Any]) -> HttpResponseBase:
    """``response``, with these directives where it has none."""
    if not response.has_header("Cache-Control"):
        patch_cache_control(response, **directives)
    return response


def asked_too_often(response: HttpResponse, wait: float) -> HttpResponse:
    """``response`` as a refusal: status 429, when to come again, and not for any cache."""
    response.status_code = 429
    response["Retry-After"] = str(ceil(wait))
    add_never_cache_headers(response)
    return response


def wait_text(wait: float) -> str:
    """What to say to those who have to wait."""
    seconds = ceil(wait)
    return ngettext(
        "Too many searches. Try again in %(count)d second.",
        "Too many searches. Try again in %(count)d seconds.",
        seconds,
    ) % {"count": seconds}
