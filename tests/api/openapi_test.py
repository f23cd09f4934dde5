#!/usr/bin/env python3
"""What a running station answers, held against flasher/api/openapi.yaml: every operation, every field, every event."""
import base64
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("FLASHLINE_BIN_DIR", ROOT / "build/bin"))
SPEC = yaml.safe_load((ROOT / "flasher/api/openapi.yaml").read_text())
STATION = """<station name="described" mode="test">
  <paths images="."/><listen port="0"/><trust allow-unsigned="true"/>
  <slots attempts="1">
    <slot name="1" row="1" column="1"><virtual path="board-1.img" size="8MiB"/></slot>
    <slot name="2" row="1" column="2"><virtual path="board-2.img" size="8MiB" fail-write="1"/></slot>
  </slots>
</station>"""
# A machine with one board on one port, which no slot is bound to.
BOARD = {"busnum": "1", "devpath": "2", "devnum": "7", "bDeviceClass": "00", "idVendor": "0a5c", "idProduct": "2711",
         "manufacturer": "Broadcom", "product": "BCM2711 Boot", "speed": "480"}
RECIPE = '<recipe name="r"><identity><serial pattern="T-{n:3}"/><mac first="02:00:5E:00:00:00" last="02:00:5E:00:00:0F"/></identity></recipe>'


def resolve(node):
    """`node` with a reference followed."""
    if "$ref" not in node:
        return node
    found = SPEC
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return resolve(found)


def check(value, schema):
    """Raises where `value` is not of `schema`. additionalProperties: false makes this hold both ways."""
    jsonschema.Draft202012Validator({**schema, "components": SPEC["components"]}).validate(value)


def named(name):
    return {"$ref": f"#/components/schemas/{name}"}


def make_machine(folder):
    controller = folder / "sys/devices/pci0000:00/0000:00:14.0"
    for inner in (controller / "usb1", folder / "sys/bus/usb/devices", folder / "sys/bus/pci", folder / "sys/class/block"):
        inner.mkdir(parents=True)
    (controller / "usb1/speed").write_text("480\n")
    (controller / "subsystem").symlink_to(folder / "sys/bus/pci")
    plug(folder, 2)


def plug(folder, port):
    device = folder / f"sys/devices/pci0000:00/0000:00:14.0/usb1/1-{port}"
    device.mkdir()
    for name, text in {**BOARD, "devpath": str(port)}.items():
        (device / name).write_text(text + "\n")
    (folder / f"sys/bus/usb/devices/1-{port}").symlink_to(device)


