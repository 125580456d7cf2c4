// MQTT.js against the broker at the URLs of MQTT_URL (TCP) and MQTT_WS_URL (WebSocket).
//
// Prints a line for each thing that worked; ends with 1 at the first that did not.

const assert = require("node:assert");
const mqtt = require("mqtt");

const PATIENCE = 20_000;
const VERSIONS = { 3.1: ["MQIsdp", 3], "3.1.1": ["MQTT", 4], "5.0": ["MQTT", 5] };

// A client whose events can be awaited.
class Client {
  static async connect(url, version, options = {}) {
    const [protocolId, protocolVersion] = VERSIONS[version];
    const client = new Client();
    client.waiting = [];
    client.kept = [];
    client.mqtt = mqtt.connect(url, {
      protocolId,
      protocolVersion,
      clientId: `js-${version}-${Math.random().toString(16).slice(2, 10)}`,
      reconnectPeriod: 0,
      ...options,
    });
    client.mqtt.on("connect", (connack) => client.put("connect", connack));
    client.mqtt.on("message", (topic, payload, packet) => client.put("message", packet));
    client.mqtt.on("close", () => client.put("close"));
    client.mqtt.on("error", (error) => client.put("error", error));
    client.mqtt.on("packetreceive", (packet) => client.put(packet.cmd, packet));
    client.connack = await client.wait("connect");
    return client;
  }

  put(name, value) {
    const at = this.waiting.findIndex((waiting) => waiting.name === name);
    if (at < 0) return this.kept.push({ name, value });
    this.waiting.splice(at, 1)[0].resolve(value);
  }

  wait(name) {
    const at = this.kept.findIndex((event) => event.name === name);
    if (at >= 0) return Promise.resolve(this.kept.splice(at, 1)[0].value);
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`waited for '${name}' in vain`)), PATIENCE);
      this.waiting.push({ name, resolve: (value) => (clearTimeout(late), resolve(value)) });
    });
  }

  subscribe(topic, options) {
    return this.mqtt.subscribeAsync(topic, options);
  }

  publish(topic, payload, options = {}) {
    return this.mqtt.publishAsync(topic, payload, options);
  }

  leave() {
    return this.mqtt.endAsync();
  }
}

const everywhere = {
  async "round trips"(url, version) {
    const client = await Client.connect(url, version);
    const granted = await client.subscribe("trip/+", { qos: 2 });
    assert.strictEqual(granted[0].qos, 2);
    const numbers = Array.from({ length: 30 }, (_, n) => Buffer.from(String(n)));
    const payloads = [Buffer.alloc(0), Buffer.from([...Array(256).keys()]), Buffer.alloc(100_000, "x"), ...numbers];
    for (const qos of [0, 1, 2]) {
      // One at a time: MQTT.js does not keep to a receive maximum.
      for (const payload of payloads) await client.publish(`trip/${qos}`, payload, { qos });
      for (const payload of payloads) {
        const message = await client.wait("message");
        assert.strictEqual(message.topic, `trip/${qos}`);
        assert.strictEqual(message.qos, qos);
        assert.ok(payload.equals(message.payload), `payload of ${payload.length} bytes`);
      }
    }
    await client.leave();
  },

  async "retained"(url, version) {
    const publisher = await Client.connect(url, version);
    const keep = { qos: 1, retain: true };
    await publisher.publish("kept/a", "old", keep);
    await publisher.publish("kept/a", "new", keep);
    await publisher.publish("kept/b", "gone", keep);
    await publisher.publish("kept/b", "", keep);
    const subscriber = await Client.connect(url, version);
    await subscriber.subscribe("kept/#", { qos: 1 });
    const first = await subscriber.wait("message");
    assert.deepStrictEqual([first.payload.toString(), first.retain], ["new", true]);
    await publisher.publish("kept/c", "live", { qos: 1 });
    const live = await subscriber.wait("message");
    assert.deepStrictEqual([live.payload.toString(), live.retain], ["live", false]);
    await publisher.publish("kept/a", "", keep);
    await publisher.leave();
    await subscriber.leave();
  },

  async "wills"(url, version) {
    const watcher = await Client.connect(url, version);
    await watcher.subscribe("will/#", { qos: 1 });
    const will = (topic, payload) => ({ will: { topic, payload: Buffer.from(payload), qos: 1 } });
    await (await Client.connect(url, version, will("will/gentle", "never"))).leave();
    const rude = await Client.connect(url, version, will("will/rude", "gone"));
    rude.mqtt.stream.destroy();
    const message = await watcher.wait("message");
    assert.deepStrictEqual([message.topic, message.payload.toString()], ["will/rude", "gone"]);
    await watcher.leave();
  },

  async "sessions"(url, version) {
    const options = { clientId: `js-${version}-stays`, clean: false };
    if (version === "5.0") options.properties = { sessionExpiryInterval: 60 };
    const first = await Client.connect(url, version, options);
    assert.ok(!first.connack.sessionPresent);
    await first.subscribe("away", { qos: 2 });
    await first.leave();
    const publisher = await Client.connect(url, version);
    await publisher.publish("away", "1", { qos: 1 });
    await publisher.publish("away", "2", { qos: 2 });
    const second = await Client.connect(url, version, options);
    if (version !== "3.1") assert.ok(second.connack.sessionPresent);
    for (const text of ["1", "2"]) {
      const message = await second.wait("message");
      assert.strictEqual(message.payload.toString(), text);
    }
    // Whoever comes with the same identifier takes its place.
    const third = await Client.connect(url, version, { clientId: options.clientId });
    await second.wait("close");
    await publisher.leave();
    await third.leave();
  },

  async "keep alive"(url, version) {
    const client = await Client.connect(url, version, { keepalive: 1 });
    await client.wait("pingresp");
    await client.wait("pingresp");
    await client.leave();
  },
};

