"""How a model's rows become documents: Source, register, and ArticleSource as its first user."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db import router
from django.db.models import DecimalField, Model, QuerySet
from django.urls import NoReverseMatch
from django.utils.module_loading import autodiscover_modules

from newsindex.conf import conf
from newsindex.engines.base import PUBLIC, Document, versioned
from newsindex.exceptions import ConfigurationError
from newsindex.models import Article, PendingChange
from newsindex.paragraphs import Paragraph, from_html, from_markdown, from_plain, paragraphs

M = TypeVar("M", bound=Model)
S = TypeVar("S", bound="type[Source[Any]]")


class Source(Generic[M]):
    """How one model is searched. Subclass it, say at least ``paragraphs``, and ``register`` it.

    Each method gets one row, as ``queryset`` loads it, and is called whenever the row is indexed. Titles, tags and so
    on are plain text; what is HTML or Markdown goes through ``from_html`` and ``from_markdown``.
    """

    #: Set by ``register``.
    model: type[M]
    #: Names of relations of the model whose targets matter to the text: a change of the target (a tag renamed, an
    #: author's name mended) indexes the row again. None: the model's many-to-many fields, which
    #: have to be named as well where something else is.
    follow: ClassVar[tuple[str, ...] | None] = None
    #: The URL parameter in which the model's own page takes the words to mark; "" where it takes none.
    mark_parameter: ClassVar[str] = ""

    def __str__(self) -> str:
        """What its rows are called, for ``{{ hit.source }}``."""
        return str(self.model._meta.verbose_name)

    @property
    def label(self) -> str:
        """``app_label.model``, the first half of every key."""
        return self.model._meta.label_lower

    # What a row says. Override what the model has.

    def title(self, obj: M) -> str:
        return str(obj)

    def summary(self, obj: M) -> str:
        return ""

    def paragraphs(self, obj: M) -> Sequence[Paragraph]:
        """The text, cut by ``from_plain``, ``from_markdown`` or ``from_html``."""
        raise NotImplementedError(f"{type(self).__name__} must define paragraphs(self, obj).")

    def tags(self, obj: M) -> Iterable[object]:
        """Names, or objects whose ``str`` is the name."""
        return ()

    def authors(self, obj: M) -> Iterable[object]:
        return ()

    def section(self, obj: M) -> str:
        return ""

    def published_at(self, obj: M) -> datetime | None:
        """Hidden until then; looked at when somebody searches, so no save is needed at that time."""
        return None

    def expires_at(self, obj: M) -> datetime | None:
        """Hidden from then on."""
        return None

    def language(self, obj: M) -> str:
        """A code such as "en"; "" means the site's LANGUAGE_CODE."""
        return ""

    def audiences(self, obj: M) -> Iterable[str]:
        """Who may see it, if it is public at all: a visitor has the audience "public" unless the view says more."""
        return (PUBLIC,)

    def boost(self, obj: M) -> float:
        """A factor on the score, 1.0 for none."""
        return 1.0

    def url(self, obj: M) -> str:
        get_absolute_url: Callable[[], str] | None = getattr(obj, "get_absolute_url", None)
        return get_absolute_url() if get_absolute_url else ""

    # Which rows there are.

    def queryset(self) -> QuerySet[M]:
        """All rows to index, drafts too, with what the methods above need prefetched."""
        return self.model._default_manager.all()

    def public(self, queryset: QuerySet[M]) -> QuerySet[M]:
        """Those of ``queryset`` that may be shown to visitors, leaving dates to published_at and expires_at.

        Asked when a row is indexed, and again before a hit is shown.
        """
        return queryset

    # Cutting text, for use in ``paragraphs``.

    def from_plain(self, text: str) -> tuple[Paragraph, ...]:
        return from_plain(text)

    def from_markdown(self, text: str) -> tuple[Paragraph, ...]:
        return from_markdown(text)

    def from_html(self, text: str) -> tuple[Paragraph, ...]:
        return from_html(text)

    # What newsindex calls.

    def key(self, obj: M) -> str:
        return f"{self.label}:{self.pk_text(obj.pk)}"

    def pk_text(self, pk: object) -> str:
        """``pk`` as the second half of a key: spelt as that of a loaded row, however an unsaved one or a caller does.

        A UUID may come without its hyphens, the Decimal 1.50 as 1.5. What is no key at all stays as it is.
        """
        field = self.model._meta.pk
        while field.remote_field:
            field = field.target_field  # type: ignore[attr-defined]  # a link to a parent, or to another row
        try:
            value = field.to_python(pk)
            if isinstance(field, DecimalField) and value is not None:
                value = value.quantize(Decimal(1).scaleb(-field.decimal_places), context=field.context)
        except (ValidationError, ArithmeticError):
            value = pk
        return str(value)

    def document(self, obj: M, *, public: bool) -> Document:
        """``obj`` as a document; nobody but the admin sees it unless ``public``."""
        return versioned(
            Document(
                key=self.key(obj),
                title=str(self.title(obj)),
                summary=str(self.summary(obj) or ""),
                paragraphs=tuple(self.paragraphs(obj)),
                tags=tuple(str(tag) for tag in self.tags(obj)),
                authors=tuple(str(author) for author in self.authors(obj)),
                section=str(self.section(obj) or ""),
                published_at=self.published_at(obj),
                expires_at=self.expires_at(obj),
                language=self.language(obj) or conf.LANGUAGE_CODE,
                audiences=frozenset(self.audiences(obj)) if public else frozenset(),
                url=self._page(obj),
                boost=float(self.boost(obj)),
            )
        )

    def load(self, pks: Iterable[str]) -> dict[str, M]:
        """The rows with these keys as they are now, by ``pk_text``; what is gone or no key at all is left out."""
        return {self.pk_text(obj.pk): obj for obj in self._primary(self.queryset()).filter(pk__in=self._valid(pks))}

    def load_public(self, pks: Iterable[str]) -> dict[str, M]:
        """The same for those that may be shown to visitors, dates aside."""
        rows = self.public(self._shown().filter(pk__in=self._valid(pks)))
        return {self.pk_text(obj.pk): obj for obj in rows}

    def public_pks(self, pks: Iterable[str]) -> frozenset[str]:
        """Which of these may be shown to visitors, dates aside."""
        rows = self._primary(self.queryset().prefetch_related(None))
        rows = self.public(rows.filter(pk__in=self._valid(pks)))
        return frozenset(self.pk_text(pk) for pk in rows.values_list("pk", flat=True))

    def batches(self, size: int) -> Iterator[list[str]]:
        """The ``pk_text`` of all rows by primary key, in lists of at most ``size``, one query a list."""
        pks = self._primary(self.queryset()).order_by("pk").values_list("pk", flat=True)
        batch = list(pks[:size])
        while batch:
            # A queryset that is narrowed through a relation has a row as often as that leads to it.
            yield [self.pk_text(pk) for pk in dict.fromkeys(batch)]
            batch = list(pks.filter(pk__gt=batch[-1])[:size])

    def _shown(self) -> QuerySet[M]:
        """Rows that are shown among results, for ``url``, ``audiences`` and the dates to look at."""
        return self.queryset()

    def _page(self, obj: M) -> str:
        try:
            return str(self.url(obj) or "")
        except NoReverseMatch:
            # A row without a page, for example with an odd slug, is found all the same.
            return ""

    def _primary(self, queryset: QuerySet[M]) -> QuerySet[M]:
        # A replica may lag behind the change that is being indexed.
        primary: QuerySet[M] = queryset.using(router.db_for_write(self.model))
        return primary

    def _valid(self, pks: Iterable[str]) -> list[Any]:
        field = self.model._meta.pk
        valid = []
        for pk in pks:
            try:
                valid.append(field.to_python(pk))
            except ValidationError:
                continue
        return valid


