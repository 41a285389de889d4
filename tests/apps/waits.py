"""Things to wait for, one a route: each for as many milliseconds as told.

Redis looks at its clients ten times a second: there it may be 100 more.
"""

import os
import socket
import threading
import time


def sleep(environ, amount):
    time.sleep(int(amount) / 1000)


def lock(environ, amount):
    """Another thread holds what this one wants."""
    wanted, held = threading.Lock(), threading.Event()

    def hold():
        with wanted:
            held.set()
            time.sleep(int(amount) / 1000)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with wanted:
        pass
    # It is about to end; joining it would be a second wait of the same kind.


def _blocking_pop(amount):
    """Redis answers after that time, as the list is empty."""
    command = ("BLPOP", f"empty-{threading.get_native_id()}", str(int(amount) / 1000))
    parts = "".join(f"${len(part)}\r\n{part}\r\n" for part in command)
    return f"*{len(command)}\r\n{parts}".encode()


def redis(environ, amount):
    """The bare protocol over TCP."""
    with socket.create_connection(("127.0.0.1", int(os.environ["REDIS_PORT"]))) as server:
        server.sendall(_blocking_pop(amount))
        assert server.recv(64) == b"*-1\r\n"


_redis_client = None


def redis_client(environ, amount):
    """Debian's client library, over a UNIX socket, on a connection that is kept."""
    global _redis_client
    if _redis_client is None:
        import redis as library

        _redis_client = library.Redis(unix_socket_path=os.environ["REDIS_SOCKET"])
        _redis_client.ping()
    assert _redis_client.blpop("empty", timeout=int(amount) / 1000) is None


_postgres_connections = threading.local()


def postgres(environ, amount):
    """Debian's client library, on a connection that is kept for the thread."""
    if not hasattr(_postgres_connections, "cursor"):
        import psycopg2

        connection = psycopg2.connect(os.environ["POSTGRES"])
        connection.autocommit = True
        _postgres_connections.cursor = connection.cursor()
    _postgres_connections.cursor.execute("select pg_sleep(%s)", (int(amount) / 1000,))


def disk(environ, amount):
    """Reads that file of the site, past the page cache."""
    site = os.path.dirname(os.path.dirname(__file__))
    file = os.open(os.path.join(site, "static", "big.bin"), os.O_RDONLY)
    try:
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        # Each read waits for the disk instead of finding what was read ahead.
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
        for block in range(int(amount)):
            os.pread(file, 4096, block * 8192)
    finally:
        os.close(file)


ROUTES = {
    "sleep": sleep,
    "lock": lock,
    "redis": redis,
    "redis-client": redis_client,
    "postgres": postgres,
    "disk": disk,
}
