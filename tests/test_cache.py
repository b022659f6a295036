from __future__ import annotations

from textseg.cache import ByteCache


def make_cache(limit: int) -> ByteCache[bytes]:
    return ByteCache(limit, len)


def test_what_is_put_comes_back() -> None:
    cache = make_cache(10)
    value = b"1234"
    assert cache.put(("tree", 0), value) is value
    assert cache.get(("tree", 0)) is value
    assert cache.get(("tree", 1)) is None
    assert (len(cache), cache.nbytes) == (1, 4)


def test_what_was_put_longest_ago_leaves_first() -> None:
    cache = make_cache(10)
    for name in "abc":
        cache.put(name, b"1234")
    assert cache.get("a") is None
    assert cache.get("b") == cache.get("c") == b"1234"
    assert cache.nbytes == 8


def test_what_is_asked_for_stays() -> None:
    cache = make_cache(10)
    cache.put("a", b"1234")
    cache.put("b", b"1234")
    cache.get("a")
    cache.put("c", b"1234")
    assert cache.get("b") is None
    assert cache.get("a") is not None


def test_as_many_leave_as_must() -> None:
    cache = make_cache(10)
    for name in "abc":
        cache.put(name, b"123")
    cache.put("d", b"12345678")
    assert [name for name in "abcd" if cache.get(name)] == ["d"]


def test_a_value_that_just_fits_is_kept() -> None:
    cache = make_cache(4)
    cache.put("a", b"1234")
    assert cache.get("a") == b"1234"


def test_a_value_under_an_old_key_takes_its_place_and_counts_once() -> None:
    cache = make_cache(10)
    cache.put("a", b"1234")
    cache.put("b", b"1234")
    cache.put("a", b"12")
    assert cache.get("a") == b"12"
    assert (len(cache), cache.nbytes) == (2, 6)
    cache.put("c", b"12345")
    assert cache.get("b") is None  # "a" is the younger one since it was put again


def test_a_value_larger_than_the_limit_is_handed_back_and_not_kept() -> None:
    cache = make_cache(4)
    assert cache.put("a", b"12345") == b"12345"
    assert cache.get("a") is None


def test_a_value_that_cannot_be_kept_drives_nothing_out() -> None:
    cache = make_cache(4)
    cache.put("a", b"1234")
    cache.put("b", b"12345")
    assert cache.get("a") == b"1234"
    cache.put("a", b"12345")  # the old value under this key would be wrong from now on
    assert cache.get("a") is None
