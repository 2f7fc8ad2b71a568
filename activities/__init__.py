"""I/O on behalf of workflows: requests to receivers, the leased directory, recording of outcomes.

May be here: activities and what they are made of. Imports ``domain`` alone; what they need of Temporal (a query,
a signal, a start) is handed to them as a function by ``service``.

May not be here: decisions. What is retried, when, and what is healthy is decided in ``domain``.
"""
