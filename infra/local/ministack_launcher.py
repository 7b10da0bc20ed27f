"""Starts MiniStack, the local cloud, with Nagle's algorithm off.

MiniStack hands invocations to its functions through a small HTTP server in two writes each. With Nagle's algorithm on,
the second write waits for the delayed acknowledgement of the first: 40 ms for every invocation. The setting has to be
made before MiniStack creates that server, hence a launcher instead of the `ministack` command.

Settings come from the environment, as MiniStack documents them; README.md in this folder lists those that Marey uses.
"""

import socketserver


def main() -> None:
    """Turns Nagle's algorithm off for servers made from now on and runs MiniStack until it is stopped."""
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True

    from ministack.app import main as run_ministack

    run_ministack()


if __name__ == "__main__":
    main()
