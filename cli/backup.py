"""`im backup` and `im restore`: the database of `im dev`."""

from pathlib import Path
from typing import Annotated

import typer

from cli.run import say, warn


def backup(
    file: Annotated[Path, typer.Argument(help="A new file to write.", metavar="FILE", show_default=False)],
) -> None:
    """Copy the database of im dev into FILE, while it runs or not.

    The copy has everything: subscribers, incidents, events, waiting deliveries. Its secrets are sealed: keep the keys
    (secret-keys in IM_STATE_DIR, or IM_SECRET_KEYS) as well, in another place. Never copy temporal.db by hand while
    im dev runs: what was written last is in a log beside it.
    """
    from service.backup import back_up  # noqa: PLC0415 - heavy
    from service.settings import load_settings  # noqa: PLC0415 - heavy

    settings = load_settings()
    size = back_up(settings, file)
    keys = "IM_SECRET_KEYS" if settings.im_secret_keys else f"{settings.im_state_dir / 'secret-keys'}"
    say(f"backed up {size} bytes to {file}")
    say(f"next: keep the keys apart from it, in {keys}: without them the secrets in it cannot be opened")


def restore(
    file: Annotated[Path, typer.Argument(help="What im backup wrote.", metavar="FILE", show_default=False)],
) -> None:
    """Put a backup in the place of the database of im dev.

    It must be stopped. Deliveries that waited go on when im dev starts; what was delivered after the backup is
    delivered again.
    """
    from service.backup import restore as put_back  # noqa: PLC0415 - heavy
    from service.settings import load_settings  # noqa: PLC0415 - heavy
    from service.state_files import key_file  # noqa: PLC0415 - heavy

    settings = load_settings()
    aside, keys = put_back(settings, file), key_file(settings)
    if aside is not None:
        say(f"the database that was there is kept as {aside}")
    if keys is None or keys.path.exists():
        say(f"restored {file}; start im dev, then look it over: im doctor, im keys list")
    else:
        say(f"restored {file}")
        missing = f"there is no {keys.path.name} in {keys.path.parent}"
        warn(f"{missing}: put the one of the backup there before you start im dev (or set its IM_SECRET_KEYS)")
