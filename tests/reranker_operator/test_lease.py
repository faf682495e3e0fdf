from __future__ import annotations

import asyncio

import pytest

from reranker_operator.lease import LEASE_NAME, Lease, LeaseLost, ServedElsewhere
from reranker_operator.settings import LONGEST_LEASE_S

from .fakes import FakeLeases, FakeTime


def lease(leases: FakeLeases, who: str, time: FakeTime, duration_s: float = 15) -> Lease:
    return Lease(leases, "search", LEASE_NAME, who, duration_s, time)


def holder(leases: FakeLeases) -> str:
    return str(next(iter(leases.leases.values()))["spec"]["holderIdentity"])


def test_the_first_takes_it_and_the_second_waits_until_it_is_not_renewed() -> None:
    async def check() -> None:
        leases, time = FakeLeases(), FakeTime()
        first, second = lease(leases, "first", time), lease(leases, "second", time)
        assert await first._try()
        assert not await second._try()
        time.now += 14
        assert await first._try()
        time.now += 14
        assert not await second._try(), "it was renewed in between"
        time.now += 16
        assert await second._try()
        assert holder(leases) == "second"
        assert not await first._try()

    asyncio.run(check())


def test_of_two_that_take_it_at_the_same_moment_one_gets_it() -> None:
    async def check() -> None:
        leases, time = FakeLeases(), FakeTime()
        results = await asyncio.gather(lease(leases, "a", time)._try(), lease(leases, "b", time)._try())
        assert sorted(results) == [False, True]

    asyncio.run(check())


def test_one_that_was_released_is_taken_at_once() -> None:
    async def check() -> None:
        leases, time = FakeLeases(), FakeTime()
        first, second = lease(leases, "first", time), lease(leases, "second", time)
        await first._try()
        await first.release()
        assert await second._try()

    asyncio.run(check())


def test_who_loses_it_is_notified() -> None:
    async def check() -> None:
        leases, time = FakeLeases(), FakeTime()
        mine = lease(leases, "mine", time, duration_s=0.01)
        await mine._try()
        time.now += 100
        other = lease(leases, "other", time)
        assert not await other._try()
        time.now += 100
        assert await other._try()
        with pytest.raises(LeaseLost, match="another's"):
            await mine.keep()

    asyncio.run(check())


@pytest.mark.parametrize("hindrance", ["is_away", "is_forbidden"])
def test_who_cannot_or_may_not_renew_it_gives_up_before_another_may_take_it(hindrance: str) -> None:
    async def check() -> None:
        leases, time = FakeLeases(), FakeTime()
        mine = lease(leases, "mine", time, duration_s=0.01)
        await mine._try()
        keeping = asyncio.create_task(mine.keep())
        await asyncio.sleep(0)
        setattr(leases, hindrance, True)
        time.now += 0.008
        with pytest.raises(LeaseLost, match="search/bge-reranker-operator could not be renewed in time"):
            await keeping

    asyncio.run(check())


def test_a_lease_of_another_that_lacks_fields_is_live_for_the_usual_time() -> None:
    async def check() -> None:
        leases, time = FakeLeases(), FakeTime()
        await lease(leases, "theirs", time)._try()
        next(iter(leases.leases.values()))["spec"] = {"holderIdentity": "theirs"}
        mine = lease(leases, "mine", time)
        assert not await mine._try()
        time.now += 14
        assert not await mine._try()
        time.now += 2
        assert await mine._try()

    asyncio.run(check())


def test_a_duration_that_no_operator_has_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    async def check() -> None:
        leases, time = FakeLeases(), FakeTime()
        await lease(leases, "theirs", time)._try()
        next(iter(leases.leases.values()))["spec"]["leaseDurationSeconds"] = 2**31 - 1
        mine = lease(leases, "mine", time)
        assert not await mine._try()
        time.now += LONGEST_LEASE_S - 1
        assert not await mine._try(), "an operator that renews it so seldom may be well"
        time.now += 2
        assert await mine._try()

    asyncio.run(check())
    (record,) = caplog.records
    assert record.getMessage() == "lease_duration_not_believed"
    assert vars(record)["lease"] == f"search/{LEASE_NAME}"
    assert (vars(record)["claimed_s"], vars(record)["waits_s"]) == (2**31 - 1, LONGEST_LEASE_S)


def test_a_renewal_that_is_never_answered_is_tried_again() -> None:
    async def check() -> None:
        leases, time = FakeLeases(), FakeTime()
        mine = lease(leases, "mine", time, duration_s=0.05)
        await mine._try()
        leases.was_written.clear()
        leases.silent_requests = 1
        keeping = asyncio.create_task(mine.keep())
        written = asyncio.create_task(leases.was_written.wait())
        await asyncio.wait((keeping, written), return_when=asyncio.FIRST_COMPLETED)
        assert not keeping.done()
        keeping.cancel()

    asyncio.run(check())


def test_namespaces_with_a_live_lease_of_their_own_are_another_operator_s() -> None:
    async def check() -> None:
        leases, time = FakeLeases(), FakeTime()
        await lease(leases, "theirs", time)._try()
        elsewhere = ServedElsewhere(leases, time)
        await elsewhere.look()
        assert elsewhere.namespaces == {"search"}
        time.now += 16
        leases.is_away = True
        await elsewhere.look()
        assert elsewhere.namespaces == {"search"}, "what cannot be read is not taken for gone"
        leases.is_away = False
        await elsewhere.look()
        assert elsewhere.namespaces == set()

    asyncio.run(check())
