"""The REST API: FastAPI routes under ``/api/v1``, each one parse, one call of a gateway, one model.

May be here: routes, request and response models, RFC 9457 problems, the middleware that guards all of it.
Imports ``service`` and ``domain``.

May not be here: temporalio, decisions about events or incidents, anything a command would need too.
"""
