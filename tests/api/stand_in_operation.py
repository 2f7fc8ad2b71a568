"""What operates the platform, in memory: answers that are always the same."""

from collections.abc import Callable

from api.operation_examples import CHECKUP, CONFIGURATION, IMPORT, KEYS, ROTATION
from domain.checkup import Checkup
from domain.configuration import Configuration, ImportReport
from domain.keys import KeyReport, Rotation


class Keys:
    def __init__(self, called: Callable[[], None]) -> None:
        self._called = called

    async def report(self) -> KeyReport:
        self._called()
        return KeyReport.model_validate(KEYS)

    async def rotate(self) -> Rotation:
        self._called()
        return Rotation.model_validate(ROTATION)


class Doctor:
    def __init__(self, called: Callable[[], None]) -> None:
        self._called = called

    async def check(self) -> Checkup:
        self._called()
        return Checkup.model_validate(CHECKUP)


class ConfigurationDocuments:
    def __init__(self, called: Callable[[], None]) -> None:
        self._called = called
        self.asked: list[object] = []

    async def export(self, *, with_secrets: bool = True) -> Configuration:
        self._called()
        self.asked.append(with_secrets)
        return Configuration.model_validate(CONFIGURATION)

    async def load(self, document: Configuration, *, dry_run: bool = False) -> ImportReport:
        self._called()
        self.asked.append((len(document.subscribers), dry_run))
        return ImportReport.model_validate(IMPORT)
