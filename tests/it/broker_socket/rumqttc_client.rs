//! rumqttc's two clients behind the same few functions.

/// A client on the version-specific items that are handed in.
macro_rules! client {
    ($module:ident { $($specific:tt)* }) => {
        pub(super) mod $module {
            use tokio::time::timeout;

            use super::super::{Message, PATIENCE};
            use crate::test_broker::TestBroker;

            $($specific)*

            pub(crate) struct Client {
                client: AsyncClient,
                events: EventLoop,
                pub(crate) session_present: bool,
            }

            pub(crate) struct Options(MqttOptions);

            pub(crate) async fn connect(broker: &TestBroker, id: &str) -> Client {
                Options::new(broker, id).connect().await
            }

            fn qos(level: u8) -> QoS {
                match level {
                    0 => QoS::AtMostOnce,
                    1 => QoS::AtLeastOnce,
                    _ => QoS::ExactlyOnce,
                }
            }

            impl Options {
                pub(crate) fn new(broker: &TestBroker, id: &str) -> Options {
                    let host = broker.address.ip().to_string();
                    let mut options = MqttOptions::new(id, host, broker.address.port());
                    take_large_packets(&mut options);
                    Options(options)
                }

                pub(crate) fn keep_session(mut self) -> Options {
                    keep_session(&mut self.0);
                    self
                }

                pub(crate) fn with_will(mut self, topic: &str, payload: &str, level: u8) -> Options {
                    self.0.set_last_will(will(topic, payload.to_owned(), qos(level)));
                    self
                }

                pub(crate) async fn connect(self) -> Client {
                    let (client, events) = AsyncClient::new(self.0, 10);
                    let mut client = Client {
                        client,
                        events,
                        session_present: false,
                    };
                    client.session_present = client
                        .wait(|event| match event {
                            Event::Incoming(Packet::ConnAck(connack)) => {
                                Some(connack.session_present)
                            }
                            _ => None,
                        })
                        .await;
                    client
                }
            }

            impl Client {
                /// Lets the client work until something happens that `pick` takes.
                async fn wait<T>(&mut self, pick: impl Fn(&Event) -> Option<T>) -> T {
                    let work = async {
                        loop {
                            let event = self.events.poll().await.expect("the connection holds");
                            if let Some(picked) = pick(&event) {
                                return picked;
                            }
                        }
                    };
                    timeout(PATIENCE, work).await.expect("the broker answers")
                }

                pub(crate) async fn subscribe(&mut self, filter: &str, level: u8) {
                    self.client.subscribe(filter, qos(level)).await.unwrap();
                    self.wait(|event| {
                        matches!(event, Event::Incoming(Packet::SubAck(_))).then_some(())
                    })
                    .await;
                }

                pub(crate) async fn hand_over(&mut self, topic: &str, payload: &str, level: u8, retain: bool) {
                    let payload = payload.to_owned();
                    let handed_over = self.client.publish(topic, qos(level), retain, payload);
                    handed_over.await.unwrap();
                }

                /// Publishes, and waits for the last acknowledgement; at QoS 0, which has none,
                /// for the bytes to be on their way.
                pub(crate) async fn publish(&mut self, topic: &str, payload: &str, level: u8, retain: bool) {
                    self.hand_over(topic, payload, level, retain).await;
                    self.wait(|event| match (level, event) {
                        (0, Event::Outgoing(Outgoing::Publish(_)))
                        | (1, Event::Incoming(Packet::PubAck(_)))
                        | (2, Event::Incoming(Packet::PubComp(_))) => Some(()),
                        _ => None,
                    })
                    .await;
                }

                pub(crate) async fn message(&mut self) -> Message {
                    self.wait(|event| match event {
                        Event::Incoming(Packet::Publish(publish)) => Some(Message {
                            topic: topic_of(publish),
                            payload: String::from_utf8(publish.payload.to_vec()).unwrap(),
                            qos: publish.qos as u8,
                            retain: publish.retain,
                            dup: publish.dup,
                        }),
                        _ => None,
                    })
                    .await
                }

                /// Waits for the end of the connection.
                pub(crate) async fn ends(&mut self) {
                    let work = async { while self.events.poll().await.is_ok() {} };
                    timeout(PATIENCE, work).await.expect("the connection ends");
                }
            }
        }
    };
}

client!(v4 {
    use rumqttc::{AsyncClient, Event, EventLoop, LastWill, MqttOptions, Outgoing, Packet, Publish, QoS};

    fn take_large_packets(options: &mut MqttOptions) {
        options.set_max_packet_size(3_000_000, 3_000_000);
    }

    fn keep_session(options: &mut MqttOptions) {
        options.set_clean_session(false);
    }

    fn will(topic: &str, payload: String, qos: QoS) -> LastWill {
        LastWill::new(topic, payload, qos, false)
    }

    fn topic_of(publish: &Publish) -> String {
        publish.topic.clone()
    }
});

client!(v5 {
    use rumqttc::Outgoing;
    use rumqttc::v5::mqttbytes::QoS;
    use rumqttc::v5::mqttbytes::v5::{LastWill, Packet, Publish};
    use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};

    fn take_large_packets(options: &mut MqttOptions) {
        options.set_max_packet_size(Some(3_000_000));
        // Without it each client allocates for 65,535 messages in flight.
        options.set_outgoing_inflight_upper_limit(100);
    }

    fn keep_session(options: &mut MqttOptions) {
        options.set_clean_start(false);
        options.set_session_expiry_interval(Some(60));
    }

    fn will(topic: &str, payload: String, qos: QoS) -> LastWill {
        LastWill::new(topic, payload, qos, false, None)
    }

    fn topic_of(publish: &Publish) -> String {
        String::from_utf8(publish.topic.to_vec()).unwrap()
    }
});
