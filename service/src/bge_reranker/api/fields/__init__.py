"""Typed request bodies, and the kinds of fields that they are declared with."""

from .declaration import Anything, Body, Field, Model
from .options import Choice, Flag, Integer, Limit, OptionalFlag, Priority, Refused, TopN
from .texts import (
    DocumentList,
    Documents,
    DocumentsByFields,
    Listed,
    Nested,
    NestedList,
    Pairs,
    Query,
    QueryOrObject,
    RankFields,
    TextOrTexts,
    Texts,
)

__all__ = [
    "Anything",
    "Body",
    "Choice",
    "DocumentList",
    "Documents",
    "DocumentsByFields",
    "Field",
    "Flag",
    "Integer",
    "Limit",
    "Listed",
    "Model",
    "Nested",
    "NestedList",
    "OptionalFlag",
    "Pairs",
    "Priority",
    "Query",
    "QueryOrObject",
    "RankFields",
    "Refused",
    "TextOrTexts",
    "Texts",
    "TopN",
]
