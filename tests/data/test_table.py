"""read_columns: what it reads comes back; what it cannot read is named with file, line and column."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_course.data import DataFileError, read_columns

numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(numbers, numbers), min_size=2), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_round_trip(tmp_path_factory, rows, swapped, newline):
    path = tmp_path_factory.mktemp("csv") / "points.csv"
    header = "t,note,x" if swapped else "x,note,t"
    lines = [header, *(f"{b!r},some,{a!r}" if swapped else f"{a!r},some,{b!r}" for a, b in rows), ""]
    path.write_bytes(newline.join(lines).encode())
    columns = read_columns(path, ["x", "t"])
    np.testing.assert_array_equal(columns["x"], [a for a, _ in rows])
    np.testing.assert_array_equal(columns["t"], [b for _, b in rows])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "cannot be read"),
        ("", "the file is empty"),
        ("x,y\n1,2\n3,4\n", "line 1: no column 't'"),
        ("x,t,t\n1,2,3\n", "line 1: column 't' stands there 2 times"),
        ("x,t\n", "line 1: no rows"),
        ("x,t\n1,2\n", "line 2: one row"),
        ("x,t\n1,2\n3,four\n", "line 3, column 't': expected a number, got 'four'"),
        ("x,t\n1,2\n\n3\n", "line 4, column 't': the cell is empty"),
        ("x,t\n1,2\nnan,4\n", "line 3, column 'x': expected a finite number, got 'nan'"),
        ("x,t\n1,2\n3,-inf\n", "line 3, column 't': expected a finite number, got '-inf'"),
        (b"x,t\n\xff\xfe1,2\n", "not a UTF-8 text file"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, text, told):
    path = tmp_path / "points.csv"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataFileError) as caught:
        read_columns(path, ["x", "t"])
    assert str(path) in str(caught.value)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(DataFileError, match="cannot be read"):
        read_columns(tmp_path, ["x"])
