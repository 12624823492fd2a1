#!/usr/bin/python3
"""A chat.v1 server in a page of Python: what chatd is compared with.

It does what docs/protocol.md says and nothing else: no limits of its own, no
configuration, no speed. Where Python's JSON reader is more generous or more
fragile than the protocol, read() draws the line.

    reference.py [--port N]
"""
import argparse
import asyncio
import collections
import json
from urllib.parse import unquote, urlsplit

import websockets


def refuse(constant):
    raise ValueError(f"{constant} is not JSON")


def read(frame):
    """The JSON value in a text or binary frame; ValueError if there is none."""
    if isinstance(frame, bytes):
        frame = frame.removeprefix(b"\xef\xbb\xbf").decode()
    try:
        return json.loads(frame, parse_constant=refuse)
    except RecursionError:
        raise ValueError("nested too deeply")


class Reference:
    def __init__(self):
        self.rooms = collections.defaultdict(set)

    async def serve(self, client):
        room = unquote(urlsplit("//host" + client.path).path).strip("/") or "general"
        self.rooms[room].add(client)
        try:
            async for frame in client:
                await self.answer(client, room, frame)
        except websockets.ConnectionClosed:
            pass
        finally:
            self.rooms[room].discard(client)

    async def answer(self, client, room, frame):
        try:
            data = read(frame)
        except ValueError:
            await client.send('{"type":"error","message":"Invalid JSON format"}')
            return
        if not isinstance(data, dict):
            await client.send('{"type":"error","message":"Message must be a JSON object"}')
            return
        kind = data.get("type", "message")
        if kind == "ping":
            await client.send('{"type":"pong"}')
        elif kind == "message":
            websockets.broadcast(self.rooms[room] - {client}, json.dumps({
                "type": "message",
                "content": data.get("content", ""),
                "sender": data.get("sender", "Anonymous"),
            }))


async def serve(port):
    async with websockets.serve(Reference().serve, "127.0.0.1", port) as server:
        host, port = server.sockets[0].getsockname()
        print(f"listening on ws://{host}:{port}", flush=True)
        await asyncio.Future()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    try:
        asyncio.run(serve(parser.parse_args().port))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
