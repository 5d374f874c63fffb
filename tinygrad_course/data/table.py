"""Columns of numbers from a CSV file, with errors that name file, line and column."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .errors import DataFileError

__all__ = ["read_columns"]


def read_columns(path: str | Path, columns: Sequence[str], *, least: int = 2) -> dict[str, np.ndarray]:
    """Read columns of finite numbers from a CSV file with a header line.

    Args:
        path: a UTF-8 file; other columns than those asked for are passed over, and so are blank lines.
        columns: the names of the columns to read.
        least: the least number of rows to accept.

    Returns:
        A float64 array of shape (rows,) for each column.

    Raises:
        DataFileError: with file, line and column, if the file cannot be read, a column is missing, a cell is no finite
            number, or there are too few rows.
    """
    values: dict[str, list[float]] = {name: [] for name in columns}
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            header = [name.strip() for name in next(rows, [])]
            if not header:
                raise DataFileError(f"{path}: the file is empty; expected a header line {','.join(columns)}")
            for name in columns:
                if name not in header:
                    raise DataFileError(f"{path}, line 1: no column {name!r}; the header has {', '.join(header)}")
                if header.count(name) > 1:
                    raise DataFileError(f"{path}, line 1: column {name!r} stands there {header.count(name)} times")
            for row in rows:
                if any(cell.strip() for cell in row):
                    for name in columns:
                        values[name].append(_number(path, rows.line_num, name, row, header.index(name)))
    except OSError as error:
        raise DataFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataFileError(f"{path}: not a UTF-8 text file (byte {error.start})") from error
    except csv.Error as error:
        raise DataFileError(f"{path}: not a CSV file: {error}") from error
    count = len(values[columns[0]])
    if count < least:
        rows_text = "no rows" if not count else "one row" if count == 1 else f"{count} rows"
        raise DataFileError(f"{path}, line {count + 1}: {rows_text} of data in the columns {', '.join(columns)}; "
                            f"at least {least} are needed")  # fmt: skip
    return {name: np.array(column) for name, column in values.items()}


def _number(path: str | Path, line: int, name: str, row: Sequence[str], index: int) -> float:
    """The finite number in one cell."""
    where = f"{path}, line {line}, column {name!r}"
    if index >= len(row) or not row[index].strip():
        raise DataFileError(f"{where}: the cell is empty; expected a number")
    text = row[index].strip()
    try:
        number = float(text)
    except ValueError:
        raise DataFileError(f"{where}: expected a number, got {text[:40]!r}") from None
    if not math.isfinite(number):
        raise DataFileError(f"{where}: expected a finite number, got {text!r}")
    return number
