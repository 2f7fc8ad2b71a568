"""The rules of the product, as plain values and pure functions.

May be here: models, tables and decisions (what matches, what is retried and when, what is healthy,
what may be dialled, how bytes are signed), on the standard library and pydantic.

May not be here: I/O, clocks, randomness, Temporal, HTTP. Time and random bytes are arguments.
"""
