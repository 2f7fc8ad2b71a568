"""Sealing keys as people and programs may see them: ids and counts, never key material."""

from pydantic import BaseModel

# How a process that lacks a key is given it.
KEY_COMES_BY = "the IM_STATE_DIR of the im dev whose key it is, or the key in IM_SECRET_KEYS"


class KeyRow(BaseModel):
    """One sealing key.

    Attributes:
        key: its id.
        seals: new values are sealed with it.
        here: this process holds it.
        workers: how many worker processes hold it, of those that tell.
        values: sealed values that only this key opens.
    """

    key: str
    seals: bool = False
    here: bool = False
    workers: int = 0
    values: int = 0


class KeyReport(BaseModel):
    """Every key that is held or needed.

    Attributes:
        workers: worker processes there are.
        silent: those of a version that does not tell which keys it has.
        elsewhere: values, by name, whose key this process does not have, and a worker has or may have.
        lost: those whose key neither this process has nor a worker tells of.
        advice: what to do next, in order; empty where all is well.
    """

    keys: list[KeyRow] = []
    workers: int = 0
    silent: list[str] = []
    elsewhere: list[str] = []
    lost: list[str] = []
    advice: list[str] = []

    def lacking(self) -> str:
        """That this process lacks keys that are, or may be, elsewhere."""
        return f"this process does not have the key of {', '.join(self.elsewhere)}, which a worker has or may have"

    def losing(self) -> str:
        """That nobody is known to have keys."""
        return f"this process does not have the key of {', '.join(self.lost)}, and no worker tells of it"


class Rotation(BaseModel):
    """What a rotation did.

    Attributes:
        key: what everything that could be opened is sealed with now.
        added: the key was made for it, and put into the key file.
        resealed: values that were sealed with another key before.
        lost: values that no key at hand opens, by name; they are as they were.
        advice: what to do next, in order.
    """

    key: str
    added: bool = False
    resealed: int = 0
    lost: list[str] = []
    advice: list[str] = []
