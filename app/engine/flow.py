"""Flow control of one connection with two who may stop its reading: uvicorn's cycle, and our own `hold`."""

import asyncio

from uvicorn.protocols.http.flow_control import FlowControl


class Flow(FlowControl):
    """Reads only while neither the ASGI cycle nor the connection itself wants it stopped."""

    def __init__(self, transport: asyncio.Transport) -> None:
        """Nothing is stopped at first."""
        super().__init__(transport)
        self.held = False

    def hold(self) -> None:
        """Read no more: the peer does not read its answers, or too many of them wait."""
        if not self.held:
            self.held = True
            if not self.read_paused and not self._transport.is_closing():
                self._transport.pause_reading()

    def release(self) -> None:
        """Read again, unless the cycle wants it stopped."""
        if self.held:
            self.held = False
            if not self.read_paused and not self._transport.is_closing():
                self._transport.resume_reading()

    def pause_reading(self) -> None:
        """The cycle's wish."""
        if not self.read_paused:
            self.read_paused = True
            if not self.held and not self._transport.is_closing():
                self._transport.pause_reading()

    def resume_reading(self) -> None:
        """The cycle's wish is over."""
        if self.read_paused:
            self.read_paused = False
            if not self.held and not self._transport.is_closing():
                self._transport.resume_reading()
