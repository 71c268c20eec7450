"""Article, Tag, TaggedArticle; what editors say of queries; what an index has to see, who keeps it, what was done."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from functools import reduce
from itertools import islice
from operator import or_
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from django.db import models, router, transaction
from django.db.models import ExpressionWrapper, F, Q
from django.db.models.signals import post_delete, post_save
from django.dispatch import Signal
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from taggit.managers import TaggableManager, _TaggableManager
from taggit.models import ItemBase, TagBase

from newsindex.conf import conf

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

#: The longest primary key, as text, whose changes can be noted.
LONGEST_KEY: Final = 255
#: How many rows a bulk change of a NotedQuerySet takes at a time.
NOTED_AT_A_TIME: Final = 500

#: What ``bulk_create`` takes by position.
_BULK_CREATE: Final = ("batch_size", "ignore_conflicts", "update_conflicts", "update_fields", "unique_fields")

M = TypeVar("M", bound=models.Model)

#: Sent by NotedQuerySet, in the transaction of the change: sender (the model), pks, using; leaving: the rows are about
#: to be deleted or to point elsewhere.
rows_changed = Signal()


class NotedQuerySet(models.QuerySet[M]):
    """A queryset whose bulk changes reach the index: ``update``, ``bulk_create`` and ``bulk_update``.

    They send none of Django's signals. Here they note the rows they change, in one transaction with the change, which
    costs a query for the keys and a pending change for each row.
    """

    def update(self, **kwargs: Any) -> int:
        """As Django's. The rows are chosen first, so a change can't make later ones match that did not before."""
        if self.query.is_sliced:
            return super().update(**kwargs)  # which refuses
        changed = 0
        with _in_one_transaction(self._for_write_alias()):
            # Not from a database for reading, which may lag behind.
            rows = self.using(self._for_write_alias())
            for chunk in _chunks(dict.fromkeys(rows.order_by().values_list("pk", flat=True))):
                chosen = rows.filter(pk__in=chunk)
                moved = self._new_keys(chosen, kwargs)
                self._say_changed(chunk, leaving=True)
                changed += super(NotedQuerySet, chosen).update(**kwargs)
                self._say_changed([*chunk, *moved])
        return changed

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        """As Django's. Rows of which the database tells no key are those whose keys are above all before."""
        with _in_one_transaction(self._for_write_alias()):
            given = {**dict(zip(_BULK_CREATE, args, strict=False)), **kwargs}
            objs = list(objs)
            everything = self.model._base_manager.using(self._for_write_alias())
            told = transaction.get_connection(everything.db).features.can_return_rows_from_bulk_insert
            untold = given.get("ignore_conflicts") or not (told or given.get("update_conflicts"))
            # A maximum of UUIDs, which PostgreSQL does not have, is never asked for: whoever makes one knows it before.
            untold = untold and any(obj.pk is None for obj in objs)
            last = everything.aggregate(last=models.Max("pk"))["last"] if untold else None
            created = super().bulk_create(objs, *args, **kwargs)
            pks = [obj.pk for obj in created if obj.pk is not None]
            if len(pks) < len(created):
                new = everything.all() if last is None else everything.filter(pk__gt=last)
                pks += new.values_list("pk", flat=True)
            if given.get("update_conflicts") and (names := self._told_by(given.get("unique_fields"))):
                # Where a row was there already it has kept its key, whatever key the object came with.
                pks = list(_keys_by(everything, names, created))
            self._say_changed(pks)
        return created

    def _told_by(self, fields: Iterable[str] | None) -> list[str]:
        """The columns that tell rows of conflicts apart; none where it is the key."""
        meta = self.model._meta
        names = [meta.get_field(meta.pk.name if name == "pk" else name).attname for name in fields or ()]  # type: ignore[union-attr]
        return [] if names == [meta.pk.attname] else names

    def _new_keys(self, chosen: models.QuerySet[M], changes: Mapping[str, Any]) -> list[Any]:
        """The keys that rows will have, where that is what changes."""
        key: Any = self.model._meta.pk
        name = next((name for name in (key.name, key.attname) if name in changes), None)
        if name is None:
            return []
        while key.remote_field:
            key = key.target_field
        new = changes[name]
        if not hasattr(new, "resolve_expression"):
            return [new.pk if isinstance(new, models.Model) else new]
        found = chosen.order_by().annotate(newsindex_key=ExpressionWrapper(new, output_field=key))
        return list(found.values_list("newsindex_key", flat=True))

    def _raw_delete(self, using: Any) -> int:
        # Private, but what Django deletes by where it sees nobody who listens.
        with _in_one_transaction(using):
            pks = list(self.using(using).order_by().values_list("pk", flat=True))
            self._say_changed(pks, leaving=True)
            deleted: int = super()._raw_delete(using)
            self._say_changed(pks)
        return deleted

    def _say_changed(self, pks: Sequence[Any], *, leaving: bool = False) -> None:
        if pks:
            rows_changed.send(sender=self.model, pks=pks, using=self._for_write_alias(), leaving=leaving)

    def _for_write_alias(self: Any) -> str:
        return self._db or router.db_for_write(self.model, **self._hints)


