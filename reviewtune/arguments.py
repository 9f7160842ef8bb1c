"""From the words of a command line and a preset to a configuration; the flags are the configuration's fields."""

import json
import os
import shlex
import tomllib
from argparse import ArgumentParser, HelpFormatter, Namespace
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar, cast, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import CliSettingsSource
from pydantic_settings.exceptions import SettingsError

from reviewtune.data.shown import shown
from reviewtune.errors import UsageError, did_you_mean
from reviewtune.settings import EMPTY, SEPARATOR, Config
from reviewtune.space_text import read_space

TYPES = {str: "TEXT", Path: "PATH", int: "NUMBER", float: "NUMBER", list: "NAMES", dict: "SPACES"}
"""What the help calls the values of a flag."""

C = TypeVar("C", bound=Config)


def parse(
    config: type[C], args: Sequence[str], *, prog: str, preset: Path | None = None, example: str | None = None
) -> C:
    """The configuration that a command line gives, over a preset, over the defaults.

    Args:
        config: The model to fill: its fields are the flags.
        args: The words after the verb. `--preset FILE` among them wins over `preset`.
        prog: The program's name in the help.
        preset: TOML file of a job's own settings; the help shows them as defaults.
        example: Flags that the help ends with.

    Raises:
        UsageError: A flag is unknown or a value not valid. (`--help` ends the program, as argparse does.)
    """
    given = _value_of("--preset", args)
    if given == "":
        raise UsageError(_empty("--preset"))
    path = Path(given) if given is not None and "preset" in config.model_fields else preset
    values = {**read_preset(path), "preset": path} if path else {}
    try:
        # Any pydantic model will do, whatever the annotation says.
        source: CliSettingsSource[Any] = CliSettingsSource(
            cast("Any", config),
            root_parser=_parser(config, prog, example),
            parse_args_method=_parse_words(config),
            add_argument_method=_add_flag(config, values),
            formatter_class=HelpFormatter,
            cli_kebab_case=True,
            cli_implicit_flags=True,
            cli_hide_none_type=True,
            cli_shortcuts=None,
        )
        source(args=list(args))
        return config.model_validate(_over(values, source()))
    except ValidationError as error:
        raise UsageError(describe(error, config)) from None
    except SettingsError as error:
        name, _, reason = str(error).removeprefix("Parsing error encountered for ").partition(": ")
        raise UsageError(f"{_flag(name)} cannot be read: {reason[:1].lower()}{reason[1:]}") from None


def read_preset(path: Path) -> dict[str, Any]:
    """The settings in a TOML file.

    Raises:
        UsageError: It cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--preset {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--preset {path} is not TOML: {error}") from None


def describe(error: ValidationError, config: type[Config]) -> str:
    """The first thing wrong in a configuration, as one line."""
    first = error.errors()[0]
    flag = _flag(".".join(str(part) for part in first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return message
    if first["type"] == EMPTY:
        return _empty(flag)
    if first["type"] == "missing":
        return f"{flag} is required"
    if first["type"] == "extra_forbidden":
        written = str(first["loc"][0]).replace("-", "_")
        if written != first["loc"][0] and written in config.model_fields:
            return f"{first['loc'][0]} in a preset is written {written}"
        return f"there is no setting {flag}: {did_you_mean(flag, _flags(config))}--help lists them"
    return f"{flag}={repeated(first['input'])}: {message[0].lower()}{message[1:]}"


def repeated(value: object) -> str:
    """A value as a message repeats it: shortened, and quoted where it is empty or has blanks around it."""
    text = shown(value)
    return text if text and text.strip() == text else f"'{text}'"


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message.removeprefix("argument "))


def _parser(config: type[Config], prog: str, example: str | None) -> ArgumentParser:
    """A parser without flags: whose usage names those that are required."""
    required = [f"{_flag(name)} {_type(field)}" for name, field in config.model_fields.items() if field.is_required()]
    return _Parser(
        prog=prog,
        usage=" ".join([prog, *required, "[--flags]"]),
        description=" ".join((config.__doc__ or "").split()),
        epilog=f"example: {prog} {example}" if example else None,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )


def _add_flag(config: type[Config], preset: Mapping[str, Any]) -> Any:
    """How pydantic-settings adds a flag: under the class that has its field, with plain words and the real default."""
    groups: dict[type[Config], Any] = {}

    def add(parser: ArgumentParser, *names: str, **options: Any) -> None:
        field = config.model_fields.get(options.get("dest", ""))
        if field is None:
            parser.add_argument(*names, **options)
            return
        name = options["dest"]
        home = [base for base in config.__mro__ if issubclass(base, Config) and name in base.model_fields][-1]
        group: Any = parser
        if Config not in config.__bases__:
            group = groups[home] = groups.get(home) or parser.add_argument_group(_title(home, config))
        if "metavar" in options:
            options["metavar"] = _type(field)
        # The shortest name first: of `--continue-entry` and `--continue` people use the latter.
        group.add_argument(
            *sorted(names, key=len), **{**options, "help": _help(field, preset.get(name, field.default))}
        )

    return add


def _title(home: type[Config], config: type[Config]) -> str:
    """The first line of the docstring of the class that has a group's fields; those of `config` itself are the rest."""
    line = str(home.__doc__).partition("\n")[0].rstrip(".")
    return "more" if home is config else line[0].lower() + line[1:]


