from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textseg.errors import QueryError, UnknownNameError
from textseg.segmentation.mask import Mask
from textseg.segmentation.phrases import joined, negated, quoted, remarked
from textseg.segmentation.query import And, Expression, Not, Or, Phrase, parse_query

quickly = settings(max_examples=50, deadline=None)
A, B, C = Phrase("a"), Phrase("b"), Phrase("c")


def strip(*values: float) -> Mask:
    """A mask of one row."""
    soft = np.array([values], np.float32)
    return Mask(soft, "x", np.zeros((1, len(values), 3), np.float32))


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("house", Phrase("house")),
        ("  big   red house ", Phrase("big red house")),
        ("a and b", And((A, B))),
        ("a or b", Or((A, B))),
        ("not a", Not(A)),
        ("a and not b", And((A, Not(B)))),
        ("a but not b", And((A, Not(B)))),
        ("a except b", And((A, Not(B)))),
        ("a except for b", And((A, Not(B)))),
        ("everything except a", Not(A)),
        ("everything but a", Not(A)),
        ("everything but not a", Not(A)),
        ("all except for the a", Not(Phrase("the a"))),
        ("a or b and c", Or((A, And((B, C))))),
        ("(a or b) and c", And((Or((A, B)), C))),
        ("not a and b", And((Not(A), B))),
        ("not (a and b)", Not(And((A, B)))),
        ("not not a", Not(Not(A))),
        ("a and b and c", And((A, B, C))),
        ("a or (b or c)", Or((A, B, C))),
        ("((a))", A),
        ("c and not (a or b)", And((C, Not(Or((A, B)))))),
        ("a but not b and not c", And((A, Not(B), Not(C)))),
        ("everything except a and not b", And((Not(A), Not(B)))),
        ("everything except (a or b)", Not(Or((A, B)))),
        ("(everything except a) and b", And((Not(A), B))),
        ("a and everything except b", And((A, Not(B)))),
        ("a except (b or c)", And((A, Not(Or((B, C)))))),
        ("a AND b Or C", Or((And((A, B)), Phrase("C")))),
        ('"salt and pepper"', Phrase("salt and pepper")),
        ("“salt and pepper” or a", Or((Phrase("salt and pepper"), A))),
        ('old "salt and pepper" mill', Phrase("old salt and pepper mill")),
        ('"(a"', Phrase("(a")),
        ("android notes or oranges", Or((Phrase("android notes"), Phrase("oranges")))),
        ("all houses", Phrase("all houses")),
        ("a, b", Phrase("a, b")),
        ("a and (not b)", And((A, Not(B)))),
        ("木 and 🏠", And((Phrase("木"), Phrase("🏠")))),
    ],
)
def test_expressions_are_read(text: str, meaning: Expression) -> None:
    assert parse_query(text) == meaning


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the query is empty"),
        (" \t ", "the query is empty"),
        ("a and", "a phrase is missing at character 6, here: a and⟦?⟧"),
        ("and a", "a phrase is missing at character 1, here: ⟦?⟧and a"),
        ("a or or b", "a phrase is missing at character 6, here: a or ⟦?⟧or b"),
        ("not", "a phrase is missing at character 4, here: not⟦?⟧"),
        ("everything except", "a phrase is missing at character 18"),
        ("()", "a phrase is missing at character 2, here: (⟦?⟧)"),
        ("(a or b", "a closing parenthesis is missing at character 8, here: (a or b⟦?⟧"),
        ("a) or b", "a parenthesis closes that was not opened at character 2, here: a⟦?⟧) or b"),
        ("a (b)", '"and" or "or" is missing at character 3, here: a ⟦?⟧(b)'),
        ("(a) b", '"and" or "or" is missing at character 5, here: (a) ⟦?⟧b'),
        ("a not b", '"and" or "or" is missing at character 3, here: a ⟦?⟧not b'),
        ('"salt and pepper', "a quotation mark has no partner at character 1"),
        ('a "', "a quotation mark has no partner at character 3"),
        ('""', "there is nothing between the quotation marks at character 1"),
        ('a and " "', "there is nothing between the quotation marks at character 7"),
        ("everything except a and b", "it is not clear how far the exception goes at character 21"),
        ("everything but a or b", "it is not clear how far the exception goes"),
        ("a except b or c", "it is not clear how far the exception goes"),
        ("a but not b and c", "it is not clear how far the exception goes"),
        ("a\x00b", r"control character U\+0000"),
    ],
)
def test_mistakes_are_shown_where_they_are(text: str, message: str) -> None:
    plain = message.replace("(", r"\(").replace(")", r"\)").replace("?", r"\?")
    with pytest.raises(QueryError, match=plain):
        parse_query(text)


