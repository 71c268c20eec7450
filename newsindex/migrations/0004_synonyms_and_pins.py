"""The tables of synonyms and pinned results, and of the row that says when they have changed."""

import newsindex.models
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('newsindex', '0003_index_runs'),
    ]

    operations = [
        migrations.CreateModel(
            name='CurationVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token', models.CharField(max_length=32)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Synonym',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('words', models.TextField(verbose_name='words')),
                ('targets', models.TextField(blank=True, verbose_name='also find')),
                ('language', models.CharField(blank=True, max_length=20, verbose_name='language')),
                ('changed', models.DateTimeField(auto_now=True, verbose_name='changed')),
            ],
            options={
                'verbose_name': 'synonym',
                'verbose_name_plural': 'synonyms',
                'ordering': ('words', 'pk'),
            },
            bases=(newsindex.models.SavedWithNote, models.Model),
        ),
        migrations.CreateModel(
            name='PinnedResult',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('queries', models.TextField(verbose_name='queries')),
                ('source', models.CharField(max_length=200, verbose_name='source')),
                ('object_pk', models.CharField(max_length=255, verbose_name='object')),
                ('position', models.PositiveSmallIntegerField(default=1, verbose_name='position')),
                ('starts', models.DateTimeField(blank=True, null=True, verbose_name='from')),
                ('ends', models.DateTimeField(blank=True, null=True, verbose_name='until')),
                ('language', models.CharField(blank=True, max_length=20, verbose_name='language')),
                ('changed', models.DateTimeField(auto_now=True, verbose_name='changed')),
            ],
            options={
                'verbose_name': 'pinned result',
                'verbose_name_plural': 'pinned results',
                'ordering': ('queries', 'position', 'pk'),
                'constraints': [models.CheckConstraint(condition=models.Q(('starts', None), ('ends', None), ('ends__gt', models.F('starts')), _connector='OR'), name='newsindex_pin_ends_after_it_starts', violation_error_message='The end must be after the beginning.')],
            },
            bases=(newsindex.models.SavedWithNote, models.Model),
        ),
    ]
