"""What a declared table is: its columns with types, units and meanings, and its key."""

from typing import NamedTuple


class Column(NamedTuple):
    """One column. ``dtype`` is string, int64, float64, float32 or bool."""

    name: str
    dtype: str
    meaning: str
    unit: str = ""
    nullable: bool = False


class Schema(NamedTuple):
    """One table. ``key`` columns identify a row; together they never repeat."""

    name: str
    version: int
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]


SCHEMAS: dict[str, Schema] = {}


def declare(name: str, *, version: int, row: str, key: tuple[str, ...], columns: list) -> Schema:
    """Add a table to ``SCHEMAS``."""
    assert name not in SCHEMAS, name
    SCHEMAS[name] = Schema(name, version, row, key, tuple(columns))
    return SCHEMAS[name]
