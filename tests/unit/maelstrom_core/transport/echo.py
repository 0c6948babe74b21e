"""Sends back each message, in a process of its own: blocking, and without our adapter."""

import sys

import zmq


def main() -> None:
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.set_hwm(8)
    socket.linger = 0
    socket.connect(sys.argv[1])
    while True:
        socket.send(socket.recv())


if __name__ == "__main__":
    main()