def _chunks(items: Iterable[Any]) -> Iterable[list[Any]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, NOTED_AT_A_TIME)):
        yield chunk


def _keys_by(rows: models.QuerySet[Any], names: Sequence[str], objs: Iterable[models.Model]) -> Iterator[Any]:
    """The keys of the rows that have the values of ``objs`` in the columns ``names``."""
    for chunk in _chunks(objs):
        same = [Q(**{name: getattr(obj, name) for name in names}) for obj in chunk]
        yield from rows.filter(reduce(or_, same)).values_list("pk", flat=True)


class ArticleQuerySet(NotedQuerySet["Article"]):
    """Articles by what may be seen of them."""

    def published(self) -> ArticleQuerySet:
        """Those with the status "published", whatever their dates."""
        return self.filter(status=Article.Status.PUBLISHED)

    def public(self, now: datetime | None = None) -> ArticleQuerySet:
        """Those that everybody may read at ``now`` (an aware datetime, the present if None)."""
        now = now or timezone.now()
        return (
            self.published()
            .filter(Q(published_at=None) | Q(published_at__lte=now))
            .filter(Q(expires_at=None) | Q(expires_at__gt=now))
        )


class SavedWithNote:
    """A model saved in one transaction with what the receivers of its signals write: no kill comes between the two.

    Django does the same for deletions, and for changes of a many-to-many field.
    """

    def save_base(self: Any, *args: Any, **kwargs: Any) -> None:
        with _in_one_transaction(kwargs.get("using") or router.db_for_write(type(self), instance=self)):
            super().save_base(*args, **kwargs)  # type: ignore[misc]  # of the model that this is mixed into


def _in_one_transaction(using: str) -> AbstractContextManager[Any]:
    # No savepoint, and nothing else either, in a transaction of somebody else.
    connection = transaction.get_connection(using)
    return nullcontext() if connection.in_atomic_block else transaction.atomic(using=using)


class ArticleTags(_TaggableManager):
    """Changes the tags in one transaction, so that the index hears of them once and not tag by tag."""

    def add(self, *tags: Any, **kwargs: Any) -> None:
        with self._together():
            super().add(*tags, **kwargs)

    def set(self, tags: Any, **kwargs: Any) -> None:
        with self._together():
            super().set(tags, **kwargs)

    def remove(self, *tags: Any) -> None:
        with self._together():
            super().remove(*tags)

    def clear(self) -> None:
        with self._together():
            super().clear()

    def _together(self) -> AbstractContextManager[Any]:
        return _in_one_transaction(router.db_for_write(self.through, instance=self.instance))


class Tag(SavedWithNote, TagBase):
    """A subject of articles. Its name is shown and searched, its slug makes the URL."""

    if TYPE_CHECKING:
        tagged_articles: RelatedManager[TaggedArticle]

    objects = NotedQuerySet["Tag"].as_manager()

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ("name",)

    def slugify(self, tag: str, i: int | None = None) -> str:
        # A name of signs alone leaves nothing for a slug, but needs a URL too.
        slug: str = super().slugify(tag) or "tag-" + "-".join(f"{ord(sign):x}" for sign in tag)
        ending = "" if i is None else f"_{i}"
        return slug[: 100 - len(ending)] + ending

    def get_absolute_url(self) -> str:
        return reverse("newsindex:tag_detail", kwargs={"slug": self.slug})


