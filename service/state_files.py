"""Files of one deployment on one machine: the development key and the API token, readable by their owner only."""

import os
import secrets
from pathlib import Path

from activities.key_file import KeyFile, fresh_key
from activities.sealing import Keyring, parse_keys
from domain.errors import ConfigurationError
from domain.tokens import RANDOM_BYTES, make_token
from service.settings import Settings

KEY_FILE = "secret-keys"
TOKEN_FILE = "api-token"  # noqa: S105 - the name of a file
DATABASE_FILE = "temporal.db"
LOG_FOLDER = "logs"


def load_keyring(settings: Settings) -> Keyring:
    """The keys of IM_SECRET_KEYS, or of the key file in the state folder, which is made when it is missing."""
    if settings.im_secret_keys is not None:
        return Keyring(parse_keys(settings.im_secret_keys.get_secret_value()))
    file = KeyFile(settings.im_state_dir / KEY_FILE)
    _read_or_make(file.path, fresh_key())
    return file.keyring()


def check_keys(settings: Settings) -> None:
    """Raise `SealingKeyError` for keys that cannot be used; no key file is made."""
    file = key_file(settings)
    if file is None or file.path.exists():
        load_keyring(settings)


def key_file(settings: Settings) -> KeyFile | None:
    """The file that the keys come from; None where they are in IM_SECRET_KEYS."""
    return None if settings.im_secret_keys is not None else KeyFile(settings.im_state_dir / KEY_FILE)


def load_dev_token(settings: Settings) -> str:
    """The API token of `im dev`, made once and kept in the state folder."""
    return _read_or_make(settings.im_state_dir / TOKEN_FILE, make_token(secrets.token_bytes(RANDOM_BYTES)))


def prepare_state_dir(settings: Settings) -> Path:
    """The state folder, made if missing.

    Raises:
        ConfigurationError: it cannot be made or written to.
    """
    os.umask(0o077)  # logs and the development database hold event data
    try:
        settings.im_state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise unusable(settings.im_state_dir, error) from None
    return settings.im_state_dir


def _read_or_make(path: Path, fresh: str) -> str:
    """The file's text; ``fresh`` is written first when there is no file. Two processes agree on one text."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_name(f".{path.name}-{os.getpid()}")
        if not path.exists():
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(fresh + "\n")
            try:
                os.link(temporary, path)
            except FileExistsError:
                pass  # another process was first: its text counts
            finally:
                temporary.unlink()
        return path.read_text().strip()
    except OSError as error:
        raise unusable(path, error) from None


def unusable(path: Path, error: OSError) -> ConfigurationError:
    """The error for a file or folder of the state folder that cannot be used."""
    return ConfigurationError(
        reason=f"cannot use {path}: {error.strerror}", fix="Set IM_STATE_DIR to a folder that you may write to."
    )