class Described(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="flashline-api-")
        base = pathlib.Path(cls.folder.name)
        (base / "station.xml").write_text(STATION)
        (base / "recipe.xml").write_text(RECIPE)
        with open(base / "panel.img", "wb") as image:
            image.write(os.urandom(3 << 20))
            image.truncate(8 << 20)
        (base / "broken.ffu").write_bytes(b"\x20\0\0\0SignedImage ")
        make_machine(base / "machine")
        cls.log = open(base / "log", "wb")
        cls.daemon = subprocess.Popen([BIN / "flashlined", "--config", base / "station.xml", "--machine",
                                       base / "machine"], stdout=subprocess.PIPE,
                                      stderr=cls.log, text=True)
        line = cls.daemon.stdout.readline()
        cls.port = int(re.search(r"127\.0\.0\.1:(\d+)", line)[1])
        cls.asked = set()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.send_signal(signal.SIGTERM)
        code = cls.daemon.wait(30)
        cls.daemon.stdout.close()
        cls.log.close()
        cls.folder.cleanup()
        assert code == 0, f"flashlined ended with {code}"

    def ask(self, method, path, body=None, query="", **places):
        """Sends the described request, checks status, type and content of the answer, and gives its content."""
        operation = SPEC["paths"][path][method]
        self.asked.add((method, path))
        if body is not None:
            check(body, resolve(operation["requestBody"])["content"]["application/json"]["schema"])
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method.upper(), "/api/v1" + path.format(**places) + query,
                           None if body is None else json.dumps(body),
                           {} if body is None else {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        described = resolve(operation["responses"].get(str(answer.status), operation["responses"]["default"]))
        kind = answer.headers["Content-Type"].split(";")[0]
        schema = described["content"][kind]["schema"]
        if kind == "application/json":
            check(json.loads(text), schema)
            return answer.status, json.loads(text)
        if kind == "application/x-ndjson":
            lines = [json.loads(line) for line in text.splitlines()]
            for line in lines:
                check(line, schema)
            return answer.status, lines
        return answer.status, text

    def until(self, what, patience=30):
        end = time.monotonic() + patience
        while not what():
            self.assertLess(time.monotonic(), end)

    def test_every_operation_answers_as_described(self):
        self.assertEqual(self.ask("get", "/station")[1]["batch"], None)
        self.assertEqual(len(self.ask("get", "/slots")[1]["slots"]), 2)
        self.until(lambda: self.ask("get", "/ports")[1]["ports"])
        port = self.ask("get", "/ports")[1]["ports"][0]
        self.assertEqual((port["port"], port["slot"], port["id"]), ("pci-0000:00:14.0/2", None, "0a5c:2711"))
        self.learn_a_slot()
        images = self.ask("get", "/images")[1]
        self.assertEqual((len(images["images"]), len(images["refused"])), (1, 1))
        self.assertEqual(self.ask("post", "/images", {"path": "panel.img"})[0], 200)
        self.assertEqual(self.ask("post", "/images", {"path": "broken.ffu"})[0], 422)

        status, batch = self.ask("post", "/batches", {"image": "panel.img", "recipe": "recipe.xml", "quantity": 2,
                                                      "name": "n", "operator": "o"})
        self.assertEqual(status, 201)
        self.assertEqual(self.ask("post", "/batches", {"image": "panel.img", "quantity": 1})[0], 409)
        self.assertEqual(self.ask("post", "/learn", {"slots": 1, "board": "Card"})[0], 409)
        self.until(lambda: self.ask("get", "/slots/{name}", name="2")[1]["state"] == "failed")
        slot = self.ask("get", "/slots/{name}", name="2")[1]
        self.assertRegex(slot["error"]["code"], "^FL-DEV-")
        self.assertEqual(self.ask("post", "/batches/{id}/pause", {"reason": "r"}, id=batch["id"])[1]["state"], "paused")
        self.assertEqual(self.ask("post", "/batches/{id}/resume", id=batch["id"])[1]["state"], "running")
        self.assertEqual(self.ask("post", "/slots/{name}/retry", {"operator": "o"}, name="2")[0], 200)
        self.until(lambda: self.ask("get", "/batches/{id}", id=batch["id"])[1]["state"] == "done")
        self.assertEqual(self.ask("post", "/slots/{name}/retry", name="2")[0], 409)
        self.assertEqual(self.ask("post", "/slots/{name}/next", name="1")[0], 200)
        self.assertEqual(self.ask("post", "/slots/{name}/release", name="1")[0], 409)

        units = self.ask("get", "/units", query=f"?batch={batch['id']}")[1]["units"]
        states = sorted(unit["state"] for unit in units)
        self.assertEqual(states.count("committed"), 2)
        serial = units[0]["serial"]
        self.assertEqual(self.ask("get", "/units/{serial}", serial=serial)[1]["number"], 1)
        self.assertIn(serial, self.ask("get", "/units/{serial}/explain", serial=serial)[1]["text"])
        self.assertEqual(self.ask("get", "/units/{serial}", serial="nobody")[0], 404)
        self.assertEqual(self.ask("post", "/batches/{id}/close", id=99)[0], 404)
        self.assertEqual(len(self.ask("get", "/batches")[1]["batches"]), 1)

        lines = self.ask("get", "/records")[1]
        self.assertIn("unit_committed", [line["record"]["kind"] for line in lines])
        self.assertLess(len(self.ask("get", "/records", query=f"?batch={batch['id']}")[1]), len(lines))
        self.assertIn("T-001", self.ask("get", "/records", query="?format=csv")[1])
        self.assertEqual(self.ask("get", "/records", query="?format=pdf")[0], 400)
        self.assertTrue(self.ask("get", "/records/verify")[1]["ok"])
        events = self.ask("get", "/events", query="?since=0")[1]
        self.assertEqual({event["type"] for event in events["events"]}, {"slot", "ports", "batch", "record"})
        self.assertEqual(self.ask("get", "/events", query=f"?since={events['seq']}")[1]["events"], [])

        described = {(method, path) for path, item in SPEC["paths"].items() for method in item if method in ("get", "post")}
        self.assertEqual(described - self.asked, set(), "each operation was asked")

    def learn_a_slot(self):
        """Slot 3 is found by plugging something in; slots 1 and 2 stay what they are."""
        base = pathlib.Path(self.folder.name)
        idle = self.ask("get", "/learn")[1]
        self.assertEqual((idle["state"], idle["slots"]), ("idle", []))
        self.assertIn("RaspberryPi-CM4", idle["boards"])
        self.assertEqual(self.ask("post", "/learn/skip")[0], 409)
        self.assertEqual(self.ask("post", "/learn", {"slots": 3, "board": "No-Such-Board"})[0], 422)
        self.assertEqual(self.ask("post", "/learn", {"slots": 3})[0], 400)
        self.assertEqual(self.ask("post", "/learn", {"slots": 3, "columns": 2, "board": "Card"})[1]["state"], "asking")
        self.assertEqual(self.ask("post", "/batches", {"image": "panel.img", "quantity": 1})[1]["error"]["code"], "FL-STA-009")
        self.assertTrue(self.ask("post", "/learn/skip")[1]["slots"][1]["asked"])
        self.assertTrue(self.ask("post", "/learn/back")[1]["slots"][0]["asked"])
        for _ in range(2):
            last = self.ask("post", "/learn/skip")[1]
        self.assertEqual(last["prompt"], "Plug a board or a card into slot 3 (row 2, column 1).")
        self.assertEqual(self.ask("post", "/learn/write")[0], 409)
        plug(base / "machine", 3)
        self.until(lambda: self.ask("get", "/learn")[1]["state"] == "ready")
        ready = self.ask("get", "/learn")[1]
        self.assertEqual((ready["prompt"], ready["slots"][2]["port"]), (None, "pci-0000:00:14.0/3"))
        self.assertIn("Slot 3 is pci-0000:00:14.0/3", ready["said"])
        self.assertEqual((base / "station.xml").read_text(), STATION)
        self.assertIn("pci-0000:00:14.0/3", self.ask("get", "/sheet")[1])
        self.assertEqual(self.ask("post", "/learn/write")[1]["state"], "written")
        self.assertIn('<port path="pci-0000:00:14.0/3" board="Card"/>', (base / "station.xml").read_text())
        self.assertEqual(self.ask("post", "/learn/cancel")[1]["state"], "idle")
        self.assertNotIn("pci-0000:00:14.0/3", self.ask("get", "/sheet")[1])

    def test_the_websocket_begins_with_a_snapshot(self):
        peer = socket.create_connection(("127.0.0.1", self.port), 30)
        key = base64.b64encode(os.urandom(16)).decode()
        peer.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                     f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
        stream = peer.makefile("rb")
        self.assertIn(b"101", stream.readline())
        while stream.readline() != b"\r\n":
            pass
        head = stream.read(2)
        size = head[1] & 127
        if size >= 126:
            size = struct.unpack(">H" if size == 126 else ">Q", stream.read(2 if size == 126 else 8))[0]
        check(json.loads(stream.read(size)), named("Snapshot"))
        stream.close()
        peer.close()

    def test_the_description_is_openapi(self):
        self.assertEqual(SPEC["openapi"], "3.1.0")
        for name, schema in SPEC["components"]["schemas"].items():
            jsonschema.Draft202012Validator.check_schema(schema)
            if schema.get("type") == "object" and "properties" in schema and name not in ("BatchOrder", "LearnOrder"):
                self.assertEqual(set(schema["required"]), set(schema["properties"]), f"{name}: answers are never partial")


if __name__ == "__main__":
    unittest.main(verbosity=1)