class Article(SavedWithNote, models.Model):  # type: ignore[django-manager-missing]  # the key is on taggit's untyped base
    """A text with a title, cut into paragraphs for the index."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")

    class BodyFormat(models.TextChoices):
        PLAIN = "plain", _("Plain text")
        MARKDOWN = "markdown", _("Markdown")
        HTML = "html", _("HTML")

    title = models.CharField(_("title"), max_length=300)
    slug = models.SlugField(_("slug"), max_length=200, unique=True, allow_unicode=True)
    summary = models.TextField(_("summary"), blank=True)
    body = models.TextField(_("body"), blank=True)
    body_format = models.CharField(
        _("body format"), max_length=10, choices=BodyFormat.choices, default=BodyFormat.PLAIN
    )
    authors = models.CharField(_("authors"), max_length=500, blank=True, help_text=_("Names, separated by commas."))
    section = models.CharField(_("section"), max_length=100, blank=True, db_index=True)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.DRAFT, db_index=True)
    published_at = models.DateTimeField(
        _("published at"),
        null=True,
        blank=True,
        db_index=True,
        help_text=_("A published article is hidden until then."),
    )
    expires_at = models.DateTimeField(
        _("expires at"), null=True, blank=True, help_text=_("The article is hidden from then on.")
    )
    language = models.CharField(
        _("language"),
        max_length=20,
        blank=True,
        help_text=_("A code such as “en” or “pt-br”. Empty: the language of the site."),
    )
    created = models.DateTimeField(_("created"), auto_now_add=True)
    updated = models.DateTimeField(_("updated"), auto_now=True)

    tags = TaggableManager(verbose_name=_("tags"), through="newsindex.TaggedArticle", blank=True, manager=ArticleTags)

    objects: ClassVar[models.Manager[Article]] = ArticleQuerySet.as_manager()

    class Meta:
        verbose_name = _("article")
        verbose_name_plural = _("articles")
        ordering = (F("published_at").desc(nulls_last=True), "-pk")
        constraints = (
            models.CheckConstraint(
                name="newsindex_article_expires_after_published",
                condition=Q(published_at=None) | Q(expires_at=None) | Q(expires_at__gt=F("published_at")),
                violation_error_message=_("The article must expire after it was published."),
            ),
        )

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("newsindex:article_detail", kwargs={"slug": self.slug})

    @property
    def author_names(self) -> tuple[str, ...]:
        return tuple(name for part in self.authors.split(",") if (name := part.strip()))

    @property
    def language_code(self) -> str:
        """The article's language, or the site's where it names none."""
        return self.language or conf.LANGUAGE_CODE

    def is_public(self, now: datetime | None = None) -> bool:
        """Whether everybody may read it at ``now``; the same as being in ``objects.public(now)``."""
        now = now or timezone.now()
        return (
            self.status == self.Status.PUBLISHED
            and (self.published_at is None or self.published_at <= now)
            and (self.expires_at is None or self.expires_at > now)
        )


class TaggedArticle(SavedWithNote, ItemBase):
    """That an article has a tag."""

    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="tagged_articles")
    content_object = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="tagged_articles")

    objects = NotedQuerySet["TaggedArticle"].as_manager()

    class Meta:
        verbose_name = _("tagged article")
        verbose_name_plural = _("tagged articles")
        constraints = (models.UniqueConstraint(fields=("tag", "content_object"), name="newsindex_one_tag_once"),)

    def __str__(self) -> str:
        return f"{self.content_object_id}: {self.tag_id}"


class PendingQuerySet(models.QuerySet["PendingChange"]):
    """Pending changes by who has still to see them."""

    def of(self, engine: str) -> PendingQuerySet:
        """Those that the index of this process under the alias ``engine`` has still to see."""
        return self.filter(engine=engine, replica=conf.replica(engine) or "")


class IndexRun(models.Model):
    """Something that was done to an index, or shall be: a rebuild, a verification, a repair; one row for all drains."""

    class Kind(models.TextChoices):
        DRAIN = "drain", _("Update")
        REBUILD = "rebuild", _("Rebuild")
        VERIFY = "verify", _("Verification")
        REPAIR = "repair", _("Repair")
        PURGE = "purge", _("Purge")

    class Outcome(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        PROBLEMS = "problems", _("done, with problems")
        FAILED = "failed", _("failed")

    #: After this long without a sign of life a run counts as one whose process has died.
    SILENCE: ClassVar[timedelta] = timedelta(minutes=10)
    #: Among the figures of what runs: how many seconds it took from ``seen`` on, as things stood then.
    REMAINING: ClassVar[str] = "remaining"

    engine = models.CharField(_("engine"), max_length=64)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, default=Outcome.WAITING)
    started = models.DateTimeField(_("started"), default=timezone.now)
    seen = models.DateTimeField(_("last sign of life"), default=timezone.now)
    finished = models.DateTimeField(_("finished"), null=True, blank=True)
    progress = models.PositiveBigIntegerField(_("progress"), default=0)
    total = models.PositiveBigIntegerField(_("total"), default=0)
    figures = models.JSONField(_("figures"), default=dict, blank=True)
    message = models.TextField(_("message"), blank=True)

    class Meta:
        verbose_name = _("index run")
        verbose_name_plural = _("search index")
        default_permissions = ("view",)
        permissions = (("manage_index", _("Can verify, repair and rebuild the search index")),)
        indexes = (models.Index(fields=("engine", "kind", "-id"), name="newsindex_run_latest"),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.engine}"

    @property
    def is_silent(self) -> bool:
        """Whether it is said to run, but has given no sign of life for long."""
        return self.outcome == self.Outcome.RUNNING and timezone.now() - self.seen > self.SILENCE

    @property
    def remaining(self) -> float | None:
        """Seconds that it takes from now on, about; None where nothing can be said of that, or it does not run."""
        seconds = self.figures.get(self.REMAINING)
        if self.outcome != self.Outcome.RUNNING or self.is_silent or not isinstance(seconds, int | float):
            return None
        return max(0.0, round(seconds - (timezone.now() - self.seen).total_seconds(), 1))

    @property
    def shown_figures(self) -> dict[str, Any]:
        """What came of it, by name."""
        return {name: count for name, count in self.figures.items() if name != self.REMAINING}

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.outcome == self.Outcome.WAITING or (self.outcome == self.Outcome.RUNNING and not self.is_silent)


class PendingChange(models.Model):
    """A row that changed and that an engine has still to see; written in the transaction of the change.

    Rows are removed one by one, by id, after the engine's commit; several for one object are harmless.
    """

    engine = models.CharField(_("engine"), max_length=64, default="default")
    replica = models.CharField(
        _("replica"), max_length=64, default="", blank=True, help_text=_("Empty where there is one index for all.")
    )
    source = models.CharField(_("source"), max_length=200)
    object_pk = models.CharField(_("object"), max_length=LONGEST_KEY)
    created = models.DateTimeField(_("created"), auto_now_add=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    error = models.TextField(_("last error"), blank=True)

    objects: ClassVar[PendingQuerySet] = PendingQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("pending change")
        verbose_name_plural = _("pending changes")
        indexes = (models.Index(fields=("engine", "replica", "id"), name="newsindex_pending_of_replica"),)

    def __str__(self) -> str:
        return f"{self.source}:{self.object_pk} -> {self.engine}{self.replica and '@'}{self.replica}"


class Replica(models.Model):
    """A host that keeps an index of its own of this database, for which every change is noted from here on.

    token: written into the index too when it is built, so that each knows the other again. announced: the highest
    number that a commit to the index was to have; serial: that of the last one whose rows were removed here.
    """

    engine = models.CharField(_("engine"), max_length=64)
    name = models.CharField(_("name"), max_length=64)
    token = models.CharField(_("token"), max_length=32)
    created = models.DateTimeField(_("created"), auto_now_add=True)
    seen = models.DateTimeField(_("last seen"), default=timezone.now)
    serial = models.PositiveBigIntegerField(_("number of the last commit"), default=0)
    announced = models.PositiveBigIntegerField(_("number of the last commit that was begun"), default=0)

    class Meta:
        verbose_name = _("replica")
        verbose_name_plural = _("replicas")
        constraints = (models.UniqueConstraint(fields=("engine", "name"), name="newsindex_one_replica"),)

    def __str__(self) -> str:
        return f"{self.engine}@{self.name}"


class CuratedQuerySet(models.QuerySet[M]):
    """Rows that every process keeps in mind: bulk changes, which send no signals, make it read them again."""

    def update(self, **kwargs: Any) -> int:
        """As Django's."""
        with _in_one_transaction(self._for_write_alias()):
            changed = super().update(**kwargs)
            CurationVersion.renew(self._for_write_alias())
        return changed

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        """As Django's."""
        with _in_one_transaction(self._for_write_alias()):
            created = super().bulk_create(objs, *args, **kwargs)
            CurationVersion.renew(self._for_write_alias())
        return created

    def _for_write_alias(self: Any) -> str:
        return self._db or router.db_for_write(self.model, **self._hints)