def test_long_texts_are_shown_around_the_mistake_only() -> None:
    with pytest.raises(QueryError, match=r"x and ⟦\?⟧or y") as caught:
        parse_query("x" * 5000 + " and or " + "y" * 5000)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("text", ["(" * 9000 + "a" + ")" * 9000, "not " * 4000 + "a"])
def test_nests_that_are_too_deep_are_refused(text: str) -> None:
    with pytest.raises(QueryError, match="more than 50"):
        parse_query(text)


def test_a_hundred_parts_in_a_row_are_not_too_deep_and_more_are_refused() -> None:
    words = [f"a{k}" for k in range(101)]
    with pytest.raises(QueryError, match="more than 100 phrases"):
        parse_query(" or ".join(words))
    read = parse_query(" and ".join(words[1:]))
    assert len(read.phrases) == 100
    assert read.mask(dict.fromkeys(read.phrases, strip(0.7, 0.2))).binary().tolist() == [
        [True, False]
    ]


# ---------------------------------------------------------------- what it holds


def test_phrases_are_in_order_and_each_once() -> None:
    assert parse_query("c and not (a or c) or b and not a").phrases == ("c", "a", "b")


def test_masks_are_put_together_as_the_expression_says() -> None:
    masks = {"a": strip(1, 1, 0, 0), "b": strip(1, 0, 1, 0), "c": strip(0, 1, 1, 1)}
    for text, inside in {
        "a": [1, 1, 0, 0],
        "a and b": [1, 0, 0, 0],
        "a or b": [1, 1, 1, 0],
        "not a": [0, 0, 1, 1],
        "a and not b": [0, 1, 0, 0],
        "a or b and c": [1, 1, 1, 0],
        "(a or b) and c": [0, 1, 1, 0],
        "c and not (a or b)": [0, 0, 0, 1],
        "a and b and c": [0, 0, 0, 0],
    }.items():
        assert parse_query(text).mask(masks).binary().astype(int).tolist() == [inside], text


def test_a_missing_mask_is_named() -> None:
    with pytest.raises(UnknownNameError, match="unknown phrase 'b'; known: a, c"):
        parse_query("a or b").mask({"a": strip(1), "c": strip(1)})


# ---------------------------------------------------------------- in words again

PHRASES = st.builds(
    Phrase, st.sampled_from(["a", "red house", "salt and pepper", "not", "(", "say “x”", 'a "b"'])
)
EXPRESSIONS = st.recursive(
    PHRASES,
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.tuples(inner, inner))
        | st.builds(Or, st.tuples(inner, inner, inner))
    ),
    max_leaves=8,
)


@quickly
@given(EXPRESSIONS)
def test_what_is_written_reads_the_same(expression: Expression) -> None:
    read = parse_query(str(expression))
    assert str(read) == str(expression)
    assert read.phrases == expression.phrases


@quickly
@given(EXPRESSIONS, st.lists(st.floats(0, 1, width=32), min_size=7, max_size=7))
def test_what_is_written_means_the_same(expression: Expression, values: list[float]) -> None:
    masks = dict(zip(expression.phrases, map(strip, values), strict=False))
    again = parse_query(str(expression))
    assert np.array_equal(expression.mask(masks).soft, again.mask(masks).soft)


@quickly
@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = parse_query(text)
    except QueryError:
        return
    assert read.phrases


def test_names_get_parentheses_where_they_are_needed_only() -> None:
    assert joined("and", ["a", "b and c"]) == "a and b and c"
    assert joined("and", ["a or b", "c"]) == "(a or b) and c"
    assert joined("or", ["a and b", "c or d"]) == "a and b or c or d"
    assert joined("and", ["(a or b) and c", "not d"]) == "(a or b) and c and not d"
    assert joined("and", ['"a or b"', "(a or b)"]) == '"a or b" and (a or b)'
    assert negated("a and b") == "not (a and b)"
    assert negated("red house") == "not red house"
    assert remarked("red house", "left") == "red house (left)"
    assert remarked("not a", "left") == "(not a) (left)"
    assert remarked("a (left)", "grown by 2") == "a (left) (grown by 2)"


def test_phrases_are_quoted_where_they_would_fall_apart() -> None:
    assert quoted("red house") == "red house"
    assert quoted("salt and pepper") == '"salt and pepper"'
    assert quoted("house (old)") == '"house (old)"'
    assert quoted('5" pipe') == '“5" pipe”'
