"""More connections than the WebSocket library was prepared for when it started."""
import resource

from utils import Pair


def test_the_limit_of_descriptors_is_raised_while_it_runs(start):
    chatd = start("limits.connections=20")
    pair = Pair(chatd)
    _, most = resource.prlimit(chatd.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(chatd.pid, resource.RLIMIT_NOFILE, (min(2000, most), most))
    crowd = [chatd.dial() for _ in range(400)]
    pair.chat()
    for sock in crowd:
        sock.close()
    chatd.connect("/room").fence()
    pair.chat()