def _help(field: FieldInfo, default: Any) -> str:
    """A field's documentation and, where it has a value without the flag, that value."""
    text = " ".join((field.description or "").split())
    if field.is_required():
        text += " (required)"
    elif default not in (None, "", {}, [], False):
        value = json.dumps(default) if isinstance(default, dict) else default
        text += f" (default: {','.join(map(str, value)) if isinstance(value, list) else value})"
    return text.replace("%", "%%")


def _type(field: FieldInfo) -> str:
    """What a flag takes, in a word or as its choices."""
    kind, parts = get_origin(field.annotation), get_args(field.annotation)
    for choice in (field.annotation, *parts):
        if get_origin(choice) is Literal:
            return "{" + ",".join(get_args(choice)) + "}"
    # Of `X | None` the former, without what validates it.
    former = next(iter(parts), cast("Any", field.annotation))
    plain = get_args(former)[0] if get_origin(former) is Annotated else former
    return TYPES[kind if kind in TYPES else plain]


def _parse_words(config: type[Config]) -> Any:
    """How pydantic-settings parses: what argparse does not know is refused with the flag that was probably meant."""

    def parse_words(parser: ArgumentParser, args: Sequence[str]) -> Namespace:
        parsed, unknown = parser.parse_known_args(args)
        for name, value in vars(parsed).items():
            if value == "" or (isinstance(value, list) and "" in value):
                raise UsageError(_empty(_flag(name)))
            field = config.model_fields.get(name)
            if isinstance(value, list) and field and get_origin(field.annotation) is list:
                setattr(parsed, name, SEPARATOR.join(value))
        if unknown:
            raise UsageError(_refusal(config, unknown[0], args))
        return parsed

    return parse_words


def _refusal(config: type[Config], word: str, args: Sequence[str]) -> str:
    """What to do about a word that no flag takes."""
    if word.startswith("-") and word != "-":
        flag = word.partition("=")[0]
        return f"there is no {repeated(flag)}: {did_you_mean(flag, _flags(config))}--help lists the flags"
    before = args[args.index(word) - 1] if word in args[1:] else ""
    fields = config.model_fields
    if before.endswith(","):
        return f"{repeated(word)} stands alone: write a list without blanks, {repeated(before + word)}"
    if any(before == _flag(name) and field.annotation is bool for name, field in fields.items()):
        return f"{before} takes no value: leave {repeated(word)} out"
    first = "artifact" if os.path.isdir(word) else "input"  # noqa: PTH112 - Path.is_dir fails on a long word
    flag = next(_flag(name) for name in (first, "input", "data", "artifact", "results_dir") if name in fields)
    meant = f"did you mean {flag} {shlex.quote(shown(word))}? --help lists the flags" if word else "leave it out"
    return f"{repeated(word)} has no flag before it: {meant}"


def _over(preset: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings given, over those of a preset; of a search space, param by param."""
    given = dict(given)
    if isinstance(given.get("space"), str) and isinstance(preset.get("space"), dict):
        with suppress(ValueError):  # the model says what is wrong with it
            given["space"] = _merged(preset["space"], read_space(given["space"]))
    return {**preset, **given}


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {
        family: {**below[family], **params}
        for family, params in above.items()
        if isinstance(params, dict) and isinstance(below.get(family), dict)
    }
    return {**below, **above, **both}


def _empty(flag: str) -> str:
    return f"{flag} is empty: give it a value, or leave it out"


def _flags(config: type[Config]) -> list[str]:
    return [_flag(name) for name in config.model_fields]


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _value_of(flag: str, args: Sequence[str]) -> str | None:
    """What a flag is given, the last time that it is; None where it is not."""
    found = None
    for position, word in enumerate(args):
        if word == flag and position + 1 < len(args):
            found = args[position + 1]
        elif word.startswith(flag + "="):
            found = word.partition("=")[2]
    return found
