"""The filter language: which messages a subscription is about, by their attributes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from typing import TypeAlias

from fakes.pubsub.errors import invalid

FILTER_BYTES_MAX = 256

Filter: TypeAlias = Callable[[Mapping[str, str]], bool]
"""Takes the attributes of a message."""

_TOKEN = re.compile(
    r"\s*(?:(?P<text>\"(?:[^\"\\]|\\.)*\")|(?P<word>\w[\w-]*)|(?P<sign>!=|[=:.(),-]))", re.DOTALL
)
_WORD = re.compile(r"\w[\w-]*")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-7]{3})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_END = ""
_ATTRIBUTES = "attributes"


def parse_filter(expression: str) -> Filter:
    """Read a filter.

    Raises:
        PubSubError: It is none, or too long.
    """
    if len(expression.encode()) > FILTER_BYTES_MAX:
        raise invalid(f"The filter is longer than {FILTER_BYTES_MAX} bytes.")
    return _Parser(expression).whole()


class _Parser:
    """One pass over an expression."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = [*self._split(), _END]
        self._next = 0

    def whole(self) -> Filter:
        found = self._either()
        if self._peek() != _END:
            raise self._refused()
        return found

    def _split(self) -> list[str]:
        tokens, at, text = [], 0, self._expression.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._refused()
            tokens.append(match[0].lstrip())
            at = match.end()
        return tokens

    def _either(self) -> Filter:
        """One term, or several joined by AND alone, or by OR alone."""
        terms = [self._term()]
        joint = self._peek()
        if joint not in ("AND", "OR"):
            return terms[0]
        while self._peek() == joint:
            self._take()
            terms.append(self._term())
        if self._peek() in ("AND", "OR"):
            raise self._refused("AND and OR need parentheses where they are mixed")
        join = all if joint == "AND" else any
        return lambda attributes: join(term(attributes) for term in terms)

    def _term(self) -> Filter:
        lexeme = self._take()
        if lexeme in ("NOT", "-"):
            negated = self._term()
            return lambda attributes: not negated(attributes)
        if lexeme == "(":
            inner = self._either()
            self._expect(")")
            return inner
        if lexeme == "hasPrefix":
            return self._has_prefix()
        if lexeme == _ATTRIBUTES:
            return self._comparison()
        raise self._refused()

    def _has_prefix(self) -> Filter:
        self._expect("(")
        self._expect(_ATTRIBUTES)
        self._expect(".")
        name = self._name()
        self._expect(",")
        prefix = self._text()
        self._expect(")")
        return lambda attributes: attributes.get(name, "").startswith(prefix) and name in attributes

    def _comparison(self) -> Filter:
        if self._take() == ":":
            wanted = self._name()
            return lambda attributes: wanted in attributes
        if self._tokens[self._next - 1] != ".":
            raise self._refused()
        name, sign, value = self._name(), self._take(), self._text()
        if sign == "=":
            return lambda attributes: attributes.get(name) == value
        if sign == "!=":
            return lambda attributes: attributes.get(name) != value
        raise self._refused()

    def _name(self) -> str:
        if self._peek().startswith('"'):
            return self._text()
        token = self._take()
        if not _WORD.fullmatch(token):
            raise self._refused()
        return token

    def _text(self) -> str:
        token = self._take()
        if not token.startswith('"'):
            raise self._refused()
        return _ESCAPE.sub(_unescape, token[1:-1])

    def _peek(self) -> str:
        return self._tokens[self._next]

    def _take(self) -> str:
        token = self._peek()
        if token == _END:
            raise self._refused()
        self._next += 1
        return token

    def _expect(self, token: str) -> None:
        if self._take() != token:
            raise self._refused()

    def _refused(self, why: str = "") -> Exception:
        detail = f": {why}" if why else ""
        return invalid(f"Invalid filter given (filter={self._expression}){detail}.")


def _unescape(match: re.Match[str]) -> str:
    digits = match[1] or match[2] or match[3]
    if digits or match[4]:
        number = int(digits, 16) if digits else int(match[4], 8)
        return chr(number) if number <= sys.maxunicode else ""
    return _ESCAPES.get(match[5], match[5])
