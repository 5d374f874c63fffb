"""The text format: round trips, what the grammar allows, and errors with line and column."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_course.interop.prototxt import Enum, Message, PrototxtError, parse, write

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True)
SCALARS = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.booleans(), st.text(max_size=6),
    st.sampled_from(["MAX", "TRAIN", "x.y"]).map(Enum),
)  # fmt: skip


def _message(fields):
    message = Message()
    for name, value in fields:
        message.add(name, value)
    return message


MESSAGES = st.recursive(
    st.just(Message()),
    lambda inner: st.lists(st.tuples(NAMES, st.one_of(SCALARS, inner)), max_size=4).map(_message),
    max_leaves=8,
)


def _values(message):
    return {
        name: [(type(v), _values(v) if isinstance(v, Message) else v) for v in values]
        for name, values in message.fields.items()
    }


@given(MESSAGES)
def test_round_trip(message):
    assert _values(parse(write(message))) == _values(message)


def test_what_the_grammar_allows():
    message = parse(
        "a: 1, b: -2.5; c: 1e-3f d: .5 e: 0x1F f: 017 # note\n"
        "g: 'it''s' 'a \\'string\\' \\x41\\101\\n' h < i: MAX > j { } k: { l: true }\n"
        "m: [1, 2] m: 3 n: [] o: inf p: -inf"
    )
    found = _values(message)
    assert found["a"] == [(int, 1)]
    assert [found[x][0][1] for x in "bcdef"] == [-2.5, 1e-3, 0.5, 31, 15]
    assert found["g"] == [(str, "itsa 'string' AA\n")]
    assert found["h"] == [(Message, {"i": [(Enum, "MAX")]})]
    assert found["j"] == [(Message, {})]
    assert found["m"] == [(int, 1), (int, 2), (int, 3)]
    assert "n" not in found
    assert (found["o"][0][1], found["p"][0][1]) == (math.inf, -math.inf)


WRONG = {
    "a: 1\nb 2": "2:3: expected ':' or '{' after b, got 2",
    "a {\n  b: 1\n": "3:1: expected the name of a field or '}', got the end",
    "a: }": "1:4: expected a value for a, got }",
    "a: [1 2]": "1:7: expected ',' or ']'",
    "\n\n  a: 'x\n": "3:6: a string that does not end is not expected here",
    "a: 1 }": "1:6: expected the name of a field, got }",
    "a: @": "1:4: '@' is not expected here",
    "a: 09": "1:4: 09 is not a number",
    "a": "1:2: expected ':'",
    "a {" * 100: "more than 64 messages within each other",
    "a: " + "9" * 10_000: "is not a number",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda t: t[:12])
def test_errors_give_line_and_column(text):
    with pytest.raises(PrototxtError) as error:
        parse(text, "net.prototxt")
    assert str(error.value).startswith("net.prototxt:")
    assert WRONG[text] in str(error.value)


def test_fields_are_checked_where_they_are_read():
    message = parse("a: 1\nb: 'x' c: MAX d { e: 1\n f: 2 } g: 1 h: true", "net")
    assert (message.number("a"), message.text("b"), message.choice("c", "AVE", "MAX")) == (1.0, "x", "MAX")
    assert message.flag("g")
    assert message.integer("zzz", 7) == 7
    for read, match in [
        (lambda: message.number("b"), r"net:2:1: net: b must be a number, got 'x'"),
        (lambda: message.integer("h"), "h must be an integer, got True"),
        (lambda: message.text("c"), "c must be a string in quotes, got 'MAX'"),
        (lambda: message.choice("c", "A", "B"), "c must be one of A, B, got MAX"),
        (lambda: message.integer("a", least=2), "a must be an integer of at least 2, got 1"),
        (lambda: message.message("a"), "a must be a message in braces, got 1"),
        (lambda: message.text("d"), "must be a string in quotes, got {...}"),
    ]:
        with pytest.raises(PrototxtError, match=match):
            read()
    assert message.message("d").integer("e") == 1
    with pytest.raises(PrototxtError, match=r"net:3:2: d: f is not known here"):
        message.check_all_known()
    message.message("d").ignore("f")
    message.check_all_known()


def test_messages_of_one_field_are_merged():
    message = parse("p { a: 1 } p { b: 2 }")
    assert (message.message("p").integer("a"), message.message("p").integer("b")) == (1, 2)
    message.check_all_known()


@given(st.text(st.sampled_from(list("ab:{}<>[],;'\"\\ \n#01.-xe")), max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        parse(text)
    except PrototxtError as error:
        assert str(error).startswith("prototxt:")
