#!/usr/bin/env python3
"""The guide's design on Python websockets: a set of members per room, JSON read and written for
every message, and all sends gathered before the next message is taken.

    guide_server.py PORT
"""

import asyncio
import json
import sys

import websockets


class ChatPeer:
    def __init__(self):
        self.rooms = {}

    async def deliver(self, member, text):
        try:
            await member.send(text)
        except websockets.exceptions.ConnectionClosed:
            pass  # its own handler takes it out of the room

    async def publish(self, room, text, sender):
        others = [member for member in self.rooms[room] if member is not sender]
        if others:
            await asyncio.gather(*(self.deliver(member, text) for member in others))

    async def answer(self, member, room, raw):
        try:
            frame = json.loads(raw)
        except json.JSONDecodeError:
            await member.send(json.dumps({"type": "error", "message": "Invalid JSON format"}))
            return
        kind = frame.get("type", "message")
        if kind == "message":
            text = json.dumps(
                {
                    "type": "message",
                    "content": frame.get("content", ""),
                    "sender": frame.get("sender", "Anonymous"),
                }
            )
            await self.publish(room, text, member)
        elif kind == "ping":
            await member.send(json.dumps({"type": "pong"}))

    async def serve(self, member, path):
        room = path.strip("/") or "general"
        self.rooms.setdefault(room, set()).add(member)
        try:
            async for raw in member:
                await self.answer(member, room, raw)
        except websockets.exceptions.ConnectionClosed:
            pass
        finally:
            self.rooms[room].discard(member)
            if not self.rooms[room]:
                del self.rooms[room]


async def main():
    peer = ChatPeer()
    async with websockets.serve(peer.serve, "127.0.0.1", int(sys.argv[1]), backlog=4096):
        print("ready", flush=True)
        await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(main())