class Synonym(SavedWithNote, models.Model):
    """Words that mean the same to a search: each of ``words`` also finds the others, or, if there are, ``targets``."""

    words = models.TextField(_("words"))
    targets = models.TextField(_("also find"), blank=True)
    language = models.CharField(_("language"), max_length=20, blank=True)
    changed = models.DateTimeField(_("changed"), auto_now=True)

    objects = CuratedQuerySet["Synonym"].as_manager()

    class Meta:
        verbose_name = _("synonym")
        verbose_name_plural = _("synonyms")
        ordering = ("words", "pk")

    def __str__(self) -> str:
        return f"{self.words} => {self.targets}" if self.targets else self.words


class PinnedResult(SavedWithNote, models.Model):
    """An article that stands before all others where somebody searches for one of ``queries``, a line each."""

    queries = models.TextField(_("queries"))
    source = models.CharField(_("source"), max_length=200)
    object_pk = models.CharField(_("object"), max_length=LONGEST_KEY)
    position = models.PositiveSmallIntegerField(_("position"), default=1)
    starts = models.DateTimeField(_("from"), null=True, blank=True)
    ends = models.DateTimeField(_("until"), null=True, blank=True)
    language = models.CharField(_("language"), max_length=20, blank=True)
    changed = models.DateTimeField(_("changed"), auto_now=True)

    objects = CuratedQuerySet["PinnedResult"].as_manager()

    class Meta:
        verbose_name = _("pinned result")
        verbose_name_plural = _("pinned results")
        ordering = ("queries", "position", "pk")
        constraints = (
            models.CheckConstraint(
                name="newsindex_pin_ends_after_it_starts",
                condition=Q(starts=None) | Q(ends=None) | Q(ends__gt=F("starts")),
                violation_error_message=_("The end must be after the beginning."),
            ),
        )

    def __str__(self) -> str:
        return f"{', '.join(self.queries.splitlines())}: {self.key}"

    @property
    def key(self) -> str:
        """The key of the article in the index."""
        return f"{self.source}:{self.object_pk}"


class CurationVersion(models.Model):
    """One row, another token after every change of synonyms and pinned results, by which processes know of it."""

    token = models.CharField(max_length=32)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.token

    @classmethod
    def renew(cls, using: str) -> None:
        """Make every process read again what it keeps in mind, as soon as this transaction is committed.

        A number might be given twice, by a transaction that is rolled back and one after it.
        """
        cls._default_manager.using(using).update_or_create(pk=1, defaults={"token": secrets.token_hex(12)})


def _renew_curation(using: str, **kwargs: Any) -> None:
    CurationVersion.renew(using)


for _curated in (Synonym, PinnedResult):
    for _signal in (post_save, post_delete):
        _signal.connect(_renew_curation, sender=_curated, dispatch_uid="newsindex-curation")
