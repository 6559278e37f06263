"""The one exception that seqaudit raises for bad input."""


class SeqauditError(ValueError):
    """Bad input: what was wrong, where, what was got and expected, and what to do.

    The message is all that a user sees, so it names the file, row, column or config
    key. Broken invariants of our own are ``assert``, never this.
    """
