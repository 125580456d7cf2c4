"""Eclipse Paho (Python) against the broker named by MQTT_HOST and MQTT_PORT.

Prints a line for each thing that worked; ends with an exception at the first that did not.
"""

import os
import queue
import time

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

HOST, PORT = os.environ["MQTT_HOST"], int(os.environ["MQTT_PORT"])
PATIENCE = 20
VERSIONS = {"3.1": paho.MQTTv31, "3.1.1": paho.MQTTv311, "5.0": paho.MQTTv5}
V5 = paho.MQTTv5


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def properties(packet, **values):
    made = Properties(packet)
    for name, value in values.items():
        setattr(made, name, value)
    return made


class Client:
    """A client whose events can be awaited."""

    def __init__(self, version, client_id="", clean=True, will=None, expiry=None, keep_alive=60):
        self.version, self.events = version, queue.Queue()
        options = {} if version == V5 else {"clean_session": clean}
        self.paho = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=version, **options
        )
        self.paho.on_connect = lambda c, u, flags, code, p: self.put("connected", flags, code, p)
        self.paho.on_disconnect = lambda c, u, flags, code, p: self.put("disconnected", code)
        self.paho.on_subscribe = lambda c, u, mid, codes, p: self.put("subscribed", codes)
        self.paho.on_unsubscribe = lambda c, u, mid, codes, p: self.put("unsubscribed", codes)
        self.paho.on_publish = lambda c, u, mid, code, p: self.put("published", code)
        self.paho.on_message = lambda c, u, message: self.put("message", message)
        self.paho.on_log = lambda c, u, level, text: "PINGRESP" in text and self.put("pong")
        # What comes between the answers to others is kept for whoever asks for it.
        self.kept = []
        if will:
            self.paho.will_set(*will)
        connect = {}
        if version == V5:
            connect["clean_start"] = clean
            if expiry is not None:
                connect["properties"] = properties(
                    PacketTypes.CONNECT, SessionExpiryInterval=expiry
                )
        self.paho.connect(HOST, PORT, keepalive=keep_alive, **connect)
        self.paho.loop_start()
        self.flags, self.code, self.properties = self.wait("connected")
        check(self.code == 0, f"CONNACK {self.code}")

    def put(self, *event):
        self.events.put(event)

    def wait(self, name):
        for at, event in enumerate(self.kept):
            if event[0] == name:
                return self.kept.pop(at)[1:]
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                event = self.events.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"waited for '{name}' in vain") from None
            if event[0] == name:
                return event[1:]
            self.kept.append(event)

    def message(self):
        return self.wait("message")[0]

    def subscribe(self, *args, **options):
        self.paho.subscribe(*args, **options)
        return [code.value for code in self.wait("subscribed")[0]]

    def publish(self, topic, payload, qos=0, **options):
        self.paho.publish(topic, payload, qos, **options)
        return self.wait("published")[0]

    def leave(self):
        self.paho.disconnect()
        self.wait("disconnected")
        self.paho.loop_stop()

    def vanish(self):
        """Goes without DISCONNECT."""
        self.paho._sock_close()
        self.paho.loop_stop()


def round_trips(version):
    """Every QoS, payloads of all kinds, in order.

    Two clients, since Paho 2.1 takes a QoS 2 message that it has received off the count of those it
    has sent, and so goes over the broker's receive maximum.
    """
    publisher, client = Client(version), Client(version)
    check(client.subscribe([("trip/+", 2)]) == [2], "granted QoS")
    payloads = [b"", bytes(range(256)), b"x" * 100_000] + [b"%d" % n for n in range(100)]
    for qos in (0, 1, 2):
        for payload in payloads:
            publisher.paho.publish(f"trip/{qos}", payload, qos)
        for payload in payloads:
            message = client.message()
            check(message.topic == f"trip/{qos}", "topic")
            check(message.qos == qos, f"QoS {message.qos} in place of {qos}")
            check(message.payload == payload, f"payload of {len(payload)} bytes")
    client.paho.unsubscribe("trip/+")
    client.wait("unsubscribed")
    for client in (publisher, client):
        client.leave()


def retained(version):
    publisher = Client(version)
    publisher.publish("kept/a", b"old", 1, retain=True)
    publisher.publish("kept/a", b"new", 1, retain=True)
    publisher.publish("kept/b", b"gone", 1, retain=True)
    publisher.publish("kept/b", b"", 1, retain=True)
    subscriber = Client(version)
    subscriber.subscribe([("kept/#", 1)])
    first = subscriber.message()
    check((first.payload, first.retain) == (b"new", True), f"{first.payload} {first.retain}")
    publisher.publish("kept/c", b"live", 1)
    live = subscriber.message()
    check((live.payload, live.retain) == (b"live", False), "nothing is left of what was cleared")
    publisher.publish("kept/a", b"", 1, retain=True)
    for client in (publisher, subscriber):
        client.leave()


