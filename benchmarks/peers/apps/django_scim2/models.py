"""The models, made of the package's mixins."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django_scim.models import AbstractSCIMGroupMixin, AbstractSCIMUserMixin


class Group(AbstractSCIMGroupMixin):
    """A group."""

    name = models.CharField(max_length=100, unique=True)


class User(AbstractSCIMUserMixin, AbstractUser):
    """A user."""

    groups = models.ManyToManyField(Group, related_name="user_set")

    @property
    def scim_groups(self) -> Any:
        """The groups that the user is in."""
        return self.groups
