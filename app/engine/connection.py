"""One connection: answers in the order of their requests, an end to whatever stands still, and no answer lost at it.

What waits for its commit is a slot in the connection's queue; the appender's call fills it. uvicorn's own cycles write
when they like, so they start when the queue is empty.
"""

import asyncio
from collections import deque
from typing import Any, TypeAlias

import msgspec
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from app.core.clock import now_us
from app.engine import answers
from app.engine.callback import Answer
from app.engine.connections import Connections
from app.engine.flow import Flow
from app.engine.heads import Heads
from app.engine.reception import STATE_KEY, Reception
from app.engine.wire import CONTINUE, HotNames, Renderer

_HALL_KEY = "callback_hall"

#: What the parser is in the middle of: nothing, a head, a webhook's body, another body, what nobody reads.
NOTHING, HEAD, HOT, COLD, SKIP = range(5)

#: What becomes of a connection after an answer: it goes on, it closes, or it closes while its sender may still send.
GOES_ON, CLOSES, LINGERS = range(3)

_Started: TypeAlias = tuple[RequestResponseCycle, ASGI3Application]


class Hall:
    """What all connections of one server share."""

    def __init__(self, reception: Reception, loop: asyncio.AbstractEventLoop) -> None:
        """Made with the first connection."""
        self.limits = reception.limits
        self.receiver = reception.webhooks
        self.proxies = reception.proxies
        self.connections = Connections(reception.limits, loop)
        self.names = HotNames()
        self.heads = Heads()
        self.renderer = Renderer()


class Slot(msgspec.Struct, eq=False):
    """The place of one answer in its connection's queue; called with the answer, at once or after the commit."""

    connection: "OrderedConnection"
    end: int  # what becomes of the connection after this answer
    answer: Answer | None = None

    def __call__(self, answer: Answer) -> None:
        """The answer is known; it is written when those before it are."""
        self.answer = answer
        self.connection.flush()


