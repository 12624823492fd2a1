"""A client like the guide's: connect, send one message, then listen.

TEST_GUIDE, a path to a copy of the guide, adds its own client, unchanged but
for the port.
"""
import asyncio
import contextlib
import io
import json
import os

import pytest
import websockets

import guide
from client import TIMEOUT, message

GREETING = {"type": "message", "content": "Hello there!", "sender": "a client"}
GUIDE = os.environ.get("TEST_GUIDE")


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, TIMEOUT))


async def greet_and_listen(uri, heard):
    """What the guide's client does, with python3-websockets as it comes."""
    async with websockets.connect(uri) as websocket:
        await websocket.send(json.dumps(GREETING))
        try:
            async for text in websocket:
                heard.append(json.loads(text))
        except websockets.ConnectionClosed as end:
            return end.rcvd.code


def test_like_the_guides_client(chatd):
    async def story():
        heard = []
        uri = chatd.url("room1")
        async with websockets.connect(uri) as friend, websockets.connect(uri + "x") as stranger:
            client = asyncio.create_task(greet_and_listen(uri, heard))
            assert json.loads(await friend.recv()) == GREETING
            for i in range(3):
                await friend.send(json.dumps({"content": i}))
            await friend.send('{"type":"ping"}')
            assert await friend.recv() == '{"type":"pong"}'
            await stranger.send("nope")
            assert json.loads(await stranger.recv())["type"] == "error"
        chatd.send_signal(15)
        assert await client == 1012
        assert heard == [message(i) for i in range(3)]

    run(story())


def test_the_librarys_own_keep_alive(chatd):
    """It pings, too, and measures how long the answer takes."""
    async def story():
        async with websockets.connect(chatd.url("room1"), ping_interval=0.05) as client:
            for _ in range(5):
                await (await client.ping())
            await client.send('{"type":"ping"}')
            assert await client.recv() == '{"type":"pong"}'
        assert client.close_code == 1000

    run(story())


def test_the_librarys_compression_is_offered_in_vain_or_works(chatd):
    async def story():
        uri = chatd.url("room1")
        async with websockets.connect(uri, compression="deflate") as alice, \
                websockets.connect(uri, compression=None) as bob:
            for sender, listener in ((alice, bob), (bob, alice)):
                for text in ("", "x" * 100000, "\U0001f600" * 1000):
                    await sender.send(json.dumps({"content": text}))
                    assert json.loads(await listener.recv()) == message(text)

    run(story())


@pytest.mark.skipif(not GUIDE, reason="TEST_GUIDE is not set")
def test_the_guides_client(chatd):
    """Its code, unchanged but for the port."""
    async def story():
        client = guide.load(GUIDE, port=chatd.address[1]).chat_client_example
        printed = io.StringIO()
        async with websockets.connect(chatd.url("room1")) as friend:
            with contextlib.redirect_stdout(printed):
                task = asyncio.create_task(client())
                hello = json.loads(await friend.recv())
                assert hello.keys() == {"type", "content", "sender"}
                assert hello["type"] == "message"
                for i in range(3):
                    await friend.send(json.dumps({"content": i, "sender": "friend"}))
                await friend.send('{"type":"ping"}')
                await friend.recv()
                chatd.send_signal(15)
                await task
        assert printed.getvalue().splitlines() == [
            f"Received: {message(i, 'friend')}" for i in range(3)] + ["Connection closed"]

    run(story())
