"""`move`: of two people at the same moment exactly one moves, the other is told who did and when.

Checked by hand that this turns red without the row lock (`select_for_update` taken out: rounds with two successes)
and without the version check (taken out: the second is refused by the state alone, not as stale, or moves again).
"""

from __future__ import annotations

import re
import threading

import pytest
from django.db import connection

from core.services import Refused, move
from monitoring.models import RecoveryLine, RecoveryLineFlow
from tests.monitoring.world import World

ROUNDS = 100


@pytest.mark.django_db(transaction=True)
def test_two_at_once_one_moves_and_the_other_is_told():
    world = World(projects=1)
    run = world.consulted()
    line = world.lines(run)[0]
    people = [world.unit_reviewers[0], world.reviewers[0]]
    for person in people:
        assert person.active_memberships  # read before the race, so that both go straight for the row
    for round_ in range(ROUNDS):
        before = RecoveryLineFlow.objects.filter(subject=line).count()
        line.refresh_from_db()
        results = _race(line, people)
        moved = [r for r in results if not isinstance(r, Exception)]
        refused = [r for r in results if isinstance(r, Refused)]
        assert (len(moved), len(refused)) == (1, 1), (round_, results)
        assert RecoveryLineFlow.objects.filter(subject=line).count() == before + 1
        winner = people[results.index(moved[0])]
        assert refused[0].code == "stale"
        told = rf"{winner}已于\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d办理“同意收回”，当前状态为“征求意见”"
        assert re.match(told, refused[0].reason), refused[0].reason
    line.refresh_from_db()
    assert line.version == 2 + ROUNDS


def _race(line: RecoveryLine, people: list) -> list:
    """Both take the action on the version they saw, each on a connection of its own, released by one barrier."""
    barrier = threading.Barrier(len(people))
    results: list = [None] * len(people)

    def take(place: int) -> None:
        try:
            own = RecoveryLine.objects.get(pk=line.pk)
            barrier.wait(10)
            results[place] = move(own, "agree", by=people[place], version=line.version)
        except Exception as error:
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=[place]) for place in range(len(people))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


@pytest.mark.django_db
def test_the_change_and_the_flow_record_come_together_or_not_at_all():
    world = World(projects=1)
    line = world.lines(world.consulted())[0]
    before = line.version

    def fail(locked: RecoveryLine) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        move(line, "agree", by=world.reviewers[0], version=line.version, change=fail)
    line.refresh_from_db()
    assert (line.version, line.flow.count()) == (before, 1)


@pytest.mark.django_db
def test_a_refusal_by_role_says_whose_step_it_is():
    world = World(projects=1)
    line = world.lines(world.consulted())[0]
    with pytest.raises(Refused, match=r"同意收回由.*部门审核岗.*办理，您没有该权限"):
        move(line, "agree", by=world.reviewers[1], version=line.version)
