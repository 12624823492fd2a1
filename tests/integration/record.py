#!/usr/bin/python3
"""Replays the golden scenarios against a running server and writes what came.

    record.py --server ws://127.0.0.1:8765 [golden/values.json ...]

They were recorded from the guide's own server (see guide.py). A scenario that
"departs" from the guide says why, and what protocol.md wants instead: it is
left as it is, and what the server did is only printed.
"""
import argparse
import sys

from websockets.uri import parse_uri

import scenario
from client import Client
from utils import HERE


def record(path, server):
    data = scenario.load(path)
    for entry in data["scenarios"]:
        player = scenario.Player(lambda path: Client((server.host, server.port), path))
        try:
            for step in entry["steps"]:
                if step["who"] not in player.clients and step["do"] != "connect":
                    print(f"{path.name}: {entry['name']}: {step['who']} is gone, the rest is left")
                    break
                got = player.play(step)
                if "departs" not in entry:
                    step.pop("gets", None)
                    if got:
                        step["gets"] = scenario.describe(got)
                elif fault := scenario.difference(scenario.expand(step.get("gets", {})), got):
                    print(f"{path.name}: {entry['name']}: {fault}")
        finally:
            player.close()
    scenario.save(path, data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True, type=parse_uri, help="ws://HOST:PORT")
    parser.add_argument("files", nargs="*", help="default: all in golden/")
    args = parser.parse_args()
    for path in sorted((HERE / "golden").glob("*.json")):
        if not args.files or path.name in {f.rpartition("/")[2] for f in args.files}:
            record(path, args.server)
    return 0


if __name__ == "__main__":
    sys.exit(main())
