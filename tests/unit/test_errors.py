"""The tree of errors: its drawing, its codes, and how an error crosses Temporal."""

import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from types import ModuleType

import pytest

from domain import error_codes, errors
from domain.error_codes import MODULES, from_code
from domain.errors import ImError
from domain.replay_errors import UnknownSubscriberError
from domain.subscriber_errors import SubscriberNotFoundError

ROOT = Path(__file__).parents[2]


def _tree(root: type[ImError] = ImError) -> Iterator[type[ImError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


KINDS = sorted(_tree(), key=lambda kind: kind.__name__)


def _names(*texts: str) -> set[str]:
    return {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}


def _made(kind: type[ImError]) -> ImError:
    return kind(**{name: f"<{name}>" for name in _names(kind.says, kind.hint)})


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_rebuilt_from_its_code_and_data(kind: type[ImError]) -> None:
    error = _made(kind)
    rebuilt = from_code(error.code, error.data)
    assert type(rebuilt) is kind
    assert (str(rebuilt), rebuilt.advice, rebuilt.data) == (str(error), error.advice, error.data)


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_says_its_data_in_a_sentence(kind: type[ImError]) -> None:
    error = _made(kind)
    assert all(f"<{name}>" in str(error) for name in _names(kind.says))
    assert all(f"<{name}>" in error.advice for name in _names(kind.hint))


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_a_docstring_and_a_snake_case_code(kind: type[ImError]) -> None:
    assert kind.__doc__
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code)
    assert "code" in vars(kind), "not inherited"


def test_every_error_is_found_by_its_code_whatever_else_is_imported() -> None:
    files = {path.relative_to(ROOT).with_suffix("") for path in (ROOT / "domain").rglob("*errors.py")}
    assert {".".join(path.parts) for path in files} == {module.__name__ for module in MODULES}
    assert sorted(error_codes.KINDS.values(), key=lambda kind: kind.__name__) == KINDS


def test_every_code_is_unique() -> None:
    codes = [kind.code for kind in KINDS]
    assert sorted(set(codes)) == sorted(codes)


def _drawn(drawing: str) -> list[tuple[str, str]]:
    """Parent and child of every line of a docstring's drawing."""
    ancestors: list[str] = []
    pairs = []
    drawing = re.sub("^    ", "", drawing, flags=re.MULTILINE) if "\n    ImError" in drawing else drawing
    for prefix, name in re.findall(r"^((?:[│ ]   )*(?:[├└]── )?)(\w+Error)\b", drawing, re.MULTILINE):
        depth = len(prefix) // 4
        del ancestors[depth:]
        pairs.append((ancestors[-1] if ancestors else "Exception", name))
        ancestors.append(name)
    return pairs


def test_the_drawings_are_the_tree() -> None:
    real = {(kind.__base__.__name__ if kind.__base__ else "", kind.__name__) for kind in KINDS}
    assert {pair for module in MODULES for pair in _drawn(module.__doc__ or "")} == real


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.__name__))
def test_each_module_draws_what_it_defines_once(module: ModuleType) -> None:
    drawn = [name for _, name in _drawn(module.__doc__ or "")]
    assert {kind.__name__ for kind in KINDS if kind.__module__ == module.__name__} <= set(drawn)
    assert len(drawn) == len(set(drawn))


def test_a_code_that_is_not_in_the_tree_is_none() -> None:
    assert from_code("no_such_code", {}) is None


def test_data_of_another_version_is_none() -> None:
    assert from_code("subscriber_exists", {}) is None


def test_further_data_of_another_version_is_kept() -> None:
    rebuilt = from_code("subscriber_exists", {"name": "ops", "added_later": 1})
    assert rebuilt is not None
    assert rebuilt.data["added_later"] == 1


@pytest.mark.parametrize("kind", [kind for kind in KINDS if issubclass(kind, errors.InvalidInputError)])
def test_every_invalid_input_names_its_field(kind: type[errors.InvalidInputError]) -> None:
    unspecific = {errors.InvalidInputError, errors.InvalidRequestError}
    assert bool(kind.field) is (kind not in unspecific)


@pytest.mark.parametrize("kind", [SubscriberNotFoundError, UnknownSubscriberError])
def test_a_mistyped_name_is_answered_with_the_one_that_was_meant(
    kind: type[SubscriberNotFoundError | UnknownSubscriberError],
) -> None:
    error = kind.among("my-webhok", ["other", "my-webhook"])
    assert error.advice == "Did you mean my-webhook? See the names with: im subscriber list."
    again = from_code(error.code, error.data)
    assert again is not None
    assert again.advice == error.advice
    assert kind.among("nobody", ["other"]).advice == kind(name="nobody").advice == error.hint
