"""An order for things that need each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator


def in_order(count: int, needs: Callable[[int], Iterable[int]]) -> Iterator[list[int]]:
    """Order things so that each comes after those that it needs, and else by their numbers.

    Those that need each other in a circle come together: what is needed first, where that is
    possible. They are the strongly connected components of a graph, found as in D. J. Pearce, "A
    space-efficient algorithm for finding strongly connected components" (2016), and without
    recursion, since a chain may be as long as a request.

    :param count: how many things there are, numbered from 0.
    :param needs: tells what one of them needs.
    :return: the circles; one thing that is in no circle is a circle of its own.
    """
    # The lowest number, by the time of the first visit, to which a circle leads back from here.
    lowest: dict[int, float] = {}
    finished: list[int] = []
    for start in range(count):
        trail: list[tuple[int, int, Iterator[int]]] = []
        following = start if start not in lowest else None
        while following is not None or trail:
            if following is not None:
                trail.append((following, len(lowest), iter(needs(following))))
                lowest[following] = len(lowest)
            node, number, rest = trail[-1]
            following = None
            for needed in rest:
                if needed not in lowest:
                    following = needed
                    break
                lowest[node] = min(lowest[node], lowest[needed])
            if following is not None:
                continue
            trail.pop()
            if lowest[node] < number:
                finished.append(node)
            else:
                first = len(finished)
                while first and lowest[finished[first - 1]] >= number:
                    first -= 1
                circle = [*finished[first:], node]
                del finished[first:]
                lowest.update(dict.fromkeys(circle, math.inf))
                yield circle
            if trail:
                parent = trail[-1][0]
                lowest[parent] = min(lowest[parent], lowest[node])
