"""Whatever stands in a flag or a variable: settings, or a list of problems; never anything else."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_tasks.config.resolve import resolve
from cloud_tasks.config.show import show_config
from cloud_tasks.config.table import OPTIONS
from cloud_tasks.errors import ConfigurationError

TEXTS = st.one_of(
    st.text(),
    st.binary().map(os.fsdecode),
    st.from_regex(r"\A[-+]?[0-9]{0,12}([.][0-9]{0,3})?(e[-+]?[0-9]{1,4})?[a-z]?\Z"),
    st.sampled_from(["nan", "-inf", "True", "none", "None", "AWS", "pool", "--", "-", "-h"]),
)
ENDS_THE_COMMAND_LINE = ("-h", "--h", "-vh", "--pri")
FLAGS = [flag for option in OPTIONS if option.name != "print_completion" for flag in option.flags]
VARIABLES = [variable for option in OPTIONS for variable in option.variables]
WORDS = st.one_of(
    st.sampled_from(FLAGS), TEXTS.filter(lambda text: not text.startswith(ENDS_THE_COMMAND_LINE))
)


def settings_or_problems(argv: list[str], variables: dict[str, str]) -> None:
    try:
        resolved = resolve(argv, variables, local_source=True)
    except ConfigurationError as error:
        problems = error.problems
    else:
        assert show_config(resolved)
        return
    assert problems
    assert all(problem.message for problem in problems)


@settings(max_examples=150, deadline=None)
@given(texts=st.dictionaries(st.sampled_from(FLAGS), TEXTS, max_size=8))
def test_any_text_for_any_flag_gives_settings_or_problems(texts: dict[str, str]) -> None:
    settings_or_problems([f"{flag}={text}" for flag, text in texts.items()], {})


@settings(max_examples=150, deadline=None)
@given(texts=st.dictionaries(st.sampled_from(VARIABLES), TEXTS, max_size=8))
def test_any_text_for_any_variable_gives_settings_or_problems(texts: dict[str, str]) -> None:
    settings_or_problems([], texts)


@settings(max_examples=150, deadline=None)
@given(argv=st.lists(WORDS, max_size=8))
def test_any_command_line_gives_settings_or_problems(argv: list[str]) -> None:
    settings_or_problems(argv, {})
