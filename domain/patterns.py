"""Event type patterns: ``*`` is one whole segment, ``**`` one or more, anything else is itself.

Segments are separated by dots. Source: the guide's pattern table; ``im.incident.*`` therefore does not match
``im.incident.declared.v1``, which `misread` says to whoever writes it.
"""

import difflib
from collections.abc import Collection, Sequence
from functools import lru_cache

from domain.errors import InvalidRequestError
from domain.likeness import nearest
from domain.subscriber_errors import InvalidPatternError

ALL = "**"
MAX_PATTERNS = 50
MAX_PATTERN_LENGTH = 256


def parse_patterns(text: str) -> tuple[str, ...]:
    """The patterns of a comma-separated list, in order, without repeats.

    Raises:
        InvalidPatternError: for an empty list, an empty or partly wild segment, or a limit passed
            (50 patterns of 256 characters).
    """
    return check_patterns(text.split(","))


def check_patterns(patterns: Sequence[str]) -> tuple[str, ...]:
    """The same patterns, stripped, in order, without repeats; raises like `parse_patterns`."""
    cleaned = tuple(dict.fromkeys(pattern.strip() for pattern in patterns)) or ("",)
    if len(cleaned) > MAX_PATTERNS:
        raise InvalidPatternError(pattern=cleaned[MAX_PATTERNS], reason=f"more than {MAX_PATTERNS} patterns")
    for pattern in cleaned:
        _check(pattern)
    return cleaned


def _check(pattern: str) -> None:
    if not pattern:
        raise InvalidPatternError(pattern=pattern, reason="it is empty")
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise InvalidPatternError(pattern=pattern[:40] + "...", reason=f"longer than {MAX_PATTERN_LENGTH}")
    for segment in pattern.split("."):
        if not segment:
            raise InvalidPatternError(pattern=pattern, reason="it has an empty segment")
        if any(char.isspace() or not char.isprintable() for char in segment):
            raise InvalidPatternError(pattern=pattern, reason="it contains white space or control characters")
        if "*" in segment and segment not in {"*", "**"}:
            raise InvalidPatternError(pattern=pattern, reason=f"{segment!r} is neither plain, * nor **")


def check_can_be_named(event_type: str) -> None:
    """Raise `InvalidRequestError` for an event type that nobody could ask for by its name: no pattern is like it."""
    try:
        _check(event_type)
    except InvalidPatternError as error:
        reason = error.data["reason"]
    else:
        if "*" not in event_type:
            return
        reason = "it is a pattern itself"
    raise InvalidRequestError(
        reason=f"{event_type!r} is a type that nobody could ask for by name: {reason}. Write one such as "
        "com.example.deploy.finished.v1; an event that has such a type all the same is emitted with --file"
    )


@lru_cache(maxsize=16384)
def matches(pattern: str, event_type: str) -> bool:
    """Whether an event type matches one checked pattern. Linear in pattern x type; no backtracking."""
    wanted = pattern.split(".")
    reached = {0}  # how many segments of the pattern may be used up before the next segment of the type
    for segment in event_type.split("."):
        reached = _step(wanted, reached, segment)
    return len(wanted) in reached


def _step(wanted: Sequence[str], reached: Collection[int], segment: str) -> set[int]:
    """How many segments of a pattern may be used up after one more segment of a type."""
    step: set[int] = set()
    for used in reached:
        if used and wanted[used - 1] == "**":
            step.add(used)
        if used < len(wanted) and wanted[used] in {segment, "*", "**"}:
            step.add(used + 1)
    return step


def matches_any(patterns: Sequence[str], event_type: str) -> bool:
    """Whether an event type matches at least one of the patterns."""
    return any(matches(pattern, event_type) for pattern in patterns)


def advise(patterns: Sequence[str], known_types: Sequence[str]) -> list[str]:
    """A warning for each pattern that matches none of the known types, with the likely intended one.

    For whoever asks which of them it matches; of one that is to be used see `misread`.
    """
    return [_advice(p, known_types) for p in patterns if not any(matches(p, known) for known in known_types)]


