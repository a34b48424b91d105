"""A connection that was given back finds a descriptor where nearly none is left."""

from support.processes import run_python

_CROWD = """
import os, resource, socket
from contextlib import ExitStack
from accel import native

with ExitStack() as stack:
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    front = native.module.Front(native.module.Guard("request_lane"))
    channel = stack.enter_context(socket.socket(fileno=front.channel()))
    socket.send_fds(channel, [bytes(12)], [listener.fileno()])
    front.listen(1)
    crowd = [stack.enter_context(socket.create_connection(listener.getsockname())) for _ in range(10)]

    def accepted(free, announced):
        for _ in range(announced):
            front.announce()
        others = []
        try:
            while True:
                others.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            for _ in range(free):
                os.close(others.pop())
        before = front.counts()["accepted"]
        try:
            front.accept(0, 10)
        except OSError as error:
            assert "Too many open files" in str(error)
        for each in others:
            os.close(each)
        for _ in range(announced):
            front.retract()
        return front.counts()["accepted"] - before

    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
    print(accepted(3, 1), accepted(3, 3), accepted(3, 4), accepted(2, 0), accepted(20, 3))
"""


def test_new_connections_leave_room_for_those_that_are_on_their_way_back() -> None:
    ended = run_python(_CROWD)
    assert (ended.stdout, ended.stderr) == ("2 0 0 2 6\n", "")
