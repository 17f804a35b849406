#!/usr/bin/env python3
"""Print the offers of a JoinMarket network, as a running joinmarketd sees them.

    offers.py unix:/path/to/joinmarketd.sock
    offers.py tcp:127.0.0.1:27183 --cookie /path/to/cookie --network signet

Needs Python 3 and nothing else; docs/control-protocol.md describes the protocol.
"""
import argparse, json, secrets, socket, struct, sys, time

COLUMNS = ["nick", "type", "oid", "minsize", "maxsize", "txfee", "cjfee"]
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class Daemon:
    def __init__(self, address, cookie, deadline):
        network, _, place = address.partition(":")
        host, _, port = place.rpartition(":")
        self.sock = socket.socket(socket.AF_UNIX) if network == "unix" else socket.create_connection((host, int(port)))
        if network == "unix":
            self.sock.connect(place)
        self.deadline, self.calls, self.events = deadline, 0, []
        self.send({"hello": {"software": "offers.py", "min": 1, "max": 1, "secret": cookie}})
        self.receive()  # the daemon's hello

    def send(self, frame):
        body = json.dumps(frame).encode()
        self.sock.sendall(struct.pack(">I", len(body)) + body)

    def read(self, size):
        data = b""
        while len(data) < size:
            self.sock.settimeout(max(0.001, self.deadline - time.monotonic()))
            part = self.sock.recv(size - len(data))
            data += part or sys.exit("the daemon closed the connection")
        return data

    def receive(self):
        """Return the next hello, answer or event; refuse questions, as we have no key."""
        while True:
            frame = json.loads(self.read(struct.unpack(">I", self.read(4))[0]))
            if "error" in frame:
                sys.exit("the daemon says: " + ascii(frame["error"]["message"]))
            if "method" not in frame:
                return frame
            self.send({"id": frame["id"], "error": {"code": "unknown-method", "message": "offers.py knows no signatures"}})

    def call(self, method, params={}):
        self.calls += 1
        self.send({"id": self.calls, "method": method, "params": params})
        while "event" in (frame := self.receive()):
            self.events.append(frame["event"])
        return frame["result"]

    def wait(self, event):
        while event not in self.events:
            self.events.append(self.receive().get("event"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", help="unix:/path or tcp:127.0.0.1:port")
    parser.add_argument("--cookie", help="the daemon's cookie file, needed with tcp")
    parser.add_argument("--network", default="mainnet", help="mainnet, testnet, signet or regtest")
    parser.add_argument("--wait", type=float, default=180, help="seconds in all")
    parser.add_argument("--quiet", type=float, default=10, help="print after so many seconds without a new offer")
    args = parser.parse_args()

    daemon = Daemon(args.address, open(args.cookie).read().strip() if args.cookie else "", time.monotonic() + args.wait)
    nick = "J5" + "".join(secrets.choice(BASE58) for _ in range(14))
    daemon.call("start", {"role": "watcher", "nick": nick, "network": args.network})
    daemon.wait("ready")
    daemon.call("refresh")
    offers, since = [], time.monotonic()
    while time.monotonic() < daemon.deadline and not (offers and time.monotonic() - since >= args.quiet):
        time.sleep(min(1, args.quiet))
        book = daemon.call("orderbook")["offers"] or []
        if len(book) != len(offers):
            since = time.monotonic()
        offers = book
    rows = [[ascii(str(o[c]))[1:-1] for c in COLUMNS] for o in sorted(offers, key=lambda o: (o["nick"], o["oid"]))]
    widths = [max(map(len, cells)) for cells in zip(COLUMNS, *rows)]
    for row in [COLUMNS] + rows if rows else sys.exit("no offers came in time"):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


if __name__ == "__main__":
    try:
        main()
    except OSError as fault:
        sys.exit(f"no luck with the daemon: {fault}")
