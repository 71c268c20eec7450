"""The table of what was done to an index."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('newsindex', '0002_replicas'),
    ]

    operations = [
        migrations.CreateModel(
            name='IndexRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('engine', models.CharField(max_length=64, verbose_name='engine')),
                ('kind', models.CharField(choices=[('drain', 'Update'), ('rebuild', 'Rebuild'), ('verify', 'Verification'), ('repair', 'Repair'), ('purge', 'Purge')], max_length=10, verbose_name='kind')),
                ('outcome', models.CharField(choices=[('waiting', 'waiting'), ('running', 'running'), ('done', 'done'), ('problems', 'done, with problems'), ('failed', 'failed')], default='waiting', max_length=10, verbose_name='outcome')),
                ('started', models.DateTimeField(default=django.utils.timezone.now, verbose_name='started')),
                ('seen', models.DateTimeField(default=django.utils.timezone.now, verbose_name='last sign of life')),
                ('finished', models.DateTimeField(blank=True, null=True, verbose_name='finished')),
                ('progress', models.PositiveBigIntegerField(default=0, verbose_name='progress')),
                ('total', models.PositiveBigIntegerField(default=0, verbose_name='total')),
                ('figures', models.JSONField(blank=True, default=dict, verbose_name='figures')),
                ('message', models.TextField(blank=True, verbose_name='message')),
            ],
            options={
                'verbose_name': 'index run',
                'verbose_name_plural': 'search index',
                'permissions': (('manage_index', 'Can verify, repair and rebuild the search index'),),
                'default_permissions': ('view',),
                'indexes': [models.Index(fields=['engine', 'kind', '-id'], name='newsindex_run_latest')],
            },
        ),
    ]
