"""The first tables of the podcast."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Topic",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True)),
            ],
            options={
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="Episode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200)),
                ("slug", models.SlugField(unique=True)),
                ("host", models.CharField(max_length=100)),
                ("notes", models.TextField(help_text="HTML.")),
                ("released_at", models.DateTimeField()),
                ("withdrawn", models.BooleanField(default=False)),
                ("topics", models.ManyToManyField(blank=True, related_name="episodes", to="newsroom.topic")),
            ],
            options={
                "ordering": ("-released_at",),
            },
        ),
    ]