def lies_elsewhere(source: Source[Any]) -> bool:
    """Whether rows are in another database than what newsindex keeps, so that one may be away without the other."""
    home = router.db_for_write(PendingChange)
    return {router.db_for_read(source.model), router.db_for_write(source.model)} != {home}


class Sources:
    """The registered sources by label."""

    def __init__(self) -> None:
        self._by_label: dict[str, Source[Any]] = {}

    def __iter__(self) -> Iterator[Source[Any]]:
        return iter(list(self._by_label.values()))

    def __contains__(self, label: str) -> bool:
        return label in self._by_label

    def __getitem__(self, label: str) -> Source[Any]:
        return self._by_label[label]

    def get(self, label: str) -> Source[Any] | None:
        return self._by_label.get(label)

    def for_model(self, model: type[Model]) -> Source[Any] | None:
        """The source of ``model``, a proxy counting as the model it stands for."""
        concrete = model._meta.concrete_model or model
        return self.get(model._meta.label_lower) or self.get(concrete._meta.label_lower)

    def add(self, model: type[Model], source_class: type[Source[Any]]) -> None:
        label = model._meta.label_lower
        if label in self._by_label:
            present = type(self._by_label[label]).__name__
            raise ConfigurationError(
                f"{source_class.__name__}: {label} has the source {present} already; "
                f"call newsindex.sources.unregister({model.__name__}) before you register another."
            )
        source = source_class()
        source.model = model
        self._by_label[label] = source

    def remove(self, model: type[Model]) -> None:
        if self._by_label.pop(model._meta.label_lower, None) is None:
            raise ConfigurationError(f"{model._meta.label_lower} has no source to unregister.")


