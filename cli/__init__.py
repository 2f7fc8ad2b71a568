"""The command line: thin Typer commands over ``service``, and how their answers look.

May be here: parsing of arguments, one service call a command, rendering, exit statuses, the narration of `im demo`.
Imports ``service`` and ``domain``; heavy ones inside commands, because ``im --help`` waits for what is at the top.

May not be here: Temporal, rules of delivery, HTTP routes.
"""
