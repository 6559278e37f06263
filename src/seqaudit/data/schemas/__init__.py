"""Every table that seqaudit writes, declared once: column, type, unit and meaning.

Plain Python without pyarrow, because the workflow's driver reads it as well.
``data/tables.py`` checks tables against it on every write and read.
"""

from seqaudit.data.schemas import (  # noqa: F401  they declare their tables
    audit,
    consistency,
    deepmr,
    hessian,
    hessian_heads,
    hessian_nodes,
    loss,
    mr,
    twin,
    twin_tests,
)
from seqaudit.data.schemas.declaration import SCHEMAS, Column, Schema, declare

__all__ = ["SCHEMAS", "Column", "Schema", "declare"]
