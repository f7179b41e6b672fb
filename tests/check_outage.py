# SPDX-License-Identifier: BSD-2-Clause
"""What outage_shim does to a program's connections; run under it."""
import os
import socket
import sys
import unittest

FILE = os.environ["OUTAGE_FILE"]


class Outage(unittest.TestCase):
    def setUp(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.other = socket.create_server(("127.0.0.1", 0))
        os.environ["OUTAGE_PORT"] = str(self.server.getsockname()[1])
        self.addCleanup(self.server.close)
        self.addCleanup(self.other.close)
        self.addCleanup(lambda: os.path.exists(FILE) and os.unlink(FILE))

    def client(self, server):
        client = socket.create_connection(server.getsockname(), timeout=5)
        self.addCleanup(client.close)
        peer, _ = server.accept()
        self.addCleanup(peer.close)
        return client, peer

    def test_nothing_happens_without_the_file(self):
        client, peer = self.client(self.server)
        client.sendall(b"there")
        self.assertEqual(peer.recv(5), b"there")
        peer.sendall(b"back")
        self.assertEqual(client.recv(4), b"back")

    def test_new_connections_are_refused(self):
        open(FILE, "w").close()
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(self.server.getsockname(), timeout=5)
        os.unlink(FILE)
        self.client(self.server)

    def test_standing_connections_break(self):
        client, peer = self.client(self.server)
        peer.sendall(b"waits")
        open(FILE, "w").close()
        with self.assertRaises(ConnectionResetError):
            client.sendall(b"x")
        with self.assertRaises(ConnectionResetError):
            client.recv(1)
        with self.assertRaises(ConnectionResetError):
            client.sendmsg([b"x"])
        with self.assertRaises(ConnectionResetError):
            client.recvmsg(1)

    def test_other_ports_stay(self):
        open(FILE, "w").close()
        client, peer = self.client(self.other)
        client.sendall(b"there")
        self.assertEqual(peer.recv(5), b"there")


if __name__ == "__main__":
    sys.exit(unittest.main())