def misread(pattern: str | None, known_types: Sequence[str]) -> str | None:
    """A warning for a pattern that matches none of the known types and is of their family or close to one; else None.

    Any other one is most likely meant for types of the asker's own.
    """
    if pattern is None or any(matches(pattern, known) for known in known_types):
        return None
    families = {known.partition(".")[0] for known in known_types}
    if pattern.partition(".")[0] not in families and not _likely(pattern, known_types):
        return None
    return _advice(pattern, known_types)


def misreadings(patterns: Sequence[str], known_types: Sequence[str]) -> list[str]:
    """`misread` of each."""
    return [warning for pattern in patterns if (warning := misread(pattern, known_types))]


def _advice(pattern: str, known_types: Sequence[str]) -> str:
    warning = f"pattern {pattern!r} matches none of the event types that im publishes"
    likely = _likely(pattern, known_types)
    if likely:
        return f"{warning}; did you mean {likely!r}?"
    return f"{warning}; it will match only events of your own (see the known ones: im subscriber match '**')"


def meant_type(text: str, known_types: Sequence[str]) -> str | None:
    """The known type that was probably meant by a text that is none; None where none or several may be."""
    close = _close(text, known_types)
    found = [known for known in known_types if close and matches(close, known)]
    return found[0] if len(found) == 1 else None


def _likely(pattern: str, known_types: Sequence[str]) -> str | None:
    family = f"{'.'.join(pattern.split('.')[:2])}.**"  # such as all of incidents
    return _close(pattern, known_types) or (family if any(matches(family, known) for known in known_types) else None)


def _close(pattern: str, known_types: Sequence[str]) -> str | None:
    families = dict.fromkeys(known.partition(".")[0] for known in known_types)
    spelt = (pattern, _mended(pattern, known_types))
    for base in (*spelt, *(f"{family}.{each}" for family in families for each in spelt)):
        for candidate in (base, *_wider(base)):
            if any(matches(candidate, known) for known in known_types):
                return candidate
    return next((known for known in known_types if "." in pattern and known.endswith(f".{pattern}")), None)


def _wider(pattern: str) -> tuple[str, ...]:
    return (f"{pattern.removesuffix('.*')}.**",) if pattern.endswith(".*") else (f"{pattern}.*", f"{pattern}.**")


def _mended(pattern: str, known_types: Sequence[str]) -> str:
    """A pattern without typing errors, and with a version that there is.

    Segment by segment: most letters of a type are those of its family. A family, such as ``imx``, may be one's own.
    """
    segments = dict.fromkeys(segment for known in known_types for segment in known.split(".")[1:])
    versions = [segment for segment in segments if _is_version(segment)]

    def mended(segment: str) -> str:
        if segment in segments:
            return segment
        return (versions[0] if _is_version(segment) else nearest(segment, segments)) or segment

    return ".".join(map(mended, pattern.split(".")))


def _is_version(segment: str) -> bool:
    return segment[:1] == "v" and segment[1:].isdigit()


def closest(patterns: Sequence[str], event_type: str) -> tuple[str, str]:
    """Of patterns of which none matches a type the one that comes closest, and in words where it parts from it."""
    ranked = max(patterns, key=lambda each: (_reach(each, event_type)[0], _likeness(each, event_type)))
    wanted, segments = ranked.split("."), event_type.split(".")
    taken, used = _reach(ranked, event_type)
    if taken == len(segments):
        return ranked, f"it wants {'.'.join(wanted[used:])!r} after the end of the type"
    if used == len(wanted):
        return ranked, f"it ends where the type goes on with {'.'.join(segments[taken:])!r}"
    return ranked, f"it has {wanted[used]!r} where the type has {segments[taken]!r}"


def _reach(pattern: str, event_type: str) -> tuple[int, int]:
    """How many segments of a type a pattern can take, from the left, and how many of its own that uses at most."""
    wanted, taken, reached = pattern.split("."), 0, {0}
    for segment in event_type.split("."):
        step = _step(wanted, reached, segment)
        if not step:
            break
        taken, reached = taken + 1, step
    return taken, max(reached)


def _likeness(pattern: str, event_type: str) -> float:
    return difflib.SequenceMatcher(None, pattern, event_type).ratio()