sources = Sources()


def register(model: type[Model]) -> Callable[[S], S]:
    """Class decorator: ``@register(Post)`` makes the model searchable through the decorated Source."""

    def decorate(source_class: S) -> S:
        if not (isinstance(source_class, type) and issubclass(source_class, Source)):
            raise ConfigurationError(f"register({model.__name__}) decorates a Source, not {source_class!r}.")
        sources.add(model, source_class)
        return source_class

    return decorate


def unregister(model: type[Model]) -> None:
    """Take the source of ``model`` out, so that it is not searched or another can be registered."""
    sources.remove(model)


def autodiscover() -> None:
    """Import ``search_sources`` of every installed app, as the admin does with ``admin``."""
    autodiscover_modules("search_sources")


@register(Article)
class ArticleSource(Source[Article]):
    """How Article is searched: what any model of a site can do, done for our own."""

    follow = ("tags",)
    mark_parameter = "q"

    def title(self, article: Article) -> str:
        return article.title

    def summary(self, article: Article) -> str:
        return article.summary

    def paragraphs(self, article: Article) -> Sequence[Paragraph]:
        return paragraphs(article.body, article.body_format)  # type: ignore[arg-type]

    def tags(self, article: Article) -> Iterable[object]:
        tags: Iterable[object] = article.tags.all()
        return tags

    def authors(self, article: Article) -> Iterable[object]:
        return article.author_names

    def section(self, article: Article) -> str:
        return article.section

    def published_at(self, article: Article) -> datetime | None:
        return article.published_at

    def expires_at(self, article: Article) -> datetime | None:
        return article.expires_at

    def language(self, article: Article) -> str:
        return article.language_code

    def queryset(self) -> QuerySet[Article]:
        return super().queryset().prefetch_related("tags")  # type: ignore[misc]  # taggit's manager is untyped

    def _shown(self) -> QuerySet[Article]:
        # The tags of a result come from the index; but a site's own source may look at those of the row.
        looking = ("queryset", "public", "url", "audiences", "published_at", "expires_at")
        is_ours = all(getattr(type(self), name) is getattr(ArticleSource, name) for name in looking)
        return self.queryset().prefetch_related(None) if is_ours else self.queryset()

    def public(self, queryset: QuerySet[Article]) -> QuerySet[Article]:
        return queryset.filter(status=Article.Status.PUBLISHED)
