"""Somebody in the chat, who behaves as its page does: comes back after a
close, takes the same seat, and says again what was not acknowledged."""

import asyncio
import json
import secrets

import websockets

PAUSE = 0.2  # seconds between tries to come back


async def until(condition, seconds, what):
    """Waits for something that announces itself in no other way."""
    end = asyncio.get_running_loop().time() + seconds
    while not (value := condition()):
        if asyncio.get_running_loop().time() > end:
            raise AssertionError(f"{what}: not within {seconds} seconds")
        await asyncio.sleep(0.05)
    return value


class Member:
    def __init__(self, url, name, room="lobby"):
        self.url, self.name, self.room = url, name, room
        self.session = secrets.token_hex(16)
        self.closes = []       # the code of each close
        self.refused = 0       # handshakes that failed
        self.heard = {}        # id -> text, of messages of anybody
        self.departed = set()  # names
        self.unsaid = {}       # ref -> text
        self.connection_id = None
        self.socket = None
        self.stays_away = False
        self.task = asyncio.create_task(self._live())

    async def _live(self):
        while True:
            try:
                async with websockets.connect(self.url) as self.socket:
                    await self._send(action="join", room=self.room,
                                     name=self.name, session=self.session)
                    async for text in self.socket:
                        await self._take(json.loads(text))
            except (websockets.InvalidHandshake, OSError, EOFError,
                    asyncio.TimeoutError):
                self.refused += 1
            except websockets.ConnectionClosed:
                pass
            if self.socket and self.socket.close_code:
                self.closes.append(self.socket.close_code)
            self.socket = self.connection_id = None
            if self.stays_away:
                return
            await asyncio.sleep(PAUSE)

    async def _send(self, **message):
        await self.socket.send(json.dumps(message))

    async def _take(self, event):
        kind = event.get("type")
        if kind == "joined":
            self.connection_id = event["connectionId"]
            for message in event["history"]:
                self.heard[message["id"]] = message["text"]
            for ref, text in self.unsaid.items():
                await self._send(action="message", text=text, ref=ref)
        elif kind in ("message", "sent"):
            self.heard[event["id"]] = event["text"]
            self.unsaid.pop(event["ref"], None)
        elif kind == "departed":
            self.departed.add(event["member"]["name"])

    @property
    def is_in(self):
        return self.connection_id is not None

    async def say(self, text):
        """Now if connected, otherwise after coming back."""
        ref = secrets.token_hex(8)
        self.unsaid[ref] = text
        if self.is_in:
            try:
                await self._send(action="message", text=text, ref=ref)
            except websockets.ConnectionClosed:
                pass  # _live() says it again

    async def leave(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        if self.socket:
            await self.socket.close()
