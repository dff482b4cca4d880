"""Many questions on few connections: requests in a row, their answers in the same order."""

import socket
from collections.abc import Iterator, Sequence

# nginx closes a connection after 1000 requests (keepalive_requests)
REQUESTS_A_CONNECTION = 1000
# Both fit into socket buffers: else both ends could wait for the other to read.
REQUESTS_A_BATCH = 100
BYTES_A_BATCH = 32_000


def ask_all(port: int, requests: Sequence[bytes]) -> Iterator[bytes]:
    """The head of every answer, without the empty line.

    requests  each must be answered without a body (HEAD, 204) and leave the connection open
    """
    for start in range(0, len(requests), REQUESTS_A_CONNECTION):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            for batch in _batches(requests[start : start + REQUESTS_A_CONNECTION]):
                connection.sendall(b"".join(batch))
                yield from _heads(connection, len(batch))


def _batches(requests: Sequence[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for request in requests:
        too_many = len(batch) == REQUESTS_A_BATCH
        if batch and (too_many or sum(map(len, batch)) + len(request) > BYTES_A_BATCH):
            yield batch
            batch = []
        batch.append(request)
    yield batch


def _heads(connection: socket.socket, count: int) -> list[bytes]:
    received = b""
    while received.count(b"\r\n\r\n") < count:
        more = connection.recv(1 << 18)
        if not more:
            raise ConnectionError(f"closed after {received[-300:]!r}")
        received += more
    *heads, rest = received.split(b"\r\n\r\n")
    if rest or len(heads) != count:
        raise ConnectionError(f"more than {count} answers: {rest[:300]!r}")
    return heads
