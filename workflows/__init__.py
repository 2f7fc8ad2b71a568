"""Deterministic orchestration: one file a workflow type, plus ``names`` and ``policies``.

May be here: the order of steps, timers, handlers, state carried through continue-as-new. Imports ``domain``, and
``activities`` only for typed references to activities.

May not be here: I/O, clocks, randomness, iteration over sets; anything that a replay could see differently.
"""
