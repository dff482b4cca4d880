"""The pool's promises: a bound, an order, a budget, and nothing done for who is gone.

Jobs here block on events that the test holds, so no test depends on how fast anything is.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

import pytest

from fusion.errors import ImageTooLarge, Overloaded
from fusion.runtime.pool import Abandoned, Pool

PATIENCE_S = 30  # only how long a broken test waits before it fails


class Gate:
    """A job that says when it has started and goes on when it is let."""

    def __init__(self, result: object = None) -> None:
        self.started, self.may_end = threading.Event(), threading.Event()
        self.result = result

    def __call__(self, check: Callable[[], None]) -> object:
        self.started.set()
        assert self.may_end.wait(PATIENCE_S)
        check()
        return self.result

    async def has_started(self) -> None:
        assert await asyncio.to_thread(self.started.wait, PATIENCE_S)


def in_pool(
    test: Callable[[Pool], Awaitable[None]], workers: int = 1, queue: int = 8, pixels: int = 100
) -> None:
    async def run() -> None:
        pool = Pool(workers, queue, pixels)
        try:
            await asyncio.wait_for(test(pool), PATIENCE_S)
        finally:
            await pool.close()

    asyncio.run(run())


async def settle() -> None:
    """Lets everything on the loop that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_jobs_give_their_results_and_their_errors() -> None:
    def fail(_: object) -> None:
        raise ImageTooLarge("too large")

    async def test(pool: Pool) -> None:
        assert await pool.run(lambda _: 42, pixels=1) == 42
        with pytest.raises(ImageTooLarge):
            await pool.run(fail, pixels=1)
        assert await pool.run(lambda _: 43, pixels=1) == 43

    in_pool(test)


def test_no_more_jobs_run_than_there_are_workers() -> None:
    async def test(pool: Pool) -> None:
        gates = [Gate(number) for number in range(3)]
        jobs = [asyncio.create_task(pool.run(gate, 1)) for gate in gates]
        await gates[0].has_started()
        await gates[1].has_started()
        await settle()
        assert not gates[2].started.is_set()
        gates[1].may_end.set()
        await gates[2].has_started()
        for gate in gates:
            gate.may_end.set()
        assert await asyncio.gather(*jobs) == [0, 1, 2]

    in_pool(test, workers=2)


def test_jobs_start_in_the_order_they_came() -> None:
    started: list[int] = []

    async def test(pool: Pool) -> None:
        gate = Gate()
        first = asyncio.create_task(pool.run(gate, 1))
        await gate.has_started()
        rest = [
            asyncio.create_task(pool.run(lambda _, n=number: started.append(n), 1))  # type: ignore[misc]
            for number in range(5)
        ]
        await settle()
        gate.may_end.set()
        await asyncio.gather(first, *rest)

    in_pool(test)
    assert started == [0, 1, 2, 3, 4]


def test_running_jobs_share_a_pixel_budget_and_nobody_overtakes() -> None:
    async def test(pool: Pool) -> None:
        large, larger, small = Gate(), Gate(), Gate()
        jobs = [
            asyncio.create_task(pool.run(job, pixels))
            for job, pixels in ((large, 60), (larger, 70), (small, 10))
        ]
        await large.has_started()
        await settle()
        assert not larger.started.is_set(), "60 + 70 exceeds the budget of 100"
        assert not small.started.is_set(), "60 + 10 would fit, but it came later"
        large.may_end.set()
        await larger.has_started()
        await small.has_started()
        larger.may_end.set()
        small.may_end.set()
        await asyncio.gather(*jobs)

    in_pool(test, workers=3)


def test_a_job_over_the_whole_budget_is_refused() -> None:
    async def test(pool: Pool) -> None:
        with pytest.raises(ImageTooLarge):
            await pool.run(lambda _: None, pixels=101)

    in_pool(test)


def test_places_are_bounded_and_come_back() -> None:
    async def test(pool: Pool) -> None:
        with pool.place(), pool.place(), pool.place():
            with pytest.raises(Overloaded) as refused, pool.place():
                pass
            assert refused.value.retry_after_s >= 1
        with pool.place():
            pass

    in_pool(test, workers=1, queue=2)


def test_a_place_comes_back_after_an_error() -> None:
    async def test(pool: Pool) -> None:
        with pytest.raises(RuntimeError), pool.place():
            raise RuntimeError
        with pool.place():
            pass

    in_pool(test, workers=1, queue=0)


def test_an_abandoned_waiting_job_never_starts() -> None:
    async def test(pool: Pool) -> None:
        running, waiting, last = Gate(), Gate(), Gate()
        last.may_end.set()
        jobs = [asyncio.create_task(pool.run(gate, 1)) for gate in (running, waiting, last)]
        await running.has_started()
        jobs[1].cancel()
        await settle()
        running.may_end.set()
        await asyncio.gather(jobs[0], jobs[2])
        assert jobs[1].cancelled()
        assert not waiting.started.is_set()

    in_pool(test)


def test_abandoning_a_large_waiting_job_lets_the_next_one_go() -> None:
    async def test(pool: Pool) -> None:
        running, large, small = Gate(), Gate(), Gate()
        jobs = [
            asyncio.create_task(pool.run(job, pixels))
            for job, pixels in ((running, 60), (large, 70), (small, 10))
        ]
        await running.has_started()
        jobs[1].cancel()
        await small.has_started()
        running.may_end.set()
        small.may_end.set()
        await asyncio.gather(jobs[0], jobs[2])

    in_pool(test, workers=2)


def test_an_abandoned_running_job_is_told_and_keeps_its_thread_until_it_ends() -> None:
    ended = []

    async def test(pool: Pool) -> None:
        gate, after = Gate(), Gate()

        def watched(check: Callable[[], None]) -> None:
            try:
                gate(check)
            except Abandoned:
                ended.append("abandoned")
                raise

        job = asyncio.create_task(pool.run(watched, 1))
        next_job = asyncio.create_task(pool.run(after, 1))
        await gate.has_started()
        job.cancel()
        await settle()
        assert job.cancelled(), "who waits is let go at once"
        assert not after.started.is_set(), "but the thread is still taken"
        gate.may_end.set()
        await after.has_started()
        after.may_end.set()
        await next_job

    in_pool(test)
    assert ended == ["abandoned"]


def test_retry_after_grows_with_the_backlog_and_the_mean_time() -> None:
    async def test(pool: Pool) -> None:
        with pool.place():
            few = pool.retry_after_s
            with ExitStack() as stack:
                for _ in range(11):
                    stack.enter_context(pool.place())
                many = pool.retry_after_s
        # One second a job is assumed before the first one has run; half of 12 jobs, 2 at a time.
        assert (few, many) == (1, 3)
        for _ in range(20):
            await pool.run(lambda _: None, 1)
        with pool.place(), pool.place(), pool.place(), pool.place():
            # Twenty jobs of no time: the mean is down to 0.8 ** 20 = 1 % of a second.
            assert pool.retry_after_s == 1

    in_pool(test, workers=2, queue=10)


def test_closing_waits_for_the_job_that_runs() -> None:
    ended = threading.Event()

    async def run() -> None:
        pool, gate = Pool(1, 1, 100), Gate()

        def work(check: Callable[[], None]) -> None:
            gate(check)
            ended.set()

        job = asyncio.create_task(pool.run(work, 1))
        await gate.has_started()
        gate.may_end.set()
        await pool.close()
        assert ended.is_set()
        await job

    asyncio.run(run())
