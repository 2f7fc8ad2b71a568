"""Groups of commands, and what they suggest to whoever types a command or an option that there is not."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

# What other tools call it. Where a group has several of the commands, the first one is suggested.
OTHERS_SAY = {
    "create": ("add", "declare", "raise"),
    "delete": ("remove", "revoke"),
    "describe": ("show",),
    "edit": ("update", "change"),
    "get": ("show",),
    "ls": ("list",),
    "new": ("add", "declare", "raise"),
    "rm": ("remove", "revoke"),
    "send": ("emit",),
}


class Group(TyperGroup):
    """A group that suggests what is close to what was typed, or what others call so, and nothing besides."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings | {"suggest_commands": False})

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that was typed first; raises a usage error for one that there is not."""
        typed = args[0] if args else ""
        if typed and not typed.startswith("-") and self.get_command(ctx, typed) is None:
            meant = suggested(typed, list(self.commands))
            ctx.fail(f"No such command {typed!r}." + (f" Did you mean {meant!r}?" if meant else ""))
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads the group's own options."""
        with _clearly():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Carries out what is beneath, whose options are read in the course of it."""
        with _clearly():
            return super().invoke(ctx)


def suggested(typed: str, known: list[str]) -> str | None:
    """The command that was probably meant; None where none is likely."""
    from domain.likeness import nearest  # noqa: PLC0415 - only where something went wrong

    return next((each for each in OTHERS_SAY.get(typed, ()) if each in known), None) or nearest(typed, known)


@contextmanager
def _clearly() -> Iterator[None]:
    """Suggest for an option that there is not only what is like it; of a number that is none say which one that is."""
    try:
        yield
    except typer.BadParameter as error:
        if faults := getattr(error.__cause__, "errors", None):  # pydantic's, with which Typer reads numbers
            from domain.faults import in_words  # noqa: PLC0415 - only where something went wrong

            error.message = "; ".join(map(in_words, faults()))
        raise
    except Exception as error:  # Click's NoSuchOption, which Typer does not export
        from domain.likeness import may_mean  # noqa: PLC0415 - only where something went wrong

        known: list[str] = getattr(error, "possibilities", None) or []
        typed = getattr(error, "option_name", "").lstrip("-")
        known[:] = [option for option in known if may_mean(typed, option.lstrip("-"))]
        raise
