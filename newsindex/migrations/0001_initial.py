"""The tables of articles, tags and pending changes."""

import django.db.models.deletion
import taggit.managers
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Article',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.CharField(max_length=300, verbose_name='title')),
                ('slug', models.SlugField(allow_unicode=True, max_length=200, unique=True, verbose_name='slug')),
                ('summary', models.TextField(blank=True, verbose_name='summary')),
                ('body', models.TextField(blank=True, verbose_name='body')),
                ('body_format', models.CharField(choices=[('plain', 'Plain text'), ('markdown', 'Markdown'), ('html', 'HTML')], default='plain', max_length=10, verbose_name='body format')),
                ('authors', models.CharField(blank=True, help_text='Names, separated by commas.', max_length=500, verbose_name='authors')),
                ('section', models.CharField(blank=True, db_index=True, max_length=100, verbose_name='section')),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('published', 'Published')], db_index=True, default='draft', max_length=10, verbose_name='status')),
                ('published_at', models.DateTimeField(blank=True, db_index=True, help_text='A published article is hidden until then.', null=True, verbose_name='published at')),
                ('expires_at', models.DateTimeField(blank=True, help_text='The article is hidden from then on.', null=True, verbose_name='expires at')),
                ('language', models.CharField(blank=True, help_text='A code such as “en” or “pt-br”. Empty: the language of the site.', max_length=20, verbose_name='language')),
                ('created', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('updated', models.DateTimeField(auto_now=True, verbose_name='updated')),
            ],
            options={
                'verbose_name': 'article',
                'verbose_name_plural': 'articles',
                'ordering': (models.OrderBy(models.F('published_at'), descending=True, nulls_last=True), '-pk'),
            },
        ),
        migrations.CreateModel(
            name='Tag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True, verbose_name='name')),
                ('slug', models.SlugField(allow_unicode=True, max_length=100, unique=True, verbose_name='slug')),
            ],
            options={
                'verbose_name': 'tag',
                'verbose_name_plural': 'tags',
                'ordering': ('name',),
            },
        ),
        migrations.CreateModel(
            name='PendingChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('engine', models.CharField(default='default', max_length=64, verbose_name='engine')),
                ('source', models.CharField(max_length=200, verbose_name='source')),
                ('object_pk', models.CharField(max_length=255, verbose_name='object')),
                ('created', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='attempts')),
                ('error', models.TextField(blank=True, verbose_name='last error')),
            ],
            options={
                'verbose_name': 'pending change',
                'verbose_name_plural': 'pending changes',
                'indexes': [models.Index(fields=['engine', 'id'], name='newsindex_pending_order')],
            },
        ),
        migrations.CreateModel(
            name='TaggedArticle',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('content_object', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tagged_articles', to='newsindex.article')),
                ('tag', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tagged_articles', to='newsindex.tag')),
            ],
            options={
                'verbose_name': 'tagged article',
                'verbose_name_plural': 'tagged articles',
            },
        ),
        migrations.AddField(
            model_name='article',
            name='tags',
            field=taggit.managers.TaggableManager(blank=True, help_text='A comma-separated list of tags.', through='newsindex.TaggedArticle', to='newsindex.Tag', verbose_name='tags'),
        ),
        migrations.AddConstraint(
            model_name='taggedarticle',
            constraint=models.UniqueConstraint(fields=('tag', 'content_object'), name='newsindex_one_tag_once'),
        ),
        migrations.AddConstraint(
            model_name='article',
            constraint=models.CheckConstraint(condition=models.Q(('published_at', None), ('expires_at', None), ('expires_at__gt', models.F('published_at')), _connector='OR'), name='newsindex_article_expires_after_published', violation_error_message='The article must expire after it was published.'),
        ),
    ]