const onlyV5 = {
  async "properties"(url, version) {
    const a = await Client.connect(url, version, { clientId: "" });
    assert.ok(a.connack.properties.assignedClientIdentifier);
    const b = await Client.connect(url, version);
    await a.subscribe("props/#", { qos: 1, properties: { subscriptionIdentifier: 7 } });
    const properties = {
      userProperties: { b: ["1", "3"], a: "2" },
      contentType: "text/plain",
      responseTopic: "answer/here",
      correlationData: Buffer.from([0, 255]),
      messageExpiryInterval: 100,
      payloadFormatIndicator: true,
    };
    await b.publish("props/x", "text", { qos: 1, properties });
    const got = (await a.wait("message")).properties;
    assert.deepStrictEqual({ ...got.userProperties }, { b: ["1", "3"], a: "2" });
    assert.strictEqual(got.contentType, "text/plain");
    assert.strictEqual(got.responseTopic, "answer/here");
    assert.ok(got.correlationData.equals(properties.correlationData));
    assert.ok([99, 100].includes(got.messageExpiryInterval));
    assert.strictEqual(got.subscriptionIdentifier, 7);
    await b.publish("nobody/listens", "", { qos: 1 });
    await b.wait("puback");
    assert.strictEqual((await b.wait("puback")).reasonCode, 0x10);
    await a.leave();
    await b.leave();
  },

  async "topic aliases"(url, version) {
    const options = { properties: { topicAliasMaximum: 10 }, autoAssignTopicAlias: true };
    const client = await Client.connect(url, version, options);
    assert.ok(client.connack.properties.topicAliasMaximum > 0);
    await client.subscribe("a/long/topic/name", { qos: 0 });
    for (const text of ["1", "2", "3"]) {
      await client.publish("a/long/topic/name", text);
      const message = await client.wait("message");
      assert.strictEqual(message.payload.toString(), text);
    }
    await client.leave();
  },
};

async function run() {
  for (const [transport, url] of [["TCP", process.env.MQTT_URL], ["WebSocket", process.env.MQTT_WS_URL]]) {
    for (const version of Object.keys(VERSIONS)) {
      for (const [name, scenario] of Object.entries({ ...everywhere, ...(version === "5.0" ? onlyV5 : {}) })) {
        await scenario(url, version);
        console.log(`MQTT.js ${transport} ${version} ${name}`);
      }
    }
  }
}

run().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
