"""The README's client, as it stands there but for the port."""
import pathlib
import re
import subprocess
import sys

from utils import TIMEOUT

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"


def test_two_of_the_readmes_clients_hear_each_other(chatd, tmp_path):
    code = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[1]
    assert code.count("localhost:8765") == 1
    script = tmp_path / "chat.py"
    script.write_text(code.replace("localhost:8765", "{}:{}".format(*chatd.address)))

    listener = chatd.connect("/room1")
    people = []
    try:
        for name in ("me", "you"):
            people.append(subprocess.Popen([sys.executable, str(script), "room1", name],
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                           text=True, bufsize=1))
        # Each has come in when what it says is heard.
        for name, person in zip(("me", "you"), people):
            person.stdin.write(f"here is {name}\n")
            assert listener.receive() == {"type": "message", "content": f"here is {name}",
                                          "sender": name}
        # Both are in: from here on they hear each other.
        people[0].stdin.write("hello\n")
        people[1].stdin.write("hi\n")
        assert "me: hello\n" in iter(people[1].stdout.readline, "")
        assert "you: hi\n" in iter(people[0].stdout.readline, "")
        for person in people:
            person.stdin.close()
        assert [person.wait(TIMEOUT) for person in people] == [0, 0]
    finally:
        for person in people:
            person.kill()
            person.wait()
            person.stdin.close()
            person.stdout.close()
