"""Ways to use a database."""

import pytest
from django.test import TestCase
from shop.models import Item


@pytest.mark.django_db
def test_made():
    Item.objects.create(name="tea")
    assert Item.objects.count() == 1


@pytest.mark.django_db
def test_none_is_left(client):
    assert client.get("/").content == b"0"


@pytest.mark.django_db(transaction=True)
def test_transaction():
    Item.objects.create(name="tea")
    assert Item.objects.get().name == "tea"


def test_without_permission():
    Item.objects.count()


class TestItems(TestCase):
    @classmethod
    def setUpTestData(cls):
        Item.objects.create(name="cake")

    def test_data(self):
        self.assertEqual(Item.objects.get().name, "cake")

    def test_settings(self):
        with self.settings(SECRET_KEY="other"):
            self.assertEqual(self.client.get("/").status_code, 200)
