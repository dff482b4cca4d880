"""Who runs the pipeline: N threads, a bounded number of waiting places, a budget of pixels.

On CPU, N threads with one ONNX Runtime thread each on shared sessions beat one run with N threads
and gain nothing from batches; runs without a bound inflate memory several times. Everything but
the work itself happens on the event loop, so no lock is needed.
"""

import asyncio
import math
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from fusion.errors import ImageTooLarge, Overloaded

Result = TypeVar("Result")
Check = Callable[[], None]

_NEWEST_SHARE = 0.2  # of the newest job in the running mean: about the last ten jobs count
_LONGEST_RETRY_S = 60


class Abandoned(Exception):
    """Raised inside a job by its check once nobody waits for its result any more."""


class Pool:
    """FIFO of jobs on a fixed number of threads.

    workers        jobs that run at a time
    queue          requests that may wait beside those that run
    pixel_budget   pixels that all running jobs may decode together
    """

    def __init__(self, workers: int, queue: int, pixel_budget: int) -> None:
        self._workers, self._places, self._budget = workers, workers + queue, pixel_budget
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="fusion")
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self._taken = self._running = self._pixels = 0
        self._mean_s = 1.0

    @property
    def retry_after_s(self) -> int:
        """Whole seconds in which half of the requests here now will be answered.

        Half: the places are free again well before the last one, but not all callers who were
        turned away should come back for the first one. By the mean of the recent jobs.
        """
        wait_s = self._taken / 2 * self._mean_s / self._workers
        return min(_LONGEST_RETRY_S, math.ceil(wait_s) or 1)

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place for one request from before its body is read until it is answered.

        Raises   Overloaded when all workers and waiting places are taken
        """
        if self._taken >= self._places:
            raise Overloaded(
                "All places are taken. Try again after the time in Retry-After.",
                retry_after_s=self.retry_after_s,
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def run(self, work: Callable[[Check], Result], pixels: int) -> Result:
        """Runs work(check) in a thread, after the jobs that came before it.

        Cancelling this call takes a waiting job out of the queue; a running one is told at its
        next check(), which raises Abandoned, and keeps its thread until then.

        pixels   that the job will decode
        Raises   ImageTooLarge when they exceed the whole budget; whatever work raises
        """
        if pixels > self._budget:
            raise ImageTooLarge(
                f"The pictures of this request have {pixels / 1e6:.0f} megapixels together; at "
                f"most {self._budget / 1e6:g} are accepted. Send fewer or smaller ones."
            )
        await self._turn(pixels)
        loop, stop = asyncio.get_running_loop(), threading.Event()
        job = loop.run_in_executor(self._threads, work, partial(_check, stop))
        job.add_done_callback(partial(self._finished, pixels, loop.time()))
        try:
            # The thread cannot be cancelled, so neither may the future that frees its place.
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            stop.set()
            raise

    async def close(self) -> None:
        """Waits for the running jobs and ends the threads."""
        await asyncio.to_thread(self._threads.shutdown)

    async def _turn(self, pixels: int) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, pixels))
        self._start_next()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._start_next()  # this may have been the one that did not fit
            else:
                self._free(pixels)
            raise

    def _start_next(self) -> None:
        while self._waiting and self._running < self._workers:
            turn, pixels = self._waiting[0]
            if not turn.cancelled():
                # No overtaking: small jobs would keep a large one waiting for ever.
                if self._pixels + pixels > self._budget:
                    return
                self._running, self._pixels = self._running + 1, self._pixels + pixels
                turn.set_result(None)
            self._waiting.popleft()

    def _free(self, pixels: int) -> None:
        self._running, self._pixels = self._running - 1, self._pixels - pixels
        self._start_next()

    def _finished(self, pixels: int, started: float, job: asyncio.Future[Result]) -> None:
        # Reading the exception also tells asyncio that it was not forgotten.
        if not job.cancelled() and not isinstance(job.exception(), Abandoned):
            took = job.get_loop().time() - started
            self._mean_s += _NEWEST_SHARE * (took - self._mean_s)
        self._free(pixels)


def _check(stop: threading.Event) -> None:
    if stop.is_set():
        raise Abandoned
