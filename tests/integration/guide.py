#!/usr/bin/python3
"""Takes the chat program out of a copy of the guide and runs its server.

The guide is not part of this project. With a copy of it at hand:

    guide.py GUIDE.txt [--port N]

serves the guide's own server, unchanged, as an oracle for record.py and
differential.py.
"""
import argparse
import asyncio
import re
import types

import websockets

SECTION = "Real-time Communication"


def program(path):
    """The source text of the guide's chat program, as the guide prints it."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    match = re.search(rf"^#+ [^\n]*{SECTION}\n+```python\n(.*?)^```", text, re.S | re.M)
    if not match:
        raise ValueError(f"{path}: no program under the heading {SECTION!r}")
    return match.group(1)


def load(path, port=None):
    """The guide's program as a module; with another port than its 8765."""
    source = program(path)
    if port is not None:
        source = source.replace("8765", str(port))
    module = types.ModuleType("guide_chat")
    exec(compile(source, path, "exec"), module.__dict__)
    return module


async def serve(path, port):
    chat = load(path).AsyncChatServer()
    async with websockets.serve(chat.handle_client, "127.0.0.1", port) as server:
        host, port = server.sockets[0].getsockname()
        print(f"listening on ws://{host}:{port}", flush=True)
        await asyncio.Future()


def main():
    parser = argparse.ArgumentParser(description="run the guide's chat server")
    parser.add_argument("guide", help="a copy of the guide")
    parser.add_argument("--port", type=int, default=0)
    args = parser.parse_args()
    try:
        asyncio.run(serve(args.guide, args.port))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
