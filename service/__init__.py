"""The deployment: settings, the connection to Temporal, and the gateways that api and cli call.

May be here: everything that knows both Temporal and the product; the only place that catches temporalio's errors.
Imports ``domain``, ``workflows`` and ``activities``.

May not be here: HTTP routes, command-line parsing, rendering.
"""