class OrderedConnection(HttpToolsProtocol):
    """Everything about a connection but the meaning of what it carries."""

    flow: Flow

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Called by uvicorn for each connection; the lifespan's state holds the reception."""
        super().__init__(config, server_state, app_state, _loop)
        hall = app_state.get(_HALL_KEY)
        if hall is None:
            hall = app_state[_HALL_KEY] = Hall(app_state[STATE_KEY], self.loop)
        self._hall: Hall = hall
        self._limits = hall.limits
        self._renderer = hall.renderer
        self._peer = ""
        self._slots: deque[Slot] = deque()
        self._postponed: _Started | None = None  # an ASGI request behind callbacks that wait for their commit
        self._kind = NOTHING
        self._owes_continue = False  # the sender of this body waits for our word
        self._deaf = False  # whatever still comes is not read
        self._lingering = False  # the last answer is written, its sender may read it
        self._stopping = False
        self._half_bytes = 0  # what this connection holds of a body that is not whole yet
        self._body_seconds = self._limits.body_seconds  # how long the body that is under way may take
        self._since = 0.0  # the loop's clock when the connection began to stand still

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client came."""
        super().connection_made(transport)
        self.flow = Flow(transport)
        self._peer = self.client[0] if self.client else ""
        self._hall.connections.enter(self)
        self._since = self._hall.connections.tick
        # A refusal is only read if its connection lingers, and meanwhile it holds a descriptor, too: so there may be as
        # many of them as of those that are served. Beyond that a flood would take the descriptors that the log needs.
        surplus = len(self._hall.connections) - self._limits.connections
        if surplus > self._limits.connections:
            transport.abort()
        elif surplus > 0:
            self._refuse(answers.TOO_MANY_CONNECTIONS)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone; what waits for its commit is kept, its answers go nowhere."""
        self._hall.connections.leave(self)
        self._hold(0)
        self._slots.clear()
        self._postponed = None
        self._deaf = True
        super().connection_lost(exc)

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """The client has sent everything; it may still wait for answers → whether to keep our half open."""
        asgi = self._asgi_is_busy()
        if self._lingering or not (self._slots or asgi) or self._kind == COLD:
            return None
        self._deaf = True
        if asgi:
            self.cycle.keep_alive = False
        else:
            self._slots[-1].end = CLOSES
        return True

    def pause_writing(self) -> None:
        """The client does not read its answers: read no more of what it sends."""
        super().pause_writing()
        self._since = self._hall.connections.tick
        self.flow.hold()

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        self._release()

    def shutdown(self) -> None:
        """The server stops: what was taken is answered first, what is half here may come whole, idle ones end soon."""
        self._stopping = True
        self._since = self.loop.time()
        if self._asgi_is_busy():
            super().shutdown()
        elif self._slots:
            self._deaf = True
            self._slots[-1].end = CLOSES
        elif self._lingering:
            self.transport.close()
        elif not self._kind:
            self.loop.call_later(self._limits.last_seconds, self._end_idle)

    def _end_idle(self) -> None:
        """Nothing came since the server was told to stop; what had come was answered, and told that it was the last."""
        if not (self._kind or self._slots or self._asgi_is_busy()):
            self.transport.close()

    def check(self, now: float) -> None:
        """End a connection that stands still; called by the sweep."""
        age, limits = now - self._since, self._limits
        if self._lingering:
            if age > limits.linger_seconds or self._stopping:
                self.transport.abort()
        elif self.flow.write_paused:
            if age > limits.idle_seconds:
                self.transport.abort()
        elif self._slots or self._kind == SKIP:
            return
        elif self._kind == COLD:
            if age > self._body_seconds and not self.flow.read_paused:
                self.transport.abort()
        elif self._kind:
            self._check_half(age)
        elif age > limits.idle_seconds and not self._asgi_is_busy():
            self.transport.close()

    def _check_half(self, age: float) -> None:
        head = self._kind == HEAD
        if age > (self._limits.head_seconds if head else self._limits.body_seconds):
            self._refuse(answers.HEAD_TOO_SLOW if head else answers.BODY_TOO_SLOW)
        elif self._stopping and age > self._limits.drain_seconds:
            self._refuse(answers.STOPPING)

    def flush(self) -> None:
        """Write the answers whose turn it is."""
        slots, transport = self._slots, self.transport
        while slots and (answer := slots[0].answer) is not None:
            end = slots.popleft().end
            if transport.is_closing():
                slots.clear()
                return
            transport.write(self._renderer.render(answer, self.server_state.default_headers, end))
            if end:
                slots.clear()
                self._end(linger=end == LINGERS)
                return
        if not slots:
            if not self._kind:
                self._since = self._hall.connections.tick
            elif self._owes_continue:
                self._pay_continue()
            if self._postponed is not None:
                postponed, self._postponed = self._postponed, None
                super()._start_asgi_task(*postponed)
        if self.flow.held:
            self._release()

    def _pay_continue(self) -> None:
        """Tell who asked that its body may come, once nothing of it was refused and it is its turn."""
        if self._owes_continue and not self._slots:
            self._owes_continue = False
            self.transport.write(CONTINUE)

    def _release(self) -> None:
        if not self.flow.write_paused and len(self._slots) <= self._limits.pipelined:
            self.flow.release()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """An ASGI request writes when it likes: it starts after the callbacks before it were answered."""
        if self._stopping:
            cycle.keep_alive = False
        if self._slots:
            self._postponed = (cycle, app)
            self.flow.pause_reading()
        else:
            super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """An ASGI request was answered."""
        super().on_response_complete()
        self._since = self._hall.connections.tick
        if self._stopping and not self._asgi_is_busy() and not self._kind:
            self.transport.close()

    def _asgi_is_busy(self) -> bool:
        """Whether the newest ASGI request of this connection is unanswered; older ones are answered before it."""
        return self.cycle is not None and not self.cycle.response_complete

    def _hold(self, half_bytes: int) -> None:
        """Account for what is here of a body that is not whole yet."""
        self._hall.connections.halves_bytes += half_bytes - self._half_bytes
        self._half_bytes = half_bytes

    # ---- the end

    def _refuse(self, answer: Answer) -> None:
        """Answer what cannot be read any further, in its turn, and end the connection."""
        kind, self._kind, self._deaf = self._kind, SKIP, True
        self._owes_continue = False
        self._hold(0)
        self._hall.receiver.counters.refuse("", answer.reason, at=now_us())
        if self._asgi_is_busy():
            if kind == COLD:
                self.transport.close()
            self.cycle.keep_alive = False
            return
        slot = Slot(self, LINGERS)
        self._slots.append(slot)
        slot(answer)

    def _end(self, *, linger: bool) -> None:
        """Close after the last answer; on unread bytes that would be a reset, which hides the answer."""
        if linger and self.transport.can_write_eof():
            self._lingering = True
            self._since = self.loop.time()
            self.transport.write_eof()
            self.flow.release()
        else:
            self.transport.close()
