"""What a connection may cost: sizes, times and numbers, in one value that tests make small."""

import msgspec

MIB = 1 << 20


class Limits(msgspec.Struct, frozen=True):
    """Limits of the door. Times are seconds; they are checked by one sweep over all connections."""

    body_bytes: int = MIB
    #: of a form at the address of uploads: a file of 10 MiB, and what stands around it
    upload_bytes: int = 10 * MIB + (64 << 10)
    #: of all bodies together that are half here: nobody has proved yet who sends them
    halves_bytes: int = 64 * MIB
    head_bytes: int = 64 << 10
    head_fields: int = 100
    json_depth: int = 64
    head_seconds: float = 10
    body_seconds: float = 20
    #: of a form with a file, over a slow line
    upload_seconds: float = 120
    idle_seconds: float = 75
    #: how long a refused sender may go on sending before the connection is cut: time to read the answer
    linger_seconds: float = 2
    #: how long half a request is waited for after SIGTERM
    drain_seconds: float = 3
    #: how long after SIGTERM a connection is kept on which nothing is under way: a request that is on its way to it
    #: would be answered by a reset, and its sender would not know what became of it
    last_seconds: float = 0.25
    sweep_seconds: float = 1
    connections: int = 4096
    #: answers that may wait on one connection before no more is read from it
    pipelined: int = 64
