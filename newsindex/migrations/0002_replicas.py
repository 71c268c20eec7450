"""Which hosts keep an index of their own, and what each has still to see."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('newsindex', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Replica',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('engine', models.CharField(max_length=64, verbose_name='engine')),
                ('name', models.CharField(max_length=64, verbose_name='name')),
                ('token', models.CharField(max_length=32, verbose_name='token')),
                ('created', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('seen', models.DateTimeField(default=django.utils.timezone.now, verbose_name='last seen')),
            ],
            options={
                'verbose_name': 'replica',
                'verbose_name_plural': 'replicas',
            },
        ),
        migrations.RemoveIndex(
            model_name='pendingchange',
            name='newsindex_pending_order',
        ),
        migrations.AddField(
            model_name='pendingchange',
            name='replica',
            field=models.CharField(blank=True, default='', help_text='Empty where there is one index for all.', max_length=64, verbose_name='replica'),
        ),
        migrations.AddIndex(
            model_name='pendingchange',
            index=models.Index(fields=['engine', 'replica', 'id'], name='newsindex_pending_of_replica'),
        ),
        migrations.AddConstraint(
            model_name='replica',
            constraint=models.UniqueConstraint(fields=('engine', 'name'), name='newsindex_one_replica'),
        ),
    ]
