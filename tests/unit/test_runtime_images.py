"""Uploaded images: found by id only, for a while only, within a budget."""

import pytest

from fusion.errors import ImageNotFound, Overloaded
from fusion.runtime.images import ImageStore


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_image_is_found_by_its_id() -> None:
    store = ImageStore(60, 1000)
    first, second = store.put(b"one"), store.put(b"two")
    assert (store.get(first), store.get(second)) == (b"one", b"two")


def test_ids_cannot_be_guessed() -> None:
    store = ImageStore(60, 10_000)
    ids = {store.put(b"same") for _ in range(100)}
    assert len(ids) == 100
    # 192 bits in base64: 32 characters.
    assert {len(image_id) for image_id in ids} == {32}


def test_an_image_is_gone_after_its_time() -> None:
    clock = Clock()
    store = ImageStore(60, 1000, clock)
    image_id = store.put(b"one")
    clock.now += 59
    assert store.get(image_id) == b"one"
    clock.now += 1
    with pytest.raises(ImageNotFound):
        store.get(image_id)


def test_a_deleted_image_is_gone() -> None:
    store = ImageStore(60, 1000)
    image_id = store.put(b"one")
    store.delete(image_id)
    for action in (store.get, store.delete):
        with pytest.raises(ImageNotFound):
            action(image_id)


def test_a_full_store_refuses_until_the_oldest_expires_and_evicts_nobody() -> None:
    clock = Clock()
    store = ImageStore(60, 10, clock)
    first = store.put(b"123456")
    clock.now += 20
    with pytest.raises(Overloaded) as refused:
        store.put(b"12345")
    assert refused.value.retry_after_s == 40
    assert store.get(first) == b"123456"
    clock.now += 40
    assert store.get(store.put(b"12345")) == b"12345"


def test_a_store_without_budget_takes_nothing() -> None:
    with pytest.raises(Overloaded):
        ImageStore(60, 0).put(b"1")
