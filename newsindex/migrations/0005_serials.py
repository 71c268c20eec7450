"""By which number of a commit a database and an index know that neither was put back from an older copy."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('newsindex', '0004_synonyms_and_pins'),
    ]

    operations = [
        migrations.AddField(
            model_name='replica',
            name='announced',
            field=models.PositiveBigIntegerField(default=0, verbose_name='number of the last commit that was begun'),
        ),
        migrations.AddField(
            model_name='replica',
            name='serial',
            field=models.PositiveBigIntegerField(default=0, verbose_name='number of the last commit'),
        ),
    ]