def wills(version):
    watcher = Client(version)
    watcher.subscribe([("will/#", 1)])
    gentle = Client(version, will=("will/gentle", b"never", 1))
    gentle.leave()
    Client(version, will=("will/rude", b"gone", 1)).vanish()
    message = watcher.message()
    check((message.topic, message.payload) == ("will/rude", b"gone"), message.topic)
    watcher.leave()


def sessions(version):
    """What comes while a client is away waits for it."""
    name = f"paho-{version}"
    options = {"clean": False, "expiry": 60}
    first = Client(version, name, **options)
    check(not first.flags.session_present, "no session at first")
    first.subscribe([("away", 2)])
    first.leave()
    publisher = Client(version)
    for qos in (1, 2):
        publisher.publish("away", b"%d" % qos, qos)
    second = Client(version, name, **options)
    if version != paho.MQTTv31:
        check(second.flags.session_present, "session present")
    got = [second.message() for _ in range(2)]
    check([(m.payload, m.qos) for m in got] == [(b"1", 1), (b"2", 2)], "both, in order")
    # Whoever comes with the same identifier takes its place.
    third = Client(version, name, clean=True)
    second.wait("disconnected")
    second.paho.loop_stop()
    for client in (publisher, third):
        client.leave()


def keep_alive(version):
    client = Client(version, keep_alive=1)
    client.wait("pong")
    client.wait("pong")
    client.leave()


def properties_of_messages(version):
    a, b = Client(version), Client(version)
    check(a.properties.AssignedClientIdentifier, "an assigned identifier")
    identifier = properties(PacketTypes.SUBSCRIBE, SubscriptionIdentifier=7)
    a.subscribe("props/#", 1, properties=identifier)
    sent = properties(
        PacketTypes.PUBLISH,
        UserProperty=[("b", "1"), ("a", "2"), ("b", "3")],
        ContentType="text/plain",
        ResponseTopic="answer/here",
        CorrelationData=b"\x00\xff",
        MessageExpiryInterval=100,
        PayloadFormatIndicator=1,
    )
    code = b.publish("props/x", b"text", 1, properties=sent)
    check(code == 0, f"PUBACK {code}")
    got = a.message().properties
    check(got.UserProperty == [("b", "1"), ("a", "2"), ("b", "3")], "user properties in order")
    check(got.ContentType == "text/plain", "content type")
    check((got.ResponseTopic, got.CorrelationData) == ("answer/here", b"\x00\xff"), "response")
    check(got.MessageExpiryInterval in (99, 100), "message expiry")
    check(got.SubscriptionIdentifier == [7], "subscription identifier")
    check(b.publish("nobody/listens", b"", 1).value == 0x10, "no matching subscribers")
    for client in (a, b):
        client.leave()


def options_of_subscriptions(version):
    client = Client(version)
    client.subscribe("own", options=SubscribeOptions(qos=1, noLocal=True))
    client.subscribe(
        "flag", options=SubscribeOptions(qos=1, retainAsPublished=True, retainHandling=2)
    )
    client.publish("own", b"unheard", 1)
    client.publish("flag", b"heard", 1, retain=True)
    message = client.message()
    check((message.topic, message.retain) == ("flag", True), f"{message.topic} {message.retain}")
    client.publish("flag", b"", 1, retain=True)
    client.message()
    client.leave()


def shared(version):
    members = [Client(version) for _ in range(2)]
    for member in members:
        member.subscribe("$share/group/work", 1)
    publisher = Client(version)
    jobs = [b"%d" % n for n in range(10)]
    for job in jobs:
        publisher.publish("work", job, 1)
    publisher.publish("work", b"end", 1)
    publisher.publish("work", b"end", 1)
    done = []
    for member in members:
        while (message := member.message()).payload != b"end":
            done.append(message.payload)
    check(sorted(done) == sorted(jobs), f"each job once: {done}")
    for client in members + [publisher]:
        client.leave()


def run():
    everywhere = [round_trips, retained, wills, sessions, keep_alive]
    only_v5 = [properties_of_messages, options_of_subscriptions, shared]
    for name, version in VERSIONS.items():
        for scenario in everywhere + (only_v5 if version == V5 else []):
            scenario(version)
            print(f"paho {name} {scenario.__name__}", flush=True)


run()
