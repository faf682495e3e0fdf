"""How requests find a replica."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Literal, get_args

from .replica import Replica

Balancer = Literal["connections", "round-robin", "backlog"]
"""`connections`: a Service of Kubernetes deals out connections, and a request comes over any of them. `round-robin`: a
proxy deals out requests. `backlog`: a proxy knows each replica's backlog and takes the least."""

BALANCERS: tuple[Balancer, ...] = get_args(Balancer)

Choice = Callable[[Sequence[Replica]], Replica]
"""Chooses among the replicas that are there."""


def choice_of(balancer: Balancer, source: random.Random) -> Choice:
    """How one balancer chooses.

    Args:
        balancer: Which.
        source: Of chance.
    """
    turns = 0

    def in_turn(replicas: Sequence[Replica]) -> Replica:
        nonlocal turns
        turns += 1
        return replicas[turns % len(replicas)]

    def least(replicas: Sequence[Replica]) -> Replica:
        nonlocal turns
        turns += 1
        # Equal ones take turns, or the first would get whatever comes while all are idle.
        order = turns % len(replicas)
        return min((*replicas[order:], *replicas[:order]), key=lambda replica: replica.backlog_tokens)

    choices: dict[Balancer, Choice] = {"connections": source.choice, "round-robin": in_turn, "backlog": least}
    return choices[balancer]
