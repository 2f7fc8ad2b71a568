"""Measures the platform from outside, with every part a process of its own: `python -m bench.run --help`.

May be here: anything that starts, drives and measures the product, and tables and plots of what came of it. Nothing of
the product imports it.
"""
